"""Policy documents: JSON in, typed statements out, or every problem at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.cloud.policy.conditions import Condition, is_operator

Effect = Literal["Allow", "Deny"]
PrincipalKind = Literal["AWS", "Federated", "Service", "CanonicalUser"]
Principals = Mapping[str, tuple[str, ...]]
"""By kind; `{"*": ("*",)}` for the plain `"Principal": "*"`."""

_STATEMENT_KEYS = frozenset(
    "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split()  # noqa: SIM905
)
_PRINCIPAL_KINDS = frozenset({"AWS", "Federated", "Service", "CanonicalUser"})
_VERSIONS = frozenset({"2012-10-17", "2008-10-17"})


class PolicyError(ValueError):
    """The document is not a policy; `problems` says all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Statement:
    """One statement. Of each pair (`actions`, `not_actions` …) at most one is given; the other is None."""

    effect: Effect
    sid: str | None = None
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    principals: Principals | None = None
    not_principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A policy document; `name` is what simulation reports as its source."""

    statements: tuple[Statement, ...]
    version: str = "2008-10-17"
    name: str = field(default="", compare=False)

    @property
    def variables(self) -> bool:
        """Whether `${…}` counts: only since version 2012-10-17."""
        return self.version == "2012-10-17"


def parse(document: str | Mapping[str, Any], *, name: str = "") -> Policy:
    """Read a policy document.

    Raises:
        PolicyError: it is not JSON, or an element is missing, unknown, doubled or of the wrong type.
    """
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError as error:
            raise PolicyError([f"not JSON: {error}"]) from error
    if not isinstance(document, Mapping):
        raise PolicyError(["not a JSON object"])
    problems: list[str] = []
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        problems.append(f"Version: {version!r} is none of {sorted(_VERSIONS)}")
    problems += [f"{key}: unknown element" for key in document.keys() - {"Version", "Id", "Statement"}]
    raw = document.get("Statement")
    entries = raw if isinstance(raw, list) else [raw]
    if not entries or not all(isinstance(entry, Mapping) for entry in entries):
        raise PolicyError([*problems, "Statement: must be a statement or a list of them, not empty"])
    statements = tuple(_statement(entry, f"Statement[{index}]", problems) for index, entry in enumerate(entries))
    if problems:
        raise PolicyError(problems)
    return Policy(statements, str(version), name)


def _statement(raw: Mapping[str, Any], where: str, problems: list[str]) -> Statement:
    problems += [f"{where}.{key}: unknown element" for key in raw.keys() - _STATEMENT_KEYS]
    effect = raw.get("Effect")
    if effect not in {"Allow", "Deny"}:
        problems.append(f"{where}.Effect: {effect!r} is neither Allow nor Deny")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in raw and other in raw:
            problems.append(f"{where}: {one} and {other} exclude each other")
    if "Action" not in raw and "NotAction" not in raw:
        problems.append(f"{where}: Action or NotAction is missing")
    return Statement(
        effect="Deny" if effect == "Deny" else "Allow",
        sid=raw.get("Sid"),
        actions=_strings(raw, "Action", where, problems),
        not_actions=_strings(raw, "NotAction", where, problems),
        resources=_strings(raw, "Resource", where, problems),
        not_resources=_strings(raw, "NotResource", where, problems),
        principals=_principals(raw, "Principal", where, problems),
        not_principals=_principals(raw, "NotPrincipal", where, problems),
        conditions=tuple(_conditions(raw.get("Condition", {}), where, problems)),
    )


def _strings(raw: Mapping[str, Any], key: str, where: str, problems: list[str]) -> tuple[str, ...] | None:
    if key not in raw:
        return None
    values = raw[key] if isinstance(raw[key], list) else [raw[key]]
    if not all(isinstance(value, str) for value in values):
        problems.append(f"{where}.{key}: must be a string or a list of strings")
        return ()
    return tuple(values)


def _principals(raw: Mapping[str, Any], key: str, where: str, problems: list[str]) -> Principals | None:
    if key not in raw:
        return None
    value = raw[key]
    if value == "*":
        return {"*": ("*",)}
    if not isinstance(value, Mapping) or not value:
        problems.append(f'{where}.{key}: must be "*" or an object of kinds')
        return {}
    problems += [f"{where}.{key}.{kind}: unknown kind of principal" for kind in value.keys() - _PRINCIPAL_KINDS]
    return {kind: _strings(value, kind, f"{where}.{key}", problems) or () for kind in value}


def _conditions(raw: Any, where: str, problems: list[str]) -> Iterator[Condition]:
    if not isinstance(raw, Mapping):
        problems.append(f"{where}.Condition: must be an object")
        return
    for operator, keys in raw.items():
        if not is_operator(operator):
            problems.append(f"{where}.Condition.{operator}: unknown operator")
        if not isinstance(keys, Mapping):
            problems.append(f"{where}.Condition.{operator}: must be an object of keys")
            continue
        for key, values in keys.items():
            listed = values if isinstance(values, list) else [values]
            if not all(isinstance(value, str | bool | int | float) for value in listed):
                problems.append(f"{where}.Condition.{operator}.{key}: must be a value or a list of values")
                continue
            yield Condition(operator, key, tuple(_plain(value) for value in listed))


def _plain(value: str | bool | float) -> str:  # noqa: FBT001
    return str(value).lower() if isinstance(value, bool) else str(value)
