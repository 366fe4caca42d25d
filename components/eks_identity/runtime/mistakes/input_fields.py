"""Paths, kinds and rules of the inputs in which mistakes are recognized."""

import re
from typing import Final

from eks_identity.errors import Problem

RuleAndFix = tuple[str, str]
"""Rule and fix of a mistake."""

JSON_FIELDS: Final = frozenset({"session_policy", "configuration_values", "inline_policies", "kubeconfig"})
"""Inputs that take a JSON document as text."""
FREE_TEXT: Final = frozenset({"annotations", "labels", "tags", "description"})
"""Inputs whose text has no format."""


def keys_of(path: str) -> list[str]:
    """Return the keys in an input path: those of `principals[0].arn` are `principals` and `arn`."""
    return re.sub(r"\[[^\]]*\]", "", path).split(".")


def last_key(path: str) -> str:
    """Return the last key in an input path."""
    return keys_of(path)[-1]


def is_json(problem: Problem) -> bool:
    """Return whether the input takes a JSON document as text."""
    return not JSON_FIELDS.isdisjoint(keys_of(problem.input))


def has_rule(problem: Problem, rule: str) -> bool:
    """Return whether the problem's rule is `rule`, with or without "must be" before it."""
    return problem.rule.removeprefix("must be ") == rule


def to_snake_case(class_name: str) -> str:
    """Return the usual name of a variable for an object of this class: `OidcProvider` is `oidc_provider`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()
