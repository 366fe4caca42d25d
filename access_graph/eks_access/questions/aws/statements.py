"""Operations on policy statements: what two of them have in common, and what one means in a known session.

A result that cannot be written as a statement is one with `problems`, which covers at least what is meant: the
evaluators answer `MAYBE` for it, never "no".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from eks_identity.evaluation.iam import RequestContext, Statement, Truth
from eks_identity.evaluation.iam.conditions import NotEvaluatedError, evaluate_condition
from eks_identity.evaluation.iam.globs import classes
from eks_identity.evaluation.iam.patterns import Template

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_VALUE: Final = "\ue000"
"""A character that stands for the value of a policy variable."""
Meaning = tuple[object, ...]


@dataclass(frozen=True)
class _Element:
    """The patterns of `Action` or `Resource`, or, if negated, of `NotAction` or `NotResource`."""

    patterns: tuple[str, ...]
    is_negated: bool = False
    wider: tuple[str, ...] = ()
    """Further patterns, which match more than what is meant."""


def meaning(statement: Statement) -> Meaning:
    """Return what a statement says, without its place: statements that were moved have the same."""
    elements = (statement.actions, statement.not_actions, statement.resources, statement.not_resources)
    principals = tuple(
        None if each is None else tuple(sorted((kind, tuple(sorted(names))) for kind, names in each.items()))
        for each in (statement.principals, statement.not_principals)
    )
    patterns = tuple(None if each is None else frozenset(each) for each in elements)
    conditions = frozenset(statement.conditions)
    return (statement.effect, *patterns, principals, conditions, statement.has_variables, statement.problems)


def is_unknown_policy(statement: Statement) -> bool:
    """Return whether a statement stands for a policy whose document is unknown: it may apply to every request."""
    return bool(statement.problems) and statement.not_actions == () and statement.not_resources == ()


def intersections(one: Statement, other: Statement) -> Iterator[Statement]:
    """Yield what two statements cover together, as statements of the first one's place: none if that is nothing."""
    actions = _common(_actions(one), _actions(other), _relation_of_actions)
    resources = _common(_resources(one), _resources(other), _relation)
    if actions is None or resources is None:
        return
    exact = _combined(one, other)
    problem = f"{one} within {other} cannot be written as one statement"
    wider = replace(exact, problems=tuple(dict.fromkeys((*exact.problems, problem))))
    if actions.patterns or actions.is_negated:
        narrow = _with_actions(exact, actions.patterns, is_negated=actions.is_negated)
        if resources.patterns or resources.is_negated:
            yield _with_resources(narrow, resources.patterns, is_negated=resources.is_negated)
        if resources.wider:
            yield _with_resources(replace(narrow, problems=wider.problems), resources.wider)
    if actions.wider:
        patterns = (*resources.patterns, *resources.wider)
        yield _with_resources(_with_actions(wider, actions.wider), patterns, is_negated=resources.is_negated)


def _combined(one: Statement, other: Statement) -> Statement:
    """Return a statement with the conditions and problems of two."""
    return replace(
        one,
        conditions=tuple(dict.fromkeys((*one.conditions, *other.conditions))),
        has_variables=one.has_variables or other.has_variables,
        problems=tuple(dict.fromkeys((*one.problems, *other.problems))),
    )


def _with_actions(statement: Statement, patterns: tuple[str, ...], *, is_negated: bool = False) -> Statement:
    positive, negative = (None, patterns) if is_negated else (patterns, None)
    return replace(statement, actions=positive, not_actions=negative)


def _with_resources(statement: Statement, patterns: tuple[str, ...], *, is_negated: bool = False) -> Statement:
    templates = tuple(Template(text, statement.has_variables) for text in patterns)
    positive, negative = (None, templates) if is_negated else (templates, None)
    return replace(statement, resources=positive, not_resources=negative)


def in_session(statement: Statement, context: RequestContext) -> Statement | None:
    """Return a statement with the values of known condition keys; None if it never applies with them."""
    conditions = []
    for condition in statement.conditions:
        try:
            holds = evaluate_condition(condition, context, has_variables=statement.has_variables)
        except NotEvaluatedError:
            holds = Truth.MAYBE
        if holds is Truth.NO:
            return None
        if holds is Truth.MAYBE:
            conditions.append(condition)
    resources = _with_values(statement.resources, context)
    if resources == ():
        return None
    return replace(
        statement,
        conditions=tuple(conditions),
        resources=resources,
        not_resources=_with_values(statement.not_resources, context),
    )


def _with_values(templates: Sequence[Template] | None, context: RequestContext) -> tuple[Template, ...] | None:
    """Return templates with known values in place of variables, without those that no resource matches."""
    if templates is None:
        return None
    written = (_with_value(template, context) if template.keys else template for template in templates)
    return tuple(template for template in written if template is not None)


def _with_value(template: Template, context: RequestContext) -> Template | None:
    text = template.text
    for variable in _VARIABLE.findall(text):
        keys = Template(variable).keys
        values = context.get(keys[0]) if keys else None
        if values is None or "'" in variable:
            continue
        if len(values) != 1:
            return None
        if not {"*", "?", "$"} & set(values[0]):
            text = text.replace(variable, values[0])
    return replace(template, text=text)


def _actions(statement: Statement) -> _Element:
    if statement.not_actions is not None:
        return _Element(statement.not_actions, is_negated=True)
    return _Element(statement.actions or ())


def _resources(statement: Statement) -> _Element:
    if statement.not_resources is not None:
        return _Element(tuple(each.text for each in statement.not_resources), is_negated=True)
    return _Element(("*",) if statement.resources is None else tuple(each.text for each in statement.resources))


def _common(one: _Element, other: _Element, relate: Callable[[str, str], _Relation]) -> _Element | None:
    if one.is_negated and other.is_negated:
        return _Element(tuple(dict.fromkeys((*one.patterns, *other.patterns))), is_negated=True)
    if one.is_negated:
        return _without(other.patterns, one.patterns, relate)
    if other.is_negated:
        return _without(one.patterns, other.patterns, relate)
    found: dict[str, None] = {}
    wider: dict[str, None] = {}
    for first in one.patterns:
        for second in other.patterns:
            relation = relate(first, second)
            if relation.is_disjoint:
                continue
            is_exact = relation.contains or relation.is_contained
            (found if is_exact else wider)[second if relation.contains else first] = None
    exact = tuple(found)
    return _Element(exact, wider=tuple(each for each in wider if each not in found)) if found or wider else None


def _without(
    patterns: Iterable[str], excluded: Sequence[str], relate: Callable[[str, str], _Relation]
) -> _Element | None:
    """Return the patterns without what matches one of `excluded`."""
    if "*" in patterns:
        return None if "*" in excluded else _Element(tuple(excluded), is_negated=True)
    relations = {pattern: [relate(pattern, each) for each in excluded] for pattern in patterns}
    left = [pattern for pattern, each in relations.items() if not any(relation.is_contained for relation in each)]
    exact = tuple(pattern for pattern in left if all(relation.is_disjoint for relation in relations[pattern]))
    return _Element(exact, wider=tuple(each for each in left if each not in exact)) if left else None


@dataclass(frozen=True)
class _Relation:
    """How a pattern relates to another, as far as that is certain."""

    is_contained: bool = False
    """Whether the other matches all that this one matches."""
    contains: bool = False
    is_disjoint: bool = False


@lru_cache(maxsize=65536)
def _relation(one: str, other: str) -> _Relation:
    if one == other:
        return _Relation(is_contained=True, contains=True)
    # The value of a variable may be any text: it is one character that only `*` matches, or any text.
    found = classes([_VARIABLE.sub(_VALUE, one), _VARIABLE.sub(_VALUE, other)], frozenset({_VALUE}))
    loose = classes([_VARIABLE.sub("*", one), _VARIABLE.sub("*", other)])
    if found is None or loose is None:
        return _Relation()
    first, second, both = frozenset({0}), frozenset({1}), frozenset({0, 1})
    is_certain = both in found
    return _Relation(is_certain and first not in found, is_certain and second not in found, both not in loose)


def _relation_of_actions(one: str, other: str) -> _Relation:
    return _relation(one.lower(), other.lower())
