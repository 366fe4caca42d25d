"""Trust policies: the principals that may assume a role, and IAM's size limit of the document."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, limits, names
from eks_identity.model.issuers import Provider
from eks_identity.model.statements import Conditions, add_conditions
from eks_identity.model.subjects import Subject

Document = dict[str, Any]
"""An IAM policy document: `Version` and `Statement`."""

POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"
ASSUME = ["sts:AssumeRole", "sts:TagSession"]
"""Actions needed to assume a role with session tags, as EKS Pod Identity does."""


_AT_LEAST_ONE = "must have at least one item, or no principal could assume the role"


def irsa_trust(
    providers: Sequence[Provider],
    subjects: Sequence[Subject],
    *,
    audience: str | None = None,
    size_limit: int = limits.TRUST_POLICY,
    conditions: Conditions | None = None,
    subjects_input: str = "subjects",
) -> Document:
    """Return the trust policy for IRSA: only `subjects` of the clusters of `providers` can assume the role.

    `audience` is `sts.amazonaws.com` by default; set it if the service account's annotation names another. It is
    compared with StringEquals even if subjects have wildcards. `conditions` are added to every statement. Raises
    `InvalidInput` for no providers or subjects, repeated subjects, providers of several accounts, and a document longer
    than `size_limit` characters.

    Source: EKS user guide, "Assign IAM roles to Kubernetes service accounts".
    """
    require_providers_and_subjects(providers, subjects)
    statements = [_federated(provider, subjects, audience) for provider in providers]
    policy = document([add_conditions(statement, conditions or {}) for statement in statements])
    return require_size(
        policy,
        size_limit,
        f"{len(subjects)} subjects of {len(providers)} clusters",
        lambda: _irsa_size_fix(policy, size_limit, subjects, conditions),
        under=subjects_input,
    )


def require_providers_and_subjects(providers: Sequence[Provider], subjects: Sequence[Subject]) -> None:
    """Raise `InvalidInput` for no providers or subjects, repeated ones, and providers of several accounts."""
    problems = [
        Problem(name, _AT_LEAST_ONE, list(values), f"add an item to {name}")
        for name, values in (("oidc_provider_arns", providers), ("subjects", subjects))
        if not values
    ]
    problems += [
        Problem(f"oidc_provider_arns[{index}]", "must be listed once", provider.arn, "remove the repeated provider")
        for index, provider in enumerate(providers)
        if provider in providers[:index]
    ]
    problems += [
        Problem(
            f"oidc_provider_arns[{index}]",
            f"must be a provider of the role's own account {providers[0].account} (IAM)",
            provider.arn,
            "register that cluster's issuer in this account too (OidcProvider), or create a role in that account",
        )
        for index, provider in enumerate(providers)
        if (provider.account, provider.partition) != (providers[0].account, providers[0].partition)
    ]
    problems += _repeated_subject_problems(subjects)
    if problems:
        raise InvalidInput(problems)


def pod_identity_trust(
    clusters: Sequence[str] = (), subjects: Sequence[Subject] = (), *, conditions: Conditions | None = None
) -> Document:
    """Return the trust policy for EKS Pod Identity: associations of `clusters` (ARNs) and `subjects` can use the role.

    If `clusters` is empty, associations of any cluster of the account can use it; if `subjects` is empty, any service
    account. The associations decide which pods get the role. The policy compares the session tags that EKS sets, so an
    association with disabled session tags cannot use a role that is limited here. Both actions are needed: the service
    tags its sessions. `conditions` are added to every statement.

    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity".
    """
    if problems := _repeated_subject_problems(subjects):
        raise InvalidInput(problems)
    base = {"Effect": "Allow", "Principal": {"Service": POD_IDENTITY_SERVICE}, "Action": ASSUME}
    cluster_tags = {_tag("eks-cluster-arn"): _one_or_many(sorted(clusters))} if clusters else {}
    tag_sets = [{**cluster_tags, **tags} for tags in _session_tags(subjects)]
    statements = [{**base, "Condition": {"StringEquals": tags}} if tags else base for tags in tag_sets]
    return document([add_conditions(statement, conditions or {}) for statement in statements])


def chained_trust(
    roles: Sequence[str | arns.Principal],
    external_ids: Sequence[str] = (),
    *,
    size_limit: int = limits.TRUST_POLICY,
    conditions: Conditions | None = None,
) -> Document:
    """Return the trust policy that allows other roles to assume this one.

    With `external_ids`, callers must send one of them. `conditions` are added to the statement.

    Source: IAM user guide, "Access to AWS accounts owned by third parties"; EKS, "Access AWS resources using Pod
    Identity target roles".
    """
    role_arns = [role.arn if isinstance(role, arns.Principal) else role for role in roles]
    with Problems() as problems:
        if not role_arns:
            problems.add("trusted_role_arns", _AT_LEAST_ONE, [], "add an item to trusted_role_arns")
        for index, arn in enumerate(role_arns):
            problems.parse(f"trusted_role_arns[{index}]", arns.role_arn, roles[index])
            if any(arns.same_arn(arn, other) for other in role_arns[:index]):
                problems.add(f"trusted_role_arns[{index}]", "must be listed once", arn, "remove the repeated role")
        for external_id in external_ids:
            problems.parse("external_id", names.external_id, external_id)
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": _one_or_many(role_arns)}, "Action": ASSUME}
    if external_ids:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": _one_or_many(sorted(external_ids))}}
    policy = document([add_conditions(statement, conditions or {})])
    divided = "trusted_role_arns" if len(role_arns) >= len(external_ids) else "subjects"
    contents = f"{len(role_arns)} roles, {len(external_ids)} external ids"
    return require_size(
        policy,
        size_limit,
        contents,
        lambda: size_fix(divided, max(len(role_arns), len(external_ids)), conditions),
        under=divided,
    )


def external_id(cluster_arn: str | arns.Arn, subject: Subject) -> str:
    """Return the `sts:ExternalId` that EKS sends when it assumes the target role of an association.

    Source: EKS user guide, "Access AWS resources using EKS Pod Identity target IAM roles".
    """
    arn = cluster_arn if isinstance(cluster_arn, arns.Arn) else arns.Arn.parse(cluster_arn)
    cluster = arn.resource.removeprefix("cluster/")
    return f"{arn.region}/{arn.account}/{cluster}/{subject.namespace}/{subject.service_account}"


def compact(policy: Document) -> str:
    """Return the document as JSON without white space, which IAM does not count against its limits."""
    return json.dumps(policy, separators=(",", ":"))


def document(statements: list[dict[str, Any]]) -> Document:
    """Return a policy document of the statements."""
    return {"Version": "2012-10-17", "Statement": statements}


def require_size(
    policy: Document, size_limit: int, contents: str, fix: Callable[[], str], *, under: str = "subjects"
) -> Document:
    """Return `policy`; raise `InvalidInput` for the input `under` if it exceeds `size_limit` characters.

    `contents` describes the policy in the message. `fix` returns the imperative.
    """
    size = len(compact(policy))
    if size > size_limit:
        rule = (
            f"must fit a trust policy of at most {size_limit} characters (IAM quota, by default {limits.TRUST_POLICY})"
        )
        raised = "; if AWS raised the account's quota, set raised_quotas to True"
        text = f"{fix()}{raised if size <= limits.TRUST_POLICY_RAISED else ''}"
        raise InvalidInput([Problem(under, rule, f"{contents} make {size}", text)])
    return policy


def size_fix(divided: str, count: int, conditions: Conditions | None) -> str:
    """Return the fix of a policy that is too long: several roles for `count` items, or fewer values."""
    fixes = [f"divide {divided} among several roles"] if count > 1 else []
    if conditions or not fixes:
        fixes.append("remove values from trust_conditions")
    return ", or ".join(fixes)


def _repeated_subject_problems(subjects: Sequence[Subject]) -> list[Problem]:
    """Return the problems of subjects that are listed twice."""
    return [
        Problem(f"subjects[{index}]", "must be listed once", str(subject), "remove the repeated subject")
        for index, subject in enumerate(subjects)
        if subject in subjects[:index]
    ]


def _irsa_size_fix(
    policy: Document, size_limit: int, subjects: Sequence[Subject], conditions: Conditions | None
) -> str:
    """Return the fix of a policy that is too long: with fewer clusters for a role, or with several roles."""
    longest = max(len(compact(statement)) for statement in policy["Statement"])
    clusters = (size_limit - len(compact(document([]))) + 1) // (longest + 1)
    if clusters and len(policy["Statement"]) > 1:
        return (
            f"set oidc_provider_arns_by_role in place of oidc_provider_arns, with at most {clusters} clusters for "
            "each role"
        )
    fix = size_fix("the service accounts", len(subjects), conditions)
    return fix if conditions else f"{fix}, or use Pod Identity, whose trust policy names no service account"


def _federated(provider: Provider, subjects: Sequence[Subject], audience: str | None) -> dict[str, Any]:
    audiences = {provider.issuer.aud: audience or provider.partition.sts_audience}
    subs = {provider.issuer.sub: _one_or_many([str(subject) for subject in subjects])}
    # Under StringLike a name without wildcards still means only itself, so one statement for each cluster is enough.
    if any(subject.has_wildcard for subject in subjects):
        condition = {"StringEquals": audiences, "StringLike": subs}
    else:
        condition = {"StringEquals": {**subs, **audiences}}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


def _session_tags(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Return the session tags of exactly `subjects`: namespaces with the same service accounts share a statement."""
    accounts: dict[str, list[str]] = {}
    for subject in subjects:
        accounts.setdefault(subject.namespace, []).append(subject.service_account)
    namespaces_by_accounts: dict[tuple[str, ...], list[str]] = {}
    for namespace, service_accounts in accounts.items():
        namespaces_by_accounts.setdefault(tuple(sorted(service_accounts)), []).append(namespace)
    return [
        {
            _tag("kubernetes-namespace"): _one_or_many(namespaces),
            _tag("kubernetes-service-account"): _one_or_many(service_accounts),
        }
        for service_accounts, namespaces in namespaces_by_accounts.items()
    ] or [{}]


def _tag(key: str) -> str:
    return f"aws:RequestTag/{key}"


def _one_or_many(values: Sequence[str]) -> str | list[str]:
    """Return a single value without its list, as IAM allows."""
    return values[0] if len(values) == 1 else list(values)
