"""Whether one statement applies to a request, and what decides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from eks_identity.evaluation.iam.conditions import NotEvaluatedError, evaluate_condition
from eks_identity.evaluation.iam.context import RequestContext
from eks_identity.evaluation.iam.documents import Condition, Statement
from eks_identity.evaluation.iam.patterns import Template, any_matches
from eks_identity.evaluation.iam.principals import Grant, Naming, RequestPrincipal, naming
from eks_identity.evaluation.iam.truth import Truth, every, some


@dataclass(frozen=True)
class Request:
    """A request for one action on one resource, an ARN, or `*` if the action has none.

    Without `principal`, resource-based policies are not evaluated. `resource_account` is the account of the resource;
    by default it is that of the principal.
    """

    action: str
    resource: str = "*"
    principal: RequestPrincipal | None = None
    context: RequestContext = field(default_factory=RequestContext)
    resource_account: str = ""


@dataclass(frozen=True)
class UndecidedPart:
    """A part of a statement that depends on unknown values."""

    element: Literal["Condition", "Resource", "NotResource", "Principal", "NotPrincipal"]
    keys: tuple[str, ...]
    """The condition keys that are unknown."""
    condition: Condition | None = None
    text: str = ""
    """The pattern of the resource, or the principal of the policy, if the element is not a condition."""

    def __str__(self) -> str:
        return str(self.condition) if self.condition else f"{self.element} {self.text}"


@dataclass(frozen=True)
class Match:
    """A statement that applies or may apply to a request. The grants are equal unless something is unknown.

    A policy that is not resource-based has the grants `NONE` and `DIRECT` only.
    """

    statement: Statement
    low: Grant
    high: Grant
    undecided: tuple[UndecidedPart, ...] = ()
    not_evaluated: tuple[str, ...] = ()


def match(statement: Statement, request: Request, *, by_principal: bool = False, has_boundary: bool = False) -> Match:
    """Return whether `statement` applies to `request`.

    Args:
        statement: A statement of a policy of any type.
        request: The request.
        by_principal: Whether the policy is resource-based, and so has `Principal` and may have no `Resource`.
        has_boundary: Whether the principal has a permissions boundary.
    """
    if statement.problems:
        return Match(statement, Grant.NONE, Grant.DIRECT, (), statement.problems)
    undecided: list[UndecidedPart] = []
    not_evaluated: list[str] = []
    is_applied = every(
        [
            _matches_action(statement, request.action),
            _matches_resource(statement, request, undecided),
            _satisfies_conditions(statement, request.context, undecided, not_evaluated),
        ]
    )
    if statement.resources is None and statement.not_resources is None and not by_principal:
        not_evaluated.append(f"{statement}: no Resource")
    named = Naming(Grant.DIRECT, Grant.DIRECT)
    if by_principal:
        named = _name(statement, request, has_boundary=has_boundary)
        if named.undecided:
            element: Literal["Principal", "NotPrincipal"]
            element = "Principal" if statement.not_principals is None else "NotPrincipal"
            undecided.append(UndecidedPart(element, (), text=named.undecided))
        not_evaluated += [named.not_evaluated] if named.not_evaluated else []
    high = Grant.NONE if is_applied is Truth.NO else named.high
    if high is Grant.NONE:
        return Match(statement, Grant.NONE, Grant.NONE)
    is_certain = is_applied is Truth.YES and not not_evaluated
    return Match(statement, named.low if is_certain else Grant.NONE, high, tuple(undecided), tuple(not_evaluated))


def _name(statement: Statement, request: Request, *, has_boundary: bool) -> Naming:
    if request.principal is None:
        reason = f"{statement}: the principal of the request is unknown"
        return Naming(Grant.NONE, Grant.DIRECT, not_evaluated=reason)
    return naming(statement, request.principal, has_boundary=has_boundary)


def _matches_action(statement: Statement, action: str) -> Truth:
    if statement.not_actions is not None:
        return any_matches(statement.not_actions, action, ignore_case=True).negated()
    return any_matches(statement.actions or (), action, ignore_case=True)


def _matches_resource(statement: Statement, request: Request, undecided: list[UndecidedPart]) -> Truth:
    def matches_any(element: Literal["Resource", "NotResource"], patterns: Iterable[Template]) -> Truth:
        lookup = request.context.get
        results = {pattern: pattern.matches(request.resource, lookup) for pattern in patterns}
        result = some(results.values())
        if result is Truth.MAYBE:
            unknown = [pattern for pattern, matched in results.items() if matched is Truth.MAYBE]
            undecided.extend(UndecidedPart(element, each.unknown_keys(lookup), text=each.text) for each in unknown)
        return result

    if statement.not_resources is not None:
        return matches_any("NotResource", statement.not_resources).negated()
    if statement.resources is None:
        return Truth.YES
    return matches_any("Resource", statement.resources)


def _satisfies_conditions(
    statement: Statement, context: RequestContext, undecided: list[UndecidedPart], not_evaluated: list[str]
) -> Truth:
    def results() -> Iterator[Truth]:
        for condition in statement.conditions:
            try:
                result = evaluate_condition(condition, context, has_variables=statement.has_variables)
            except NotEvaluatedError as error:
                not_evaluated.append(f"{statement}: {error}")
                yield Truth.MAYBE
                continue
            if result is Truth.MAYBE:
                keys = (condition.key, *(key for value in condition.values for key in Template(value).keys))
                unknown = tuple(dict.fromkeys(key for key in keys if context.get(key) is None))
                undecided.append(UndecidedPart("Condition", unknown, condition))
            yield result

    return every(list(results()))
