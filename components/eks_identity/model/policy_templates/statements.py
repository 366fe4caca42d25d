"""Statements and conditions of policy templates as values, and the JSON of a policy document."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Condition:
    """A condition of a statement: an operator, a condition key and its values."""

    test: str
    key: str
    values: tuple[str, ...]

    def json(self) -> str | list[str]:
        return self.values[0] if len(self.values) == 1 else list(self.values)


@dataclass(frozen=True)
class Statement:
    """An Allow statement: actions, resources and conditions. Policy templates have no Deny."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    conditions: tuple[Condition, ...] = ()

    def on(self, *resources: str) -> Statement:
        """Return the statement with these resources."""
        return Statement(self.actions, resources, self.conditions)

    def when(self, *conditions: Condition) -> Statement:
        """Return the statement with these conditions added."""
        return Statement(self.actions, self.resources, (*self.conditions, *conditions))

    def json(self) -> dict[str, Any]:
        statement: dict[str, Any] = {"Effect": "Allow", "Action": _one_or_many(self.actions)}
        statement["Resource"] = _one_or_many(self.resources)
        tests: dict[str, dict[str, str | list[str]]] = {}
        for condition in self.conditions:
            tests.setdefault(condition.test, {})[condition.key] = condition.json()
        return {**statement, "Condition": tests} if tests else statement


def allow(*actions: str) -> Statement:
    """Return a statement that allows the actions on every resource; `on` limits the resources."""
    return Statement(actions)


def document(statements: Iterable[Statement]) -> str:
    """Return the policy document as JSON without white space, which IAM does not count."""
    content = {"Version": "2012-10-17", "Statement": [statement.json() for statement in statements]}
    return json.dumps(content, separators=(",", ":"))


def string_equals(key: str, *values: str) -> Condition:
    return Condition("StringEquals", key, values)


def like(key: str, *values: str) -> Condition:
    return Condition("StringLike", key, values)


def present(key: str) -> Condition:
    """Return the condition that the request has `key`."""
    return Condition("Null", key, ("false",))


def absent(key: str) -> Condition:
    """Return the condition that the request does not have `key`."""
    return Condition("Null", key, ("true",))


def only(key: str, *values: str) -> Condition:
    """Return the condition that every value of `key` is one of `values`.

    It also holds for a request without `key`; add `present` to exclude this.
    """
    return Condition("ForAllValues:StringEquals", key, values)


def none_of(key: str, *values: str) -> Condition:
    """Return the condition that no value of `key` is one of `values`. It also holds for a request without `key`."""
    return Condition("ForAllValues:StringNotEquals", key, values)


def requested(tag: str) -> str:
    """Return the condition key of a tag in the request."""
    return f"aws:RequestTag/{tag}"


def tagged(tag: str) -> str:
    """Return the condition key of a tag of the resource."""
    return f"aws:ResourceTag/{tag}"


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
