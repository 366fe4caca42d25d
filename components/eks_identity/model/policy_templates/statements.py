"""What policies of the catalogue are built from: statements and conditions as values, and the JSON that they make."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Condition:
    """One test of a request: `StringEquals` of a condition key and the values it may have."""

    test: str
    key: str
    values: tuple[str, ...]

    def json(self) -> str | list[str]:
        return self.values[0] if len(self.values) == 1 else list(self.values)


@dataclass(frozen=True)
class Statement:
    """What is allowed: actions, on which resources, and what must hold besides. The catalogue denies nothing."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    conditions: tuple[Condition, ...] = ()

    def on(self, *resources: str) -> Statement:
        """The same on these resources alone."""
        return Statement(self.actions, resources, self.conditions)

    def when(self, *conditions: Condition) -> Statement:
        """The same where these hold as well."""
        return Statement(self.actions, self.resources, (*self.conditions, *conditions))

    def json(self) -> dict[str, Any]:
        made: dict[str, Any] = {"Effect": "Allow", "Action": _one_or_many(self.actions)}
        made["Resource"] = _one_or_many(self.resources)
        tests: dict[str, dict[str, str | list[str]]] = {}
        for condition in self.conditions:
            tests.setdefault(condition.test, {})[condition.key] = condition.json()
        return {**made, "Condition": tests} if tests else made


def allow(*actions: str) -> Statement:
    """These actions, on every resource until `on` says which."""
    return Statement(actions)


def document(statements: Iterable[Statement]) -> str:
    """The policy document as JSON without white space, which IAM does not count."""
    made = {"Version": "2012-10-17", "Statement": [statement.json() for statement in statements]}
    return json.dumps(made, separators=(",", ":"))


def equals(key: str, *values: str) -> Condition:
    return Condition("StringEquals", key, values)


def like(key: str, *values: str) -> Condition:
    return Condition("StringLike", key, values)


def present(key: str) -> Condition:
    """The request has `key`."""
    return Condition("Null", key, ("false",))


def absent(key: str) -> Condition:
    """The request has no `key`."""
    return Condition("Null", key, ("true",))


def only(key: str, *values: str) -> Condition:
    """Every value of `key` is one of `values`. It is true as well where the request has none, so join it to `present`
    where that matters.
    """
    return Condition("ForAllValues:StringEquals", key, values)


def none_of(key: str, *values: str) -> Condition:
    """No value of `key` is one of `values`; true as well where the request has none."""
    return Condition("ForAllValues:StringNotEquals", key, values)


def requested(tag: str) -> str:
    """The condition key of a tag that the request puts on."""
    return f"aws:RequestTag/{tag}"


def tagged(tag: str) -> str:
    """The condition key of a tag that the resource has."""
    return f"aws:ResourceTag/{tag}"


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
