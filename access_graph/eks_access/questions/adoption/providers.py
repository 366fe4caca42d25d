"""The OidcProvider declaration of a cluster's issuer."""

from __future__ import annotations

from collections.abc import Iterable

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import OidcProvider, Unknown
from eks_access.questions.adoption.declarations import (
    OIDC_PROVIDER,
    Declaration,
    Form,
    NotAdopted,
    Reference,
    without_empty,
)
from eks_identity.model import tags as tag_rules
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Issuer, Provider

_AUDIENCES = ["sts.amazonaws.com"]


def cluster_provider(graph: AccessGraph) -> Provider | None:
    """Return the IAM OIDC provider of the cluster's issuer in its account; None if there is none.

    A provider without the audience of STS is none for the components: no default token is of its audience.
    """
    cluster = graph.cluster.get()
    if isinstance(cluster.issuer, Unknown) or isinstance(cluster.arn, Unknown) or not cluster.issuer:
        return None
    provider = Provider(Issuer.parse(cluster.issuer), Arn.parse(cluster.arn).partition, cluster.account)
    existing = graph.oidc_providers.get(provider.arn)
    has_audience = existing is not None and provider.partition.sts_audience in existing.audiences
    return provider if has_audience else None


def declare_provider(
    graph: AccessGraph, name: str, form: Form, workloads: Iterable[Declaration]
) -> tuple[list[Declaration], list[NotAdopted]]:
    """Return the declaration of the cluster's provider, and the providers of other issuers.

    Settings declare a provider only for workloads that own a role, and without tags and audiences of its own.
    """
    own = cluster_provider(graph)
    declared, left_out = [], []
    for arn, provider in sorted(graph.oidc_providers.all().items()):
        object_ = f"IAM OIDC provider {arn}"
        if own is None or arn != own.arn:
            left_out.append(
                NotAdopted(object_, "it is of another issuer than the cluster's, or without STS's audience")
            )
            continue
        is_needed = any("oidc_provider_arn" in each.args for each in workloads)
        reason = _not_owned(provider, form)
        if form is Form.SETTINGS and not is_needed:
            reason = "settings declare it only for a workload whose role they own"
        args = {"issuer": Reference("cluster.issuer"), **({"adopt": True} if reason else _own_args(provider))}
        if reason:
            left_out.append(NotAdopted(object_, f"{reason}; it is used unchanged" if is_needed else reason))
        if is_needed or not reason:
            declared.append(Declaration(OIDC_PROVIDER, name, args, () if reason else (object_,)))
    return declared, left_out


def _not_owned(provider: OidcProvider, form: Form) -> str:
    """Return why no declaration can own the provider; empty if one can."""
    if problems := tag_rules.problems(provider.tags):
        return f"tag {problems[0].input!r} {problems[0].rule}"
    if form is Form.SETTINGS and _own_args(provider):
        return "settings declare neither its tags nor its audiences"
    return ""


def _own_args(provider: OidcProvider) -> dict[str, object]:
    audiences = None if list(provider.audiences) == _AUDIENCES else list(provider.audiences)
    return without_empty([("audiences", audiences), ("tags", dict(provider.tags))])
