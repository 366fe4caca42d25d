"""Whether policies allow everything that other policies allow: containment by meaning, not by text.

Actions, resources and principals are compared exactly, with wildcards, `Not…` elements and Denies. Conditions are
compared as far as operator, key and values show it: equal ones, and those of which one implies the other. The result is
`MAYBE` where that does not suffice, and where a document or an element is not understood.

Assumptions: a condition holds for some requests and not for others, and conditions on different keys do not depend on
each other. Actions that AWS does not have count: `s3:Get*` is not contained in a list of today's actions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from eks_identity.evaluation.iam.condition_relations import Proposition, combinations, implies
from eks_identity.evaluation.iam.documents import Policy, Statement
from eks_identity.evaluation.iam.globs import classes
from eks_identity.evaluation.iam.patterns import Template
from eks_identity.evaluation.iam.truth import Truth

_MOST_PROPOSITIONS: Final = 10
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_SENTINELS: Final = 0xE000
"""The first of the private characters that stand for the values of policy variables."""

_Side = Literal["container", "contained"]
_Sides = dict[_Side, list[Statement]]
_Variables = Callable[[_Side, Statement, Template], str | None]
"""Returns a template as a pattern; None if it matches nothing."""


def contains(container: Sequence[Policy], contained: Sequence[Policy]) -> Truth:
    """Return whether `container` allows every request that `contained` allows.

    A request that `contained` allows and `container` does not makes the policies broader. Both are identity-based
    policies, or both are resource-based policies of one resource.
    """
    sides: _Sides = {
        "container": [statement for policy in container for statement in policy.statements],
        "contained": [statement for policy in contained for statement in policy.statements],
    }
    statements = (*sides["container"], *sides["contained"])
    templates = [template for each in statements for template in _templates(each)]
    sentinels = _sentinels(templates)
    result = _compare(sides, lambda _side, _statement, template: _with_sentinels(template, sentinels), sentinels)
    if not sentinels:
        return result
    if result is Truth.YES and not any(_has_negated_variable(each) for each in statements):
        return Truth.YES
    return Truth.NO if _compare(sides, _helpful, {}) is Truth.NO else Truth.MAYBE


def _templates(statement: Statement) -> tuple[Template, ...]:
    return (*(statement.resources or ()), *(statement.not_resources or ()))


def _sentinels(templates: Iterable[Template]) -> dict[str, str]:
    variables = sorted({name for template in templates if template.keys for name in _VARIABLE.findall(template.text)})
    return {name: chr(_SENTINELS + index) for index, name in enumerate(variables)}


def _with_sentinels(template: Template, sentinels: Mapping[str, str]) -> str:
    if not template.has_variables:
        return template.text
    return _VARIABLE.sub(lambda found: sentinels.get(found[0], found[0]), template.text)


def _has_negated_variable(statement: Statement) -> bool:
    templates = _templates(statement) if statement.effect == "Deny" else (statement.not_resources or ())
    return any(template.keys for template in templates)


def _helpful(side: _Side, statement: Statement, template: Template) -> str | None:
    """Return a template with the values of variables that help containment most: any text, or no match."""
    if not template.keys:
        return template.text
    is_broad_helpful = (side == "container") == (statement.effect == "Allow")
    if statement.not_resources is not None:
        is_broad_helpful = not is_broad_helpful
    return _VARIABLE.sub("*", template.text) if is_broad_helpful else None


class _Dimension:
    """The patterns of one element in all statements, and the classes of texts that they make."""

    def __init__(self, *, ignore_case: bool = False) -> None:
        self._indexes: dict[str, int] = {}
        self._ignore_case = ignore_case

    def add(self, patterns: Iterable[str]) -> frozenset[int]:
        """Return the indexes of the patterns."""
        texts = (pattern.lower() if self._ignore_case else pattern for pattern in patterns)
        return frozenset(self._indexes.setdefault(text, len(self._indexes)) for text in texts)

    def classes(self, opaque: frozenset[str]) -> frozenset[frozenset[int]] | None:
        return classes(list(self._indexes), opaque)


@dataclass(frozen=True, eq=False)
class _Part:
    """A statement as indexes of patterns, with the propositions that must hold for it to apply."""

    statement: Statement
    actions: frozenset[int]
    resources: frozenset[int]
    propositions: frozenset[Proposition]

    @property
    def is_allow(self) -> bool:
        return self.statement.effect == "Allow"

    def covers(self, action: frozenset[int], resource: frozenset[int]) -> bool:
        is_action = bool(self.actions & action) is (self.statement.not_actions is None)
        return is_action and bool(self.resources & resource) is (self.statement.not_resources is None)


def _compare(sides: _Sides, pattern_of: _Variables, sentinels: Mapping[str, str]) -> Truth:
    """Return whether the container allows what the contained policies allow, class by class."""
    actions, resources = _Dimension(ignore_case=True), _Dimension()

    def part(side: _Side, statement: Statement) -> _Part:
        is_everywhere = statement.resources is None and statement.not_resources is None
        patterns = ["*"] if is_everywhere else [pattern_of(side, statement, each) for each in _templates(statement)]
        return _Part(
            statement,
            actions.add(statement.actions or statement.not_actions or ()),
            resources.add(pattern for pattern in patterns if pattern is not None),
            frozenset(_propositions(side, statement)),
        )

    parts = {side: [part(side, statement) for statement in statements] for side, statements in sides.items()}
    opaque = frozenset(sentinels.values())
    found_actions, found_resources = actions.classes(frozenset()), resources.classes(opaque)
    if found_actions is None or found_resources is None:
        return Truth.MAYBE
    result = Truth.YES
    compared: set[tuple[frozenset[_Part], frozenset[_Part]]] = set()
    principals = _principals(sides)
    for action, resource in product(found_actions, found_resources):
        container, contained = (
            frozenset(each for each in parts[side] if each.covers(action, resource)) for side in _SIDES
        )
        if not any(each.is_allow for each in contained) or (container, contained) in compared:
            continue
        compared.add((container, contained))
        for principal in principals:
            named = [_for_principal(side, principal) for side in (container, contained)]
            result = min(result, _compare_class(*named))
            if result is Truth.NO:
                return result
    return result


_SIDES: Final[tuple[_Side, _Side]] = ("container", "contained")
_Rules = Sequence[tuple[bool, frozenset[Proposition]]]
"""Whether a rule allows, and the propositions that must hold for it to apply."""


def _propositions(side: _Side, statement: Statement) -> Iterator[Proposition]:
    for condition in statement.conditions:
        yield Proposition.of(condition, has_variables=statement.has_variables)
    for problem in statement.problems:
        yield Proposition(opaque=f"{side}: {problem}")


def _principals(sides: _Sides) -> list[tuple[str, str]]:
    """Return the kinds and values of all principals that statements name, and one that none names."""
    named = {
        (kind, value)
        for statement in (*sides["container"], *sides["contained"])
        for principals in (statement.principals or {}, statement.not_principals or {})
        for kind, values in principals.items()
        for value in values
    }
    return [*sorted(named), ("AWS", "")]


def _for_principal(parts: Iterable[_Part], principal: tuple[str, str]) -> _Rules:
    """Return the rules of the statements that name a principal, or may name it."""
    rules = []
    for part in parts:
        named = _names(part.statement, *principal)
        if named is Truth.YES:
            rules.append((part.is_allow, part.propositions))
        elif named is Truth.MAYBE:
            opaque = Proposition(opaque=f"{part.statement} names {principal}")
            rules.append((part.is_allow, part.propositions | {opaque}))
    return rules


def _names(statement: Statement, kind: str, value: str) -> Truth:
    if statement.not_principals is not None:
        return Truth.MAYBE
    if statement.principals is None or value in statement.principals.get(kind, ()):
        return Truth.YES
    names = statement.principals.get("AWS", ())
    is_deny = statement.effect == "Deny"
    if "*" in names and (is_deny or kind == "AWS"):
        return Truth.YES
    if kind == "AWS" and any(f"::{_account(name)}:" in value for name in names if _account(name)):
        return Truth.YES if is_deny else Truth.MAYBE
    return Truth.NO


def _account(name: str) -> str:
    """Return the account that a principal stands for; empty for other principals."""
    return name if name.isdigit() else name.split(":")[4] if name.endswith(":root") and name.count(":") == 5 else ""


def _compare_class(container: _Rules, contained: _Rules) -> Truth:
    """Return whether `container` allows where `contained` does, for all truth values of the propositions."""
    propositions = sorted({each for _, needed in (*container, *contained) for each in needed}, key=repr)
    if len(propositions) > _MOST_PROPOSITIONS:
        return Truth.MAYBE
    implications = [
        (first, second)
        for first in range(len(propositions))
        for second in range(len(propositions))
        if first != second and implies(propositions[first], propositions[second])
    ]
    comparable = [index for index, each in enumerate(propositions) if not each.opaque]
    outcomes: dict[tuple[bool, ...], set[bool]] = {}
    for values in product((False, True), repeat=len(propositions)):
        if any(values[first] and not values[second] for first, second in implications):
            continue
        holding = {each for each, value in zip(propositions, values, strict=True) if value}
        is_contained = not _allows(contained, holding) or _allows(container, holding)
        outcomes.setdefault(tuple(values[index] for index in comparable), set()).add(is_contained)
    if all(results == {True} for results in outcomes.values()):
        return Truth.YES
    failing = [values for values, results in outcomes.items() if results == {False}]
    occurring = any(_occurs([propositions[index] for index in comparable], values) for values in failing)
    return Truth.NO if occurring else Truth.MAYBE


def _allows(rules: _Rules, holding: set[Proposition]) -> bool:
    applying = {is_allow for is_allow, needed in rules if needed <= holding}
    return applying == {True}


def _occurs(propositions: Sequence[Proposition], values: Sequence[bool]) -> bool:
    """Return whether some request has these truth values, as far as the texts show it."""
    for key in {each.key for each in propositions}:
        group = [(each, value) for each, value in zip(propositions, values, strict=True) if each.key == key]
        possible = combinations([each for each, _ in group])
        if possible is not None and tuple(value for _, value in group) not in possible:
            return False
    return True
