"""From policies and a request to a decision.

An explicit deny in any policy wins. Otherwise the request needs an allow:

- Same account: from the principal's own policies, or from the resource's policy where that names the user, the session,
  its role, or everybody. A grant to the account alone leaves the decision to the principal's own policies.
- Another account: from both sides.
- A trust policy (`resource_must_allow`): it must allow in any case.

A permissions boundary and session policies only narrow: each must allow as well, except where the resource's policy of
the same account names the user or this very session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lab.cloud.policy.conditions import Context, satisfied
from lab.cloud.policy.documents import Policy, Statement
from lab.cloud.policy.patterns import matches, matches_template
from lab.cloud.policy.principals import Grant, RequestPrincipal, grant

_Found = list[tuple[Policy, Statement]]


class Decision(StrEnum):
    """In the words of SimulatePrincipalPolicy."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


class Source(StrEnum):
    """The kind of policy that decided, in the words of AWS's messages."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"


@dataclass(frozen=True)
class Request:
    """One action on one resource, `*` where the action has none."""

    action: str
    resource: str = "*"
    principal: RequestPrincipal | None = None
    context: Context = field(default_factory=Context)


@dataclass(frozen=True)
class Policies:
    """All policies that bear on a request."""

    identity: Sequence[Policy] = ()
    resource: Policy | None = None
    boundary: Policy | None = None
    session: Sequence[Policy] = ()
    """Session policies; none means that the session has none."""
    same_account: bool = True
    resource_must_allow: bool = False


@dataclass(frozen=True)
class Verdict:
    """The decision, the kind of policy that made it, and the statements that did."""

    decision: Decision
    source: Source
    statements: tuple[tuple[Policy, Statement], ...] = ()

    @property
    def allowed(self) -> bool:
        return self.decision is Decision.ALLOWED

    def reason(self, action: str) -> str:
        """The tail of AWS's denial message."""
        if self.decision is Decision.EXPLICIT_DENY:
            article = "an" if self.source is Source.IDENTITY else "a"
            return f"with an explicit deny in {article} {self.source}"
        return f"because no {self.source} allows the {action} action"


def evaluate(request: Request, policies: Policies) -> Verdict:
    """Judge `request` by `policies`."""
    identity = _matching(policies.identity, request)
    resource = [] if policies.resource is None else _matching([policies.resource], request, by_principal=True)
    boundary = [] if policies.boundary is None else _matching([policies.boundary], request)
    session = _matching(policies.session, request)
    found = (
        (Source.IDENTITY, identity),
        (Source.RESOURCE, resource),
        (Source.BOUNDARY, boundary),
        (Source.SESSION, session),
    )
    for source, statements in found:
        denies = tuple(pair for pair in statements if pair[1].effect == "Deny")
        if denies:
            return Verdict(Decision.EXPLICIT_DENY, source, denies)
    return _without_denies(request, policies, identity=identity, resource=resource, narrowing=(boundary, session))


def _without_denies(
    request: Request, policies: Policies, *, identity: _Found, resource: _Found, narrowing: tuple[_Found, _Found]
) -> Verdict:
    boundary, session = narrowing
    granted = _closest_grant(resource, request)
    if granted is None and (policies.resource_must_allow or not policies.same_account):
        return Verdict(Decision.IMPLICIT_DENY, Source.RESOURCE)
    if granted is Grant.IDENTITY and policies.same_account:
        return Verdict(Decision.ALLOWED, Source.RESOURCE, tuple(resource))
    by_resource = policies.same_account and granted in {Grant.ROLE, Grant.ANYONE}
    silent = (
        (Source.IDENTITY, not identity and not by_resource),
        (Source.BOUNDARY, policies.boundary is not None and not boundary),
        (Source.SESSION, bool(policies.session) and not session),
    )
    for source, says_nothing in silent:
        if says_nothing:
            return Verdict(Decision.IMPLICIT_DENY, source)
    return Verdict(Decision.ALLOWED, Source.RESOURCE if by_resource else Source.IDENTITY, tuple(identity or resource))


def _matching(policies: Iterable[Policy], request: Request, *, by_principal: bool = False) -> _Found:
    return [
        (policy, statement)
        for policy in policies
        for statement in policy.statements
        if _applies(policy, statement, request, by_principal=by_principal)
    ]


def _applies(policy: Policy, statement: Statement, request: Request, *, by_principal: bool) -> bool:
    return (
        _concerns_action(statement, request.action)
        and _concerns_resource(policy, statement, request, optional=by_principal)
        and (not by_principal or (request.principal is not None and grant(statement, request.principal) is not None))
        and satisfied(statement.conditions, request.context, variables=policy.variables)
    )


def _concerns_action(statement: Statement, action: str) -> bool:
    if statement.not_actions is not None:
        return not any(matches(pattern, action, ignore_case=True) for pattern in statement.not_actions)
    return any(matches(pattern, action, ignore_case=True) for pattern in statement.actions or ())


def _concerns_resource(policy: Policy, statement: Statement, request: Request, *, optional: bool) -> bool:
    """A trust policy has no resource element: it is about the role that carries it (`optional`)."""
    lookup = request.context.single if policy.variables else None
    if statement.not_resources is not None:
        return not any(matches_template(pattern, request.resource, lookup) for pattern in statement.not_resources)
    if statement.resources is None:
        return optional
    return any(matches_template(pattern, request.resource, lookup) for pattern in statement.resources)


def _closest_grant(statements: Sequence[tuple[Policy, Statement]], request: Request) -> Grant | None:
    if request.principal is None:
        return None
    grants = (grant(statement, request.principal) for _, statement in statements if statement.effect == "Allow")
    return max((found for found in grants if found is not None), default=None)
