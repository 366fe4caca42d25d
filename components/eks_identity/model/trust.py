"""Trust policies: the principals that may assume a role, and IAM's size limit of the document."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
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
        policy, size_limit, f"{len(subjects)} subjects of {len(providers)} clusters", partial(_fix, policy, size_limit)
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
    return require_size(policy, size_limit, f"{len(role_arns)} roles, {len(external_ids)} external ids")


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
    policy: Document, size_limit: int, contents: str, suggest: Callable[[], str] = lambda: "use two roles"
) -> Document:
    """Return `policy`; raise `InvalidInput` if it exceeds `size_limit` characters.

    `contents` describes the policy in the message. `suggest` returns the fix, an imperative.
    """
    size = len(compact(policy))
    if size > size_limit:
        rule = (
            f"must fit a trust policy of at most {size_limit} characters (IAM quota, by default {limits.TRUST_POLICY})"
        )
        fix = (
            f"{suggest()}, or use Pod Identity (its trust policy names no service account); if AWS raised the "
            "account's quota, set raised_quotas to True"
        )
        raise InvalidInput([Problem("subjects", rule, f"{contents} make {size}", fix)])
    return policy


def _repeated_subject_problems(subjects: Sequence[Subject]) -> list[Problem]:
    """Return the problems of subjects that are listed twice."""
    return [
        Problem(f"subjects[{index}]", "must be listed once", str(subject), "remove the repeated subject")
        for index, subject in enumerate(subjects)
        if subject in subjects[:index]
    ]


def _fix(policy: Document, size_limit: int) -> str:
    """Return the fix of a policy that is too long: with fewer clusters for a role, or with several roles."""
    longest = max(len(compact(statement)) for statement in policy["Statement"])
    clusters = (size_limit - len(compact(document([]))) + 1) // (longest + 1)
    if clusters and len(policy["Statement"]) > 1:
        return f"set oidc_provider_arns_by_role with at most {clusters} clusters for each role"
    return "divide the subjects among several roles"


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
