"""Evaluation of a request by all policies that apply to it.

An explicit deny in any policy overrides every allow. Without a deny, the request requires an allow:

- Same account: by an identity-based policy, or by a resource-based policy that names the user, the session, its role,
  or `*`. If the resource-based policy names only the account, an identity-based policy must allow the request.
- Cross-account: by an identity-based policy and by the resource-based policy.
- Trust policy (`resource_must_allow`): the resource-based policy must always allow the request.

A permissions boundary and session policies grant nothing. Each must also allow the request, except if a resource-based
policy of the same account names the user, the session, or `*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lab.cloud.policy.conditions import Context, are_satisfied
from lab.cloud.policy.documents import Policy, Statement
from lab.cloud.policy.patterns import matches, matches_template
from lab.cloud.policy.principals import Grant, RequestPrincipal, find_grant

_Matches = list[tuple[Policy, Statement]]


class Decision(StrEnum):
    """The decision of an evaluation, with the values of SimulatePrincipalPolicy."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


class Source(StrEnum):
    """The type of policy that determined the decision, as AWS's access-denied messages name it."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"


@dataclass(frozen=True)
class Request:
    """A request for one action on one resource. The resource is `*` if the action has none."""

    action: str
    resource: str = "*"
    principal: RequestPrincipal | None = None
    context: Context = field(default_factory=Context)


@dataclass(frozen=True)
class Policies:
    """All policies that apply to a request."""

    identity: Sequence[Policy] = ()
    resource: Policy | None = None
    boundary: Policy | None = None
    session: Sequence[Policy] = ()
    """Session policies. Empty if the session has none, or if the principal is not a session."""
    same_account: bool = True
    resource_must_allow: bool = False


@dataclass(frozen=True)
class EvaluationResult:
    """The decision, the type of policy that determined it, and the matching statements."""

    decision: Decision
    source: Source
    statements: tuple[tuple[Policy, Statement], ...] = ()

    @property
    def allowed(self) -> bool:
        return self.decision is Decision.ALLOWED

    def reason(self, action: str) -> str:
        """Return the reason at the end of AWS's access-denied message."""
        if self.decision is Decision.EXPLICIT_DENY:
            article = "an" if self.source is Source.IDENTITY else "a"
            return f"with an explicit deny in {article} {self.source}"
        return f"because no {self.source} allows the {action} action"


def evaluate(request: Request, policies: Policies) -> EvaluationResult:
    """Evaluate `request` by `policies`."""
    identity = _matching(policies.identity, request)
    resource = [] if policies.resource is None else _matching_by_principal(policies.resource, request, policies)
    boundary = [] if policies.boundary is None else _matching([policies.boundary], request)
    session = _matching(policies.session, request)
    matches_by_source = (
        (Source.IDENTITY, identity),
        (Source.RESOURCE, resource),
        (Source.BOUNDARY, boundary),
        (Source.SESSION, session),
    )
    for source, statements in matches_by_source:
        denies = tuple(pair for pair in statements if pair[1].effect == "Deny")
        if denies:
            return EvaluationResult(Decision.EXPLICIT_DENY, source, denies)
    return _evaluate_allows(request, policies, identity=identity, resource=resource, limits=(boundary, session))


def _evaluate_allows(
    request: Request, policies: Policies, *, identity: _Matches, resource: _Matches, limits: tuple[_Matches, _Matches]
) -> EvaluationResult:
    boundary, session = limits
    grant = _closest_grant(resource, request)
    if grant is None and (policies.resource_must_allow or not policies.same_account):
        return EvaluationResult(Decision.IMPLICIT_DENY, Source.RESOURCE)
    if grant in {Grant.IDENTITY, Grant.ANYONE} and policies.same_account:
        return EvaluationResult(Decision.ALLOWED, Source.RESOURCE, tuple(resource))
    is_allowed_by_resource = policies.same_account and grant is Grant.ROLE
    missing_allows = (
        (Source.IDENTITY, not identity and not is_allowed_by_resource),
        (Source.BOUNDARY, policies.boundary is not None and not boundary),
        (Source.SESSION, bool(policies.session) and not session),
    )
    for source, is_missing in missing_allows:
        if is_missing:
            return EvaluationResult(Decision.IMPLICIT_DENY, source)
    source = Source.RESOURCE if is_allowed_by_resource else Source.IDENTITY
    return EvaluationResult(Decision.ALLOWED, source, tuple(identity or resource))


def _matching(policies: Iterable[Policy], request: Request) -> _Matches:
    return [
        (policy, statement)
        for policy in policies
        for statement in policy.statements
        if _applies(policy, statement, request, optional_resource=False)
    ]


def _matching_by_principal(policy: Policy, request: Request, policies: Policies) -> _Matches:
    """Return the statements of a resource-based policy that apply to the request and name its principal."""
    has_boundary = policies.boundary is not None
    return [
        (policy, statement)
        for statement in policy.statements
        if _applies(policy, statement, request, optional_resource=True)
        and request.principal is not None
        and find_grant(statement, request.principal, has_boundary=has_boundary) is not None
    ]


def _applies(policy: Policy, statement: Statement, request: Request, *, optional_resource: bool) -> bool:
    return (
        _matches_action(statement, request.action)
        and _matches_resource(policy, statement, request, optional=optional_resource)
        and are_satisfied(statement.conditions, request.context, variables=policy.has_variables)
    )


def _matches_action(statement: Statement, action: str) -> bool:
    if statement.not_actions is not None:
        return not any(matches(pattern, action, ignore_case=True) for pattern in statement.not_actions)
    return any(matches(pattern, action, ignore_case=True) for pattern in statement.actions or ())


def _matches_resource(policy: Policy, statement: Statement, request: Request, *, optional: bool) -> bool:
    """Return whether the statement applies to the resource. A trust policy has no `Resource` element (`optional`)."""
    lookup = request.context.single if policy.has_variables else None
    if statement.not_resources is not None:
        return not any(matches_template(pattern, request.resource, lookup) for pattern in statement.not_resources)
    if statement.resources is None:
        return optional
    return any(matches_template(pattern, request.resource, lookup) for pattern in statement.resources)


def _closest_grant(statements: Sequence[tuple[Policy, Statement]], request: Request) -> Grant | None:
    if request.principal is None:
        return None
    grants = (find_grant(statement, request.principal) for _, statement in statements if statement.effect == "Allow")
    return max((grant for grant in grants if grant is not None), default=None)
