"""IAM roles of pods as arguments of the components that own a role, and the trust policies that these write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eks_access.graph.aws_objects import IamPrincipal, Unknown
from eks_access.questions.adoption.declarations import reason_of, without_empty
from eks_identity.errors import InvalidInput
from eks_identity.model import limits, trust
from eks_identity.model import tags as tag_rules
from eks_identity.model.arns import Principal
from eks_identity.model.issuers import Provider
from eks_identity.model.subjects import Subject

DEFAULT_SESSION = 3600
_FEDERATED = "sts:AssumeRoleWithWebIdentity"
OTHER_TRUST = "its trust policy is not one that the components write"


class NotOwnedError(Exception):
    """No component can own a role. The message is the reason."""


def role_args(role: IamPrincipal) -> dict[str, Any]:
    """Return the role options of a component that owns the role; raise `NotOwnedError` if no options equal it."""
    principal = Principal.parse(role.arn)
    if principal.is_service_linked():
        raise NotOwnedError("it is linked to a service of AWS, which manages it")
    if role.description is None or role.max_session_duration is None:
        raise NotOwnedError("the source has neither its description nor its session duration: adopt from --source live")
    if role.other_policies is not None:
        raise NotOwnedError(f"it may have more policies: {role.other_policies}")
    unknown = [name for name, document in role.inline_policies.items() if isinstance(document, Unknown)]
    if unknown or isinstance(role.boundary, Unknown):
        raise NotOwnedError("the source does not know all of its policies")
    if problems := tag_rules.problems(role.tags):
        raise NotOwnedError(f"tag {problems[0].input!r} {problems[0].rule}")
    inline = {name: compact(document) for name, document in sorted(role.inline_policies.items())}
    return without_empty(
        [
            ("role_name", principal.name),
            ("path", None if principal.path == "/" else principal.path),
            ("permissions_boundary", role.boundary),
            (
                "max_session_duration",
                None if role.max_session_duration == DEFAULT_SESSION else role.max_session_duration,
            ),
            ("description", role.description),
            ("policies", sorted(role.attached_policies)),
            ("inline_policies", inline),
            ("raised_quotas", len(role.attached_policies) > limits.MANAGED_POLICIES_OF_A_ROLE or None),
            ("tags", dict(role.tags)),
        ]
    )


def trusts(role: IamPrincipal, write: Callable[[], Mapping[str, Any]]) -> bool:
    """Return whether the trust policy of a role means what a component would write."""
    try:
        written = write()
    except InvalidInput:
        return False
    return same_policy(role.trust_policy, written)


def same_policy(one: Any, other: Any) -> bool:
    """Return whether two policy documents are equal to the aws plugin, which then shows no change.

    The order of lists and a list around a single item make no difference, and a `Sid` does.
    """
    return bool(_canonical(one) == _canonical(other))


def irsa_role_args(role: IamPrincipal) -> dict[str, Any]:
    """Return the arguments of the IrsaRole that writes the role's trust policy; raise `NotOwnedError` without one."""
    statements = _statements(role.trust_policy)
    if not statements or any(_as_list(each.get("Action")) != [_FEDERATED] for each in statements):
        raise NotOwnedError(OTHER_TRUST)
    try:
        providers = [Provider.parse(str(_principal(each, "Federated"))) for each in statements]
        claims = [_claims(statement, provider) for statement, provider in zip(statements, providers, strict=True)]
        subs, audience = claims[0]
        subjects = [Subject.parse(text, allow_wildcards=True) for text in subs]
        written = trust.irsa_trust(providers, subjects, audience=audience, size_limit=limits.TRUST_POLICY_RAISED)
    except (InvalidInput, NotOwnedError, KeyError) as error:
        detail = reason_of(error) if isinstance(error, InvalidInput) else str(error).strip("'")
        raise NotOwnedError(f"{OTHER_TRUST}: {detail}") from error
    if not same_policy(role.trust_policy, written):
        raise NotOwnedError(OTHER_TRUST)
    return without_empty(
        [
            ("oidc_provider_arns", [provider.arn for provider in providers]),
            ("subjects", [{"namespace": each.namespace, "service_account": each.service_account} for each in subjects]),
            ("allow_wildcards", any(each.has_wildcard for each in subjects) or None),
            ("audience", None if audience == providers[0].partition.sts_audience else audience),
        ]
    )


def _claims(statement: Mapping[str, Any], provider: Provider) -> tuple[list[str], str]:
    """Return the subjects and the audience that a statement compares."""
    conditions: dict[str, list[str]] = {}
    for operator, comparisons in (statement.get("Condition") or {}).items():
        if operator not in {"StringEquals", "StringLike"}:
            raise NotOwnedError(f"condition operator {operator}")
        conditions |= {key: _as_list(values) for key, values in comparisons.items()}
    for key in (provider.issuer.sub, provider.issuer.aud):
        if key not in conditions:
            raise NotOwnedError(f"no condition on {key}")
    audiences = conditions[provider.issuer.aud]
    if len(audiences) != 1:
        raise NotOwnedError(f"several values of {provider.issuer.aud}")
    return conditions[provider.issuer.sub], audiences[0]


def _principal(statement: Mapping[str, Any], kind: str) -> object:
    principal = statement.get("Principal")
    return principal.get(kind) if isinstance(principal, Mapping) else principal


def _statements(document: Any) -> Sequence[Mapping[str, Any]]:
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    return _as_list(statements)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = sorted(map(_canonical, value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value


def compact(document: Any) -> str:
    """Return a policy document as JSON without white space."""
    return json.dumps(document, separators=(",", ":"))
