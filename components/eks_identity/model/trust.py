"""Trust policies: who may take a role on. Never more than was declared, and never more than IAM has room for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import arns, limits, names
from eks_identity.model.issuers import Provider
from eks_identity.model.statements import Conditions, merged
from eks_identity.model.subjects import Subject

Document = dict[str, Any]
"""An IAM policy document: `Version` and `Statement`."""

POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"
ASSUME = ["sts:AssumeRole", "sts:TagSession"]
"""What taking on a role takes where the session is tagged, as those of Pod Identity are."""


def irsa_trust(
    providers: Sequence[Provider],
    subjects: Sequence[Subject],
    *,
    audience: str | None = None,
    size_limit: int = limits.TRUST_POLICY,
    conditions: Conditions | None = None,
) -> Document:
    """The trust policy that lets `subjects` of the clusters behind `providers` assume a role, and nobody else.

    `audience` is the partition's `sts.amazonaws.com` unless the service account's annotation asks for another. It stays
    under StringEquals even where subjects hold wildcards. Refuses an empty side, repeated subjects, providers of
    several accounts, and a document longer than `size_limit` characters. `conditions` go into every statement.

    Source: EKS user guide, "Assign IAM roles to Kubernetes service accounts".
    """
    require_sides(providers, subjects)
    statements = [_federated(provider, subjects, audience) for provider in providers]
    made = document([merged(statement, conditions or {}) for statement in statements])
    return require_room(
        made, size_limit, f"{len(subjects)} subjects of {len(providers)} clusters", partial(_room, made, size_limit)
    )


def require_sides(providers: Sequence[Provider], subjects: Sequence[Subject]) -> None:
    """Refuses an empty side, repeated subjects and providers, and providers of several accounts."""
    problems = [
        Problem(name, "at least one, or nobody could assume the role", list(given), f"add to {name}")
        for name, given in (("oidc_provider_arns", providers), ("subjects", subjects))
        if not given
    ]
    problems += [
        Problem(f"oidc_provider_arns[{index}]", "each provider once", provider.arn, "take the repeated provider out")
        for index, provider in enumerate(providers)
        if provider in providers[:index]
    ]
    problems += [
        Problem(
            f"oidc_provider_arns[{index}]",
            f"a role trusts providers of its own account (IAM), here {providers[0].account}",
            provider.arn,
            "register that cluster's issuer in this account too (OidcProvider), or make a role in that account",
        )
        for index, provider in enumerate(providers)
        if (provider.account, provider.partition) != (providers[0].account, providers[0].partition)
    ]
    problems += repeated(subjects)
    if problems:
        raise InvalidInput(problems)


def pod_identity_trust(
    clusters: Sequence[str] = (), subjects: Sequence[Subject] = (), *, conditions: Conditions | None = None
) -> Document:
    """The trust policy of a role for EKS Pod Identity: associations of `clusters` (ARNs) and `subjects` may give it.

    Where one of them is empty, associations of any cluster of the account, or any service account, may. Who gets the
    role is said by associations; here the session tags that EKS sets are compared, so an association with session tags
    disabled gives a limited role to nobody. Both actions are needed: the service tags the sessions that it makes.
    `conditions` go into every statement.

    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity".
    """
    if problems := repeated(subjects):
        raise InvalidInput(problems)
    base = {"Effect": "Allow", "Principal": {"Service": POD_IDENTITY_SERVICE}, "Action": ASSUME}
    everywhere = {_tag("eks-cluster-arn"): _one(sorted(clusters))} if clusters else {}
    compared = [{**everywhere, **tags} for tags in _session_tags(subjects)]
    statements = [{**base, "Condition": {"StringEquals": tags}} if tags else base for tags in compared]
    return document([merged(statement, conditions or {}) for statement in statements])


def chained_trust(
    roles: Sequence[str | arns.Principal],
    external_ids: Sequence[str] = (),
    *,
    size_limit: int = limits.TRUST_POLICY,
    conditions: Conditions | None = None,
) -> Document:
    """The trust policy that lets other roles assume this one; with `external_ids`, only those that give one of them.
    `conditions` go into its statement.

    Source: IAM user guide, "Access to AWS accounts owned by third parties"; EKS, "Access AWS resources using Pod
    Identity target roles".
    """
    role_arns = [role.arn if isinstance(role, arns.Principal) else role for role in roles]
    with Problems() as problems:
        if not role_arns:
            problems.add("trusted_role_arns", "at least one, or nobody could assume the role", [], "add to it")
        for index, arn in enumerate(role_arns):
            problems.parse(f"trusted_role_arns[{index}]", arns.role_arn, roles[index])
            if any(arns.same_arn(arn, other) for other in role_arns[:index]):
                problems.add(f"trusted_role_arns[{index}]", "each role once", arn, "take the repeated role out")
        for external_id in external_ids:
            problems.parse("external_id", names.external_id, external_id)
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": _one(role_arns)}, "Action": ASSUME}
    if external_ids:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": _one(sorted(external_ids))}}
    made = document([merged(statement, conditions or {})])
    return require_room(made, size_limit, f"{len(role_arns)} roles, {len(external_ids)} external ids")


def external_id(cluster_arn: str | arns.Arn, subject: Subject) -> str:
    """What EKS sends as `sts:ExternalId` when it takes on the target role of an association.

    Source: EKS user guide, "Access AWS resources using EKS Pod Identity target IAM roles".
    """
    arn = cluster_arn if isinstance(cluster_arn, arns.Arn) else arns.Arn.parse(cluster_arn)
    cluster = arn.resource.removeprefix("cluster/")
    return f"{arn.region}/{arn.account}/{cluster}/{subject.namespace}/{subject.service_account}"


def both(one: Document, other: Document, *, size_limit: int = limits.TRUST_POLICY) -> Document:
    """What either lets in; refused where it is longer than `size_limit` characters."""
    return require_room(document(one["Statement"] + other["Statement"]), size_limit, "the statements of both modes")


def compact(policy: Document) -> str:
    """The document as JSON without white space: IAM counts no white space against its limits."""
    return json.dumps(policy, separators=(",", ":"))


def document(statements: list[dict[str, Any]]) -> Document:
    """A policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": statements}


def require_room(
    policy: Document, size_limit: int, what: str, fitting: Callable[[], str] = lambda: "use two roles"
) -> Document:
    """`policy`; refused where it is longer than IAM has room for. `fitting` says what would make it fit."""
    size = len(compact(policy))
    if size > size_limit:
        rule = f"a trust policy has at most {size_limit} characters ({limits.TRUST_POLICY} unless IAM raised it)"
        fix = (
            f"{fitting()}, or use Pod Identity (its trust policy names no service account); where IAM raised the "
            "account's quota, set raised_quotas to True"
        )
        raise InvalidInput([Problem("subjects", rule, f"{what} make {size}", fix)])
    return policy


def repeated(subjects: Sequence[Subject]) -> list[Problem]:
    """What there is to say of service accounts that are named twice."""
    return [
        Problem(f"subjects[{index}]", "each service account once", str(subject), "take the repeated subject out")
        for index, subject in enumerate(subjects)
        if subject in subjects[:index]
    ]


def _room(policy: Document, size_limit: int) -> str:
    """How many clusters, or else subjects, of a policy that is too long would fit one role."""
    longest = max(len(compact(statement)) for statement in policy["Statement"])
    clusters = (size_limit - len(compact(document([]))) + 1) // (longest + 1)
    if clusters and len(policy["Statement"]) > 1:
        return f"give oidc_provider_arns_by_role with at most {clusters} clusters a role"
    return "divide the subjects among several roles"


def _federated(provider: Provider, subjects: Sequence[Subject], audience: str | None) -> dict[str, Any]:
    audiences = {provider.issuer.aud: audience or provider.partition.sts_audience}
    subs = {provider.issuer.sub: _one([str(subject) for subject in subjects])}
    # A name without wildcards means the same under StringLike, so that one statement a cluster is enough.
    wild = any(subject.has_wildcard for subject in subjects)
    condition = {"StringEquals": audiences, "StringLike": subs} if wild else {"StringEquals": {**subs, **audiences}}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


def _session_tags(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """The tags of the sessions of `subjects`, exactly theirs: namespaces with the same names share a statement."""
    accounts: dict[str, list[str]] = {}
    for subject in subjects:
        accounts.setdefault(subject.namespace, []).append(subject.service_account)
    alike: dict[tuple[str, ...], list[str]] = {}
    for namespace, found in accounts.items():
        alike.setdefault(tuple(sorted(found)), []).append(namespace)
    return [
        {_tag("kubernetes-namespace"): _one(namespaces), _tag("kubernetes-service-account"): _one(found)}
        for found, namespaces in alike.items()
    ] or [{}]


def _tag(key: str) -> str:
    return f"aws:RequestTag/{key}"


def _one(values: Sequence[str]) -> str | list[str]:
    """IAM's short form of a list of one."""
    return values[0] if len(values) == 1 else list(values)
