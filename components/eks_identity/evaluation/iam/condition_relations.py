"""Which conditions hold together, as far as operator, key and values show it.

`implies` names combinations that no request has, and `combinations` such that some request has. Between both is what
is not decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from eks_identity.evaluation.iam.conditions import NotEvaluatedError, Operator, evaluate_condition, operator
from eks_identity.evaluation.iam.context import RequestContext
from eks_identity.evaluation.iam.documents import Condition
from eks_identity.evaluation.iam.globs import classes
from eks_identity.evaluation.iam.patterns import matches
from eks_identity.evaluation.iam.truth import Truth

_EXACT: Final = frozenset({"StringEquals", "StringNotEquals"})
_LIKE: Final = frozenset({"StringLike", "StringNotLike"})


@dataclass(frozen=True)
class Proposition:
    """A condition, or, with `opaque`, something of which only the text is known."""

    operator: str = ""
    key: str = ""
    """The condition key in lower case."""
    values: frozenset[str] = frozenset()
    has_variables: bool = True
    opaque: str = ""

    @classmethod
    def of(cls, condition: Condition, *, has_variables: bool) -> Proposition:
        """Return the proposition of a condition. That of an unknown operator is opaque."""
        key, values = condition.key.lower(), frozenset(condition.values)
        proposition = cls(condition.operator, key, values, has_variables)
        is_known = condition.operator == "Null" or proposition.parsed() is not None
        return proposition if is_known else cls(opaque=f"{condition.operator} {key} {sorted(values)}")

    @property
    def name(self) -> str:
        """The operator without set operator and `IfExists`."""
        return self.operator.rpartition(":")[2].removesuffix("IfExists")

    def parsed(self) -> Operator | None:
        """Return the operator; None for `Null` and for an unknown operator."""
        try:
            return operator(self.operator)
        except NotEvaluatedError:
            return None


def implies(one: Proposition, other: Proposition) -> bool:
    """Return whether `other` holds in each request in which `one` holds, as far as the texts show it."""
    if one == other:
        return True
    first, second = one.parsed(), other.parsed()
    if one.key != other.key or first is None or second is None:
        return False
    is_same_form = (first.set_operator, first.is_negated) == (second.set_operator, second.is_negated)
    if not is_same_form or (first.has_if_exists and not second.has_if_exists):
        return False
    narrow, broad = (other, one) if first.is_negated else (one, other)
    return _has_narrower_values(narrow, broad)


def _has_narrower_values(narrow: Proposition, broad: Proposition) -> bool:
    """Return whether each text that matches a value of `narrow` matches one of `broad`."""
    has_variables = any("${" in value for value in narrow.values | broad.values)
    if narrow.name == broad.name and narrow.values <= broad.values:
        return not has_variables or narrow.has_variables is broad.has_variables
    if has_variables or broad.name not in _LIKE:
        return False
    if narrow.name in _EXACT:
        return all(any(matches(pattern, value) for pattern in broad.values) for value in narrow.values)
    return narrow.name in _LIKE and _is_covered(narrow.values, broad.values)


def _is_covered(narrow: frozenset[str], broad: frozenset[str]) -> bool:
    """Return whether each text that matches one of `narrow` matches one of `broad`."""
    patterns = sorted(narrow) + sorted(broad)
    found = classes(patterns)
    first = frozenset(range(len(narrow)))
    return found is not None and all(matched - first for matched in found if matched & first)


def combinations(propositions: Sequence[Proposition]) -> set[tuple[bool, ...]] | None:
    """Return truth values that conditions on one key have in some request; None if each is possible."""
    if len(propositions) == 1:
        return None
    values = dict.fromkeys(value for each in propositions for value in _examples(each))
    contexts = [RequestContext({propositions[0].key: value}) for value in (*values, (), "-")]
    found = set()
    for context in contexts:
        try:
            results = [
                evaluate_condition(
                    Condition(each.operator, each.key, tuple(each.values)), context, has_variables=each.has_variables
                )
                for each in propositions
            ]
        except NotEvaluatedError:
            return set()
        if Truth.MAYBE not in results:
            found.add(tuple(result is Truth.YES for result in results))
    return found


def _examples(proposition: Proposition) -> Iterator[str]:
    """Yield values that the condition compares with, with text in place of wildcards."""
    for value in sorted(proposition.values):
        yield value.replace("*", "-").replace("?", "-")
        yield value.replace("*", "").replace("?", "-")
