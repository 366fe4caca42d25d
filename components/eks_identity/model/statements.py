"""Statements of permission policies as they are written in args, and the document that they become."""

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
    "Null": (re.compile(r"true|false", re.IGNORECASE), "true or false", "write true: the key is not there"),
    "Numeric": (re.compile(r"[+-]?[0-9]+(\.[0-9]+)?"), "a number", "write 3600"),
    "Date": (re.compile(r"[0-9]+|[0-9]{4}-[0-9]{2}.*"), "a date of ISO 8601", "write 2030-01-01T00:00:00Z"),
    "IpAddress": (re.compile(r"[0-9a-fA-F.:]+(/[0-9]+)?"), "an address or a range of them", "write 203.0.113.0/24"),
    "NotIpAddress": (re.compile(r"[0-9a-fA-F.:]+(/[0-9]+)?"), "an address or a range of them", "write 203.0.113.0/24"),
    "Arn": (re.compile(r".+", re.DOTALL), "an ARN", "write the ARN, with * and ? where it may differ"),
    "Binary": (re.compile(r"[A-Za-z0-9+/]+=*"), "base64", "write the base64 of what is compared"),
}
"""By what an operator begins with: what it compares to. The operators of strings take any, the empty one too."""


def document(
    statements: Sequence[Mapping[str, Any]], assume_role_arns: Sequence[str | Principal] = ()
) -> dict[str, Any]:
    """The policy document of `statements`, and of the right to take on roles. Refuses what IAM would, all at once.

    Sessions are tagged on the way into a role, so `sts:TagSession` goes with `sts:AssumeRole`.
    """
    made: list[dict[str, Any]] = []
    with Problems() as problems:
        for index, given in enumerate(statements):
            statement = problems.parse(f"statements[{index}]", _statement, given)
            if statement is not None:
                made.append(statement)
        arns = [
            problems.parse(f"assume_role_arns[{index}]", role_arn, arn) for index, arn in enumerate(assume_role_arns)
        ]
        if arns:
            taken_on = ["sts:AssumeRole", "sts:TagSession"]
            made.append({"Effect": "Allow", "Action": taken_on, "Resource": arns[0] if len(arns) == 1 else arns})
    return {"Version": "2012-10-17", "Statement": made}


def effect(text: str) -> str:
    """`Allow` or `Deny`, to the letter."""
    if text not in {"Allow", "Deny"}:
        raise _refused("Allow or Deny (IAM)", text, "write Allow")
    return text


def action(text: str) -> str:
    """`service:Action`, with `*` and `?`; or `*`."""
    if not _ACTION.fullmatch(names.text(text)):
        raise _refused("service:Action, where * and ? match, or * (IAM)", text, "write s3:GetObject")
    return text


def resource(text: str) -> str:
    """An ARN, with `*` and `?`; or `*`. A part that holds a wildcard or a variable is not looked into."""
    if names.text(text) == "*" or any(mark in text.rpartition(":")[0] for mark in "*?$"):
        return text
    Arn.parse(text)
    return text


def condition_test(text: str) -> str:
    """A condition operator of IAM's, `ForAnyValue:` or `ForAllValues:` before it and `IfExists` behind it included."""
    qualifier, separator, base = text.rpartition(":")
    if base == "Null":
        known = not separator
    else:
        known = base.removesuffix("IfExists") in _BASES and qualifier in {"", "ForAnyValue", "ForAllValues"}
    if not known:
        raise _refused("a condition operator (IAM)", text, "write StringEquals, or another of IAM's operators")
    return text


def condition_key(text: str) -> str:
    """A condition key: a service or issuer, a colon, and the key."""
    if not _KEY.fullmatch(names.text(text)):
        raise _refused("a condition key, service:key (IAM)", text, "write aws:ResourceTag/team")
    return text


def condition_value(test: str, value: str) -> str:
    """A value that the operator can compare to. Strings may be empty: `s3:prefix` is, at the root of a bucket."""
    base = test.rpartition(":")[2].removesuffix("IfExists")
    for kind, (form, rule, fix) in _VALUES.items():
        if base.startswith(kind) and not form.fullmatch(names.text(value)):
            raise _refused(f"{rule} for {test} (IAM)", value, fix)
    return names.text(value)


def conditions(given: Sequence[Mapping[str, Any]]) -> Conditions:
    """The `Condition` of a statement. A value that is None is not known yet: it is left out and not checked."""
    made: Conditions = {}
    with Problems() as problems:
        for index, condition in enumerate(given):
            under, test, variable = f"[{index}]", condition["test"], condition["variable"]
            problems.parse(f"{under}.test", condition_test, test)
            problems.parse(f"{under}.variable", condition_key, variable)
            values = {position: value for position, value in enumerate(condition["values"]) if value is not None}
            for position, value in values.items():
                problems.parse(f"{under}.values[{position}]", condition_value, test, value)
            if not condition["values"]:
                problems.add(f"{under}.values", "at least one value (IAM)", [], "add to values")
            if variable.lower() in map(str.lower, made.setdefault(test, {})):
                rule = "an operator has each condition key once in a statement (IAM)"
                problems.add(f"{under}.variable", rule, variable, "put the values of both into one of them")
            made[test][variable] = list(values.values())
    return made


def holds_without_key(test: str, values: Sequence[str]) -> bool:
    """Whether a condition holds in a request that has no value for its key.

    Source: IAM user guide, "IAM JSON policy elements: Condition operators", and "Multivalued context keys".
    """
    qualifier, _, operator = test.rpartition(":")
    if operator == "Null":
        return str(values[0]).lower() == "true" if values else False
    if operator.endswith("IfExists") or qualifier == "ForAllValues":
        return True
    return is_negated(test) and qualifier != "ForAnyValue"


def is_negated(test: str) -> bool:
    """Whether an operator holds where its values do not match, such as `StringNotLike`."""
    return "Not" in test.rpartition(":")[2]


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    with Problems() as problems:
        problems.parse("effect", effect, given.get("effect", "Allow"))
        for field, check in (("actions", action), ("resources", resource)):
            if not given[field]:
                problems.add(field, "at least one, or the statement says nothing (IAM)", [], f"add to {field}")
            for index, text in enumerate(given[field]):
                problems.parse(f"{field}[{index}]", check, text)
        written = problems.parse("conditions", conditions, given.get("conditions", ()))
    made = {
        "Effect": given.get("effect", "Allow"),
        "Action": list(given["actions"]),
        "Resource": list(given["resources"]),
    }
    return {**made, "Condition": written} if written else made


def _refused(rule: str, value: object, fix: str) -> InvalidInput:
    return InvalidInput([Problem("", rule, value, fix)])


def merged(statement: Mapping[str, Any], more: Conditions) -> dict[str, Any]:
    """The statement with these conditions besides its own; rejects an operator and key that it compares already."""
    if not more:
        return dict(statement)
    made = {test: dict(keys) for test, keys in statement.get("Condition", {}).items()}
    for test, keys in more.items():
        own = {key.lower() for key in made.get(test, {})}
        for key in keys:
            if key.lower() in own:
                rule = f"must not compare {key} by {test}: the component compares it already"
                fix = "remove it; or write other values in the input that it comes from, such as subjects"
                raise InvalidInput([Problem("trust_conditions", rule, key, fix)])
        short = {key: values[0] if len(values) == 1 else values for key, values in keys.items()}
        made.setdefault(test, {}).update(short)
    return {**statement, "Condition": made}
