"""Trust policies: who may take a role on. Always both `sub` and `aud`, and never more than IAM has room for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import limits
from eks_identity.model.issuers import Provider
from eks_identity.model.subjects import Subject

Document = dict[str, Any]
"""An IAM policy document: `Version` and `Statement`."""

POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"


def irsa_trust(
    providers: Sequence[Provider],
    subjects: Sequence[Subject],
    *,
    audience: str | None = None,
    size_limit: int = limits.TRUST_POLICY,
) -> Document:
    """The trust policy that lets `subjects` of the clusters behind `providers` assume a role, and nobody else.

    `audience` is the partition's `sts.amazonaws.com` unless the service account's annotation asks for another. It stays
    under StringEquals even where subjects hold wildcards. Refuses an empty side, repeated subjects, and a document
    longer than `size_limit` characters.

    Source: EKS user guide, "Assign IAM roles to Kubernetes service accounts".
    """
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
        Problem(f"subjects[{index}]", "each service account once", str(subject), "take the repeated subject out")
        for index, subject in enumerate(subjects)
        if subject in subjects[:index]
    ]
    if problems:
        raise InvalidInput(problems)
    document = _document(
        [_federated(provider, subjects, audience or provider.partition.sts_audience) for provider in providers]
    )
    size = len(compact(document))
    if size > size_limit:
        raise InvalidInput(
            [
                Problem(
                    "subjects",
                    f"a trust policy has at most {size_limit} characters ({limits.TRUST_POLICY} unless IAM raised it)",
                    f"{len(subjects)} subjects of {len(providers)} clusters make {size}",
                    "use two roles, or Pod Identity (its trust policy names no service account); where IAM raised the "
                    "account's quota, set raised_quotas to True",
                )
            ]
        )
    return document


def pod_identity_trust() -> Document:
    """The trust policy of a role for EKS Pod Identity: who takes it on is said by associations, not here.

    Both actions are needed: the service tags the sessions that it makes. Source: EKS user guide, "Pod Identity role".
    """
    return _document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": POD_IDENTITY_SERVICE},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }
        ]
    )


def compact(document: Document) -> str:
    """The document as JSON without white space: IAM counts no white space against its limits."""
    return json.dumps(document, separators=(",", ":"))


def _federated(provider: Provider, subjects: Sequence[Subject], audience: str) -> dict[str, Any]:
    audiences = {provider.issuer.aud: audience}
    allowed = [str(subject) for subject in subjects]
    subs = {provider.issuer.sub: allowed[0] if len(allowed) == 1 else allowed}
    # A name without wildcards means the same under StringLike, so that one statement a cluster is enough.
    wild = any(subject.has_wildcard for subject in subjects)
    condition = {"StringEquals": audiences, "StringLike": subs} if wild else {"StringEquals": {**subs, **audiences}}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider.arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


def _document(statements: list[dict[str, Any]]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
