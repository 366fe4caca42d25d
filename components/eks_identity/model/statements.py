"""Statements of permission policies: validation of the args, and the policy document."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import names
from eks_identity.model.arns import Arn, Principal, role_arn

Conditions = dict[str, dict[str, list[str]]]
"""The `Condition` of a statement: values by condition key by operator."""

_ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+")
_BASES = frozenset(
    (
        *(f"String{test}" for test in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase")),
        *(f"String{test}" for test in ("Like", "NotLike")),
        *(f"Arn{test}" for test in ("Equals", "NotEquals", "Like", "NotLike")),
        *(
            f"{kind}{test}"
            for kind in ("Numeric", "Date")
            for test in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
        ),
        *("Bool", "BinaryEquals", "IpAddress", "NotIpAddress"),
    )
)

_KEY = re.compile(r"[^\s:]+:\S(.*\S)?")
_VALUES: Mapping[str, tuple[re.Pattern[str], str, str]] = {
    "Bool": (re.compile(r"true|false", re.IGNORECASE), "true or false", "write true"),
    "Null": (re.compile(r"true|false", re.IGNORECASE), "true or false", "write true: the key is absent"),
    "Numeric": (re.compile(r"[+-]?[0-9]+(\.[0-9]+)?"), "a number", "write 3600"),
    "Date": (re.compile(r"[0-9]+|[0-9]{4}-[0-9]{2}.*"), "a date of ISO 8601", "write 2030-01-01T00:00:00Z"),
    "IpAddress": (re.compile(r"[0-9a-fA-F.:]+(/[0-9]+)?"), "an address or a range of them", "write 203.0.113.0/24"),
    "NotIpAddress": (re.compile(r"[0-9a-fA-F.:]+(/[0-9]+)?"), "an address or a range of them", "write 203.0.113.0/24"),
    "Arn": (re.compile(r".+", re.DOTALL), "an ARN", "write the ARN, with * and ? for the parts that differ"),
    "Binary": (re.compile(r"[A-Za-z0-9+/]+=*"), "base64", "write the value in base64"),
}
"""Form, rule and fix of the values, by prefix of the operator. Operators of strings accept any string, even empty."""


def document(
    statements: Sequence[Mapping[str, Any]], assume_role_arns: Sequence[str | Principal] = ()
) -> dict[str, Any]:
    """Return the policy document of `statements`, with a statement that allows to assume `assume_role_arns`.

    Raises `InvalidInput` with all problems that IAM would report. A tagged session needs `sts:TagSession` beside
    `sts:AssumeRole`.
    """
    parsed: list[dict[str, Any]] = []
    with Problems() as problems:
        for index, spec in enumerate(statements):
            statement = problems.parse(f"statements[{index}]", _statement, spec)
            if statement is not None:
                parsed.append(statement)
        arns = [
            problems.parse(f"assume_role_arns[{index}]", role_arn, arn) for index, arn in enumerate(assume_role_arns)
        ]
        if arns:
            actions = ["sts:AssumeRole", "sts:TagSession"]
            parsed.append({"Effect": "Allow", "Action": actions, "Resource": arns[0] if len(arns) == 1 else arns})
    return {"Version": "2012-10-17", "Statement": parsed}


def effect(text: str) -> str:
    """Return the effect of a statement, exactly `Allow` or `Deny`."""
    if text not in {"Allow", "Deny"}:
        raise names.invalid("must be Allow or Deny (IAM)", text, "write Allow")
    return text


def action(text: str) -> str:
    """Return an action, `service:Action` with `*` and `?` as wildcards, or `*`."""
    if not _ACTION.fullmatch(names.text(text)):
        raise names.invalid("must be service:Action, with wildcards * and ?, or * (IAM)", text, "write s3:GetObject")
    return text


def resource(text: str) -> str:
    """Return a resource, an ARN with `*` and `?` as wildcards, or `*`. Of an ARN with a wildcard or a variable in
    another field than the last, only the beginning is checked.
    """
    if names.text(text) == "*":
        return text
    if any(mark in text.rpartition(":")[0] for mark in "*?$"):
        if not text.startswith("arn:") or not text.isprintable():
            raise names.invalid("must be an ARN, or * (IAM)", text, "write arn:aws:s3:::my-bucket/*")
        return text
    arn = str(Arn.parse(text))
    if text != arn:
        rule = "must have arn, the partition and the service in lower case: IAM compares the case in policies"
        raise names.invalid(rule, text, f"write {arn}")
    return text


def condition_test(text: str) -> str:
    """Return a condition operator of IAM, with an optional `ForAnyValue:` or `ForAllValues:`, and `IfExists`."""
    qualifier, separator, base = text.rpartition(":")
    if base == "Null":
        is_valid = not separator
    else:
        is_valid = base.removesuffix("IfExists") in _BASES and qualifier in {"", "ForAnyValue", "ForAllValues"}
    if not is_valid:
        fix = "write StringEquals, or another of IAM's operators"
        raise names.invalid("must be a condition operator (IAM)", text, fix)
    return text


def condition_key(text: str) -> str:
    """Return a condition key: a service or issuer, a colon, and the key."""
    if not _KEY.fullmatch(names.text(text)):
        raise names.invalid("must be a condition key, service:key (IAM)", text, "write aws:ResourceTag/team")
    return text


def condition_value(test: str, value: str) -> str:
    """Return a value that the operator can compare with. Strings may be empty, as `s3:prefix` at a bucket's root is."""
    base = test.rpartition(":")[2].removesuffix("IfExists")
    for kind, (form, rule, fix) in _VALUES.items():
        if base.startswith(kind) and not form.fullmatch(names.text(value)):
            raise names.invalid(f"must be {rule} for {test} (IAM)", value, fix)
    return names.text(value)


def conditions(specs: Sequence[Mapping[str, Any]]) -> Conditions:
    """Return the `Condition` of a statement. A value of None is an unresolved Output: it is omitted, not checked."""
    parsed: Conditions = {}
    with Problems() as problems:
        for index, condition in enumerate(specs):
            under, test, variable = f"[{index}]", condition["test"], condition["variable"]
            problems.parse(f"{under}.test", condition_test, test)
            problems.parse(f"{under}.variable", condition_key, variable)
            values = {position: value for position, value in enumerate(condition["values"]) if value is not None}
            for position, value in values.items():
                problems.parse(f"{under}.values[{position}]", condition_value, test, value)
            if not condition["values"]:
                problems.add(f"{under}.values", "must have at least one value (IAM)", [], "add an item to values")
            if variable.lower() in map(str.lower, parsed.setdefault(test, {})):
                rule = "must be listed once for each operator of a statement (IAM)"
                problems.add(f"{under}.variable", rule, variable, "move the values of both into one condition")
            parsed[test][variable] = list(values.values())
    return parsed


def holds_without_key(test: str, values: Sequence[str]) -> bool:
    """Return whether a condition holds in a request that has no value for its key.

    Source: IAM user guide, "IAM JSON policy elements: Condition operators", and "Multivalued context keys".
    """
    qualifier, _, operator = test.rpartition(":")
    if operator == "Null":
        return any(str(value).lower() == "true" for value in values)
    if operator.endswith("IfExists") or qualifier == "ForAllValues":
        return True
    return is_negated(test) and qualifier != "ForAnyValue"


def is_negated(test: str) -> bool:
    """Return whether an operator holds if its values do not match, as `StringNotLike` does."""
    return "Not" in test.rpartition(":")[2]


def _statement(spec: Mapping[str, Any]) -> dict[str, Any]:
    with Problems() as problems:
        problems.parse("effect", effect, spec.get("effect", "Allow"))
        for field, check in (("actions", action), ("resources", resource)):
            if not spec[field]:
                problems.add(field, "must have at least one item (IAM)", [], f"add an item to {field}")
            for index, text in enumerate(spec[field]):
                problems.parse(f"{field}[{index}]", check, text)
        condition = problems.parse("conditions", conditions, spec.get("conditions", ()))
    statement = {
        "Effect": spec.get("effect", "Allow"),
        "Action": list(spec["actions"]),
        "Resource": list(spec["resources"]),
    }
    return {**statement, "Condition": condition} if condition else statement


def add_conditions(statement: Mapping[str, Any], more: Conditions) -> dict[str, Any]:
    """Return the statement with `more` conditions added.

    Raises `InvalidInput` if the statement already compares a key with the same operator.
    """
    if not more:
        return dict(statement)
    condition = {test: dict(keys) for test, keys in statement.get("Condition", {}).items()}
    for test, keys in more.items():
        own_keys = {key.lower() for key in condition.get(test, {})}
        for key in keys:
            if key.lower() in own_keys:
                rule = f"must not compare {key} by {test}: the component compares it already"
                fix = f"remove the condition of {key}: other inputs of the component set its values"
                raise InvalidInput([Problem("trust_conditions", rule, key, fix)])
        short = {key: values[0] if len(values) == 1 else values for key, values in keys.items()}
        condition.setdefault(test, {}).update(short)
    return {**statement, "Condition": condition}
