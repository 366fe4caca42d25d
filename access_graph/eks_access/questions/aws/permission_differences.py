"""Permissions that others do not contain, statement by statement and by meaning.

Statements that were moved, split or joined allow the same. A Deny that was removed, or a permissions boundary that was
removed or widened, allows more. What `contains` cannot decide is among the undecided, never left out. A policy of
which only the name is known, and that the other side does not have, is both undecided and part of the excess.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from eks_access.questions.aws.effective_permissions import EffectivePermissions
from eks_access.questions.aws.statements import Meaning, intersections, is_unknown_policy, meaning
from eks_identity.evaluation.iam import Policy, Statement, Truth, contains
from eks_identity.evaluation.iam.patterns import Template

_MOST_RESOURCES: Final = 20
"""Number of resources of a statement up to which each is compared by itself."""


@dataclass(frozen=True)
class Excess:
    """What some permissions allow and others do not."""

    statements: tuple[Statement, ...] = ()
    undecided: tuple[str, ...] = ()
    """Statements of which it is not decided, with the reason."""


def excess(of: EffectivePermissions, over: EffectivePermissions) -> Excess:
    """Return what `of` allows and `over` does not."""
    comparison = _Comparison(*_without_common_unknowns(of, over))
    found: list[Statement] = []
    for statement in comparison.of.allows:
        found += comparison.excess_of(statement)
    return Excess(tuple(found), tuple(dict.fromkeys(comparison.undecided)))


def common_unknowns(one: EffectivePermissions, other: EffectivePermissions) -> tuple[str, ...]:
    """Return what both do not know, such as the document of the same policy. It is compared as if it were absent."""
    common = _unknowns(one) & _unknowns(other)
    statements = (*one.policy.statements, *other.policy.statements)
    found = (problem for each in statements if each.problems and _identity(each) in common for problem in each.problems)
    return tuple(dict.fromkeys(found))


def _without_common_unknowns(
    one: EffectivePermissions, other: EffectivePermissions
) -> tuple[EffectivePermissions, EffectivePermissions]:
    common = _unknowns(one) & _unknowns(other)
    if not common:
        return one, other

    def rest(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        return tuple(each for each in statements if not each.problems or _identity(each) not in common)

    first, second = (EffectivePermissions(rest(each.allows), rest(each.denies)) for each in (one, other))
    return first, second


def _unknowns(permissions: EffectivePermissions) -> set[Meaning]:
    return {_identity(each) for each in permissions.policy.statements if each.problems}


def _identity(statement: Statement) -> Meaning:
    """Return what identifies a statement with problems: its policy, if that is unknown. The reason does not matter."""
    is_whole = is_unknown_policy(statement) and not statement.index
    return (statement.effect, statement.policy) if is_whole else meaning(statement)


class _Comparison:
    """The comparison of one set of permissions with another."""

    def __init__(self, of: EffectivePermissions, over: EffectivePermissions) -> None:
        self.of, self.over = of, over
        self.undecided: list[str] = []
        self._over_allows = Policy("Allow statements", over.allows)
        denies = {meaning(deny) for deny in of.denies}
        # With all of the Denies, an equal Allow allows no more.
        is_denying_less = all(meaning(deny) in denies for deny in over.denies)
        self._equal = {meaning(allow) for allow in over.allows} if is_denying_less else set()

    def excess_of(self, statement: Statement) -> Iterator[Statement]:
        """Yield the parts of an Allow statement that the other permissions do not allow."""
        if statement.effect != "Allow" or (meaning(statement) in self._equal and not statement.problems):
            return
        is_allowed = self._is_allowed(statement)
        if is_allowed is Truth.YES:
            return
        parts = list(_parts(statement))
        for part in parts:
            allowed = self._is_allowed(part) if len(parts) > 1 else is_allowed
            if allowed is Truth.MAYBE:
                self.undecided.append(self._reason(part))
                if self._is_of_new_policy(part):
                    yield part
            elif allowed is Truth.NO:
                yield from self._denied_parts(part)

    def _is_allowed(self, statement: Statement) -> Truth:
        return contains([self.over.policy], [self._policy(statement)])

    def _is_of_new_policy(self, statement: Statement) -> bool:
        """Return whether a statement stands for an unknown policy that the other permissions do not have at all."""
        names = {each.policy for each in self.over.policy.statements}
        return is_unknown_policy(statement) and statement.policy not in names

    def _reason(self, statement: Statement) -> str:
        """Return why it is not decided whether a statement allows more."""
        if statement.problems:
            return "; ".join(statement.problems)
        reason = "; ".join(self.over.problems) or "the comparison of its conditions and patterns is not decided"
        return f"{statement}: {reason}"

    def _policy(self, statement: Statement) -> Policy:
        return Policy(statement.policy, (statement, *self.of.denies))

    def _denied_parts(self, part: Statement) -> list[Statement]:
        """Return a part that is not allowed; of one that only Denies withhold, what these deny."""
        if contains([self._over_allows], [self._policy(part)]) is not Truth.YES:
            return [part]
        found = [each for deny in self.over.denies for each in intersections(part, deny)]
        denied = [each for each in found if self._is_allowed(each) is not Truth.YES]
        # What cannot be written as one statement is shown with all that the statement allows.
        return denied if denied and not any(each.problems for each in denied) else [part]


def _parts(statement: Statement) -> Iterator[Statement]:
    """Yield a statement as statements of one action and one resource each."""
    resources: list[tuple[Template, ...] | None] = [statement.resources]
    if statement.resources is not None and len(statement.resources) <= _MOST_RESOURCES:
        resources = [(template,) for template in statement.resources]
    for action in statement.actions or (None,):
        for templates in resources:
            yield replace(statement, actions=None if action is None else (action,), resources=templates)
