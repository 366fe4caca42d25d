"""Policy documents as typed statements.

A document that is not understood as a whole or in part, such as one with an element that IAM does not have, parses too:
the statements have `problems`, and may apply to every request. A Deny never reads as "no match" because of an element
that is not understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from eks_identity.evaluation.iam.patterns import Template

Effect = Literal["Allow", "Deny"]
Document = Mapping[str, Any]
Principals = Mapping[str, tuple[str, ...]]
"""Values by kind of principal: `AWS`, `Federated`, `Service`, `CanonicalUser`. `"*"` is `{"AWS": ("*",)}`."""

VARIABLES_VERSION: Final = "2012-10-17"
_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_PRINCIPAL_KINDS = frozenset({"AWS", "Federated", "Service", "CanonicalUser"})


@dataclass(frozen=True)
class Condition:
    """An operator, a key and the values of a `Condition` element."""

    operator: str
    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operator} {self.key} {', '.join(self.values)}"


@dataclass(frozen=True)
class Statement:
    """A statement of a policy. Of each pair, such as `actions` and `not_actions`, the one without element is None."""

    policy: str
    """The name of the policy."""
    index: int
    effect: Effect
    sid: str = ""
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[Template, ...] | None = None
    not_resources: tuple[Template, ...] | None = None
    principals: Principals | None = None
    not_principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()
    has_variables: bool = True
    problems: tuple[str, ...] = ()
    """What of the statement is not evaluated."""

    def __str__(self) -> str:
        return f"{self.effect} statement {self.sid or self.index} of {self.policy}"


@dataclass(frozen=True)
class Policy:
    """A policy document with the name that explains where it is, such as an ARN or `inline policy NAME`."""

    name: str
    statements: tuple[Statement, ...] = ()

    @classmethod
    def parse(cls, document: str | Document, name: str = "policy") -> Policy:
        """Return the policy of a document. What is not understood is among the problems of the statements."""
        try:
            loaded = json.loads(document) if isinstance(document, str) else document
        except (ValueError, RecursionError) as error:
            return cls.unknown(name, f"not JSON: {error}")
        if not isinstance(loaded, Mapping):
            return cls.unknown(name, "not a JSON object")
        elements = loaded.get("Statement", [])
        elements = [elements] if isinstance(elements, Mapping) else elements
        if not isinstance(elements, list | tuple) or not all(isinstance(element, Mapping) for element in elements):
            return cls.unknown(name, "Statement is no list of statements")
        has_variables = loaded.get("Version") == VARIABLES_VERSION
        statements = (
            statement
            for index, element in enumerate(elements)
            for statement in _statements(element, name, index, has_variables=has_variables)
        )
        return cls(name, tuple(statements))

    @classmethod
    def unknown(cls, name: str, reason: str = "the document is unknown", *, may_deny: bool = True) -> Policy:
        """Return a policy whose document is unknown, such as an Output in a preview: it may allow or deny anything."""
        return cls(name, tuple(_unknown(name, 0, reason, may_deny=may_deny)))


def _unknown(name: str, index: int, reason: str, *, may_deny: bool = True) -> Iterator[Statement]:
    effects: tuple[Effect, ...] = ("Allow", "Deny") if may_deny else ("Allow",)
    for effect in effects:
        yield _unclear(name, index, effect, (f"{name}: {reason}",))


def _unclear(name: str, index: int, effect: Effect, problems: tuple[str, ...]) -> Statement:
    """Return a statement that may apply to every request."""
    return Statement(name, index, effect, not_actions=(), not_resources=(), not_principals={}, problems=problems)


def _statements(element: Document, name: str, index: int, *, has_variables: bool) -> Iterator[Statement]:
    """Yield the statement; an Allow and a Deny if its effect is unclear."""
    effect = element.get("Effect")
    if effect not in {"Allow", "Deny"}:
        yield from _unknown(name, index, f"statement {index}: Effect {effect!r}")
        return
    reader = _Reader(element, f"{name}: statement {element.get('Sid') or index}", has_variables)
    statement = Statement(
        name,
        index,
        effect,
        str(element.get("Sid", "")),
        reader.texts("Action"),
        reader.texts("NotAction"),
        reader.templates("Resource"),
        reader.templates("NotResource"),
        reader.principals("Principal"),
        reader.principals("NotPrincipal"),
        tuple(reader.conditions()),
        has_variables,
    )
    problems = tuple(reader.problems())
    yield _unclear(name, index, effect, problems) if problems else statement


class _Reader:
    """Reads the elements of one statement, and collects what is not understood."""

    def __init__(self, element: Document, where: str, has_variables: bool) -> None:  # noqa: FBT001 - a private helper
        self._element = element
        self._where = where
        self._has_variables = has_variables
        self._unclear: list[str] = []

    def problems(self) -> Iterator[str]:
        """Yield what is not understood, after the elements are read."""
        unknown = [key for key in self._element if key not in _ELEMENTS]
        for key in (*unknown, *self._unclear):
            yield f"{self._where}: {key} {self._element[key]!r}"
        for key in ("Action", "Resource", "Principal"):
            if key in self._element and f"Not{key}" in self._element:
                yield f"{self._where}: {key} beside Not{key}"
        if "Action" not in self._element and "NotAction" not in self._element:
            yield f"{self._where}: no Action"

    def texts(self, key: str) -> tuple[str, ...] | None:
        if key not in self._element:
            return None
        values = _values(self._element[key])
        if not all(isinstance(value, str) for value in values):
            self._unclear.append(key)
        return tuple(str(value) for value in values)

    def templates(self, key: str) -> tuple[Template, ...] | None:
        texts = self.texts(key)
        return None if texts is None else tuple(Template(text, self._has_variables) for text in texts)

    def principals(self, key: str) -> Principals | None:
        if key not in self._element:
            return None
        value = self._element[key]
        if value == "*":
            return {"AWS": ("*",)}
        if not isinstance(value, Mapping) or not value.keys() <= _PRINCIPAL_KINDS:
            self._unclear.append(key)
            return {}
        return {kind: tuple(str(text) for text in _values(names)) for kind, names in value.items()}

    def conditions(self) -> Iterator[Condition]:
        block = self._element.get("Condition", {})
        if not isinstance(block, Mapping) or not all(isinstance(keys, Mapping) for keys in block.values()):
            self._unclear.append("Condition")
            return
        for operator, keys in block.items():
            for key, values in keys.items():
                yield Condition(str(operator), str(key), tuple(_text(value) for value in _values(values)))


def _values(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    """Return a value of a condition as IAM reads it: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)
