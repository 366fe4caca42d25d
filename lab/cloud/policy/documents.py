"""Parsing of policy documents into typed statements. An error lists all problems of the document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.cloud.policy.conditions import Condition, is_operator

Effect = Literal["Allow", "Deny"]
PrincipalKind = Literal["AWS", "Federated", "Service", "CanonicalUser"]
Principals = Mapping[str, tuple[str, ...]]
"""Principals by kind. `"Principal": "*"` becomes `{"*": ("*",)}`."""

_STATEMENT_KEYS = frozenset(
    "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split()  # noqa: SIM905
)
_PRINCIPAL_KINDS = frozenset({"AWS", "Federated", "Service", "CanonicalUser"})
_VERSIONS = frozenset({"2012-10-17", "2008-10-17"})


class PolicyError(ValueError):
    """The document is not a valid policy. `problems` lists all problems."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Statement:
    """A policy statement. At most one of each pair (`actions`, `not_actions` …) is set; the other is None."""

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
    """A policy document. Simulation returns `name` as `SourcePolicyId`."""

    statements: tuple[Statement, ...]
    version: str = "2008-10-17"
    name: str = field(default="", compare=False)

    @property
    def has_variables(self) -> bool:
        """Whether the document can have policy variables (`${…}`). Version 2012-10-17 has them, 2008-10-17 does not."""
        return self.version == "2012-10-17"


def parse(document: str | Mapping[str, Any], *, name: str = "") -> Policy:
    """Parse a policy document.

    Raises:
        PolicyError: the document is not JSON, or an element is missing, unknown, duplicate, of the wrong type, or in
            conflict with another one.
    """
    if isinstance(document, str):
        try:
            document = json.loads(document, object_pairs_hook=_unique_elements)
        except PolicyError:
            raise
        except (ValueError, RecursionError) as error:
            raise PolicyError([f"not JSON: {error}"]) from error
    if not isinstance(document, Mapping):
        raise PolicyError(["not a JSON object"])
    problems: list[str] = []
    version = document.get("Version", "2008-10-17")
    if not isinstance(version, str) or version not in _VERSIONS:
        problems.append(f"Version: {version!r} must be one of {sorted(_VERSIONS)}")
    problems += [f"{key}: unknown element" for key in document.keys() - {"Version", "Id", "Statement"}]
    raw = document.get("Statement")
    entries = raw if isinstance(raw, list) else [raw]
    if not entries or not all(isinstance(entry, Mapping) for entry in entries):
        raise PolicyError([*problems, "Statement: must be a statement or a non-empty list of statements"])
    statements = tuple(_statement(entry, f"Statement[{index}]", problems) for index, entry in enumerate(entries))
    if problems:
        raise PolicyError(problems)
    return Policy(statements, str(version), name)


def _unique_elements(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. `json` keeps the last of several values of a key, which hides the others."""
    elements = dict(pairs)
    if len(elements) < len(pairs):
        duplicates = sorted({key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1})
        raise PolicyError([f"{key}: duplicate element" for key in duplicates])
    return elements


def _statement(raw: Mapping[str, Any], path: str, problems: list[str]) -> Statement:
    problems += [f"{path}.{key}: unknown element" for key in raw.keys() - _STATEMENT_KEYS]
    effect = raw.get("Effect")
    if not isinstance(effect, str) or effect not in {"Allow", "Deny"}:
        problems.append(f"{path}.Effect: {effect!r} must be Allow or Deny")
    if not isinstance(raw.get("Sid", ""), str):
        problems.append(f"{path}.Sid: must be a string")
    for element, negation in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if element in raw and negation in raw:
            problems.append(f"{path}: {element} and {negation} exclude each other")
    if "Action" not in raw and "NotAction" not in raw:
        problems.append(f"{path}: Action or NotAction is missing")
    return Statement(
        effect="Deny" if effect == "Deny" else "Allow",
        sid=raw.get("Sid"),
        actions=_strings(raw, "Action", path, problems),
        not_actions=_strings(raw, "NotAction", path, problems),
        resources=_strings(raw, "Resource", path, problems),
        not_resources=_strings(raw, "NotResource", path, problems),
        principals=_principals(raw, "Principal", path, problems),
        not_principals=_principals(raw, "NotPrincipal", path, problems),
        conditions=tuple(_conditions(raw.get("Condition", {}), path, problems)),
    )


def _strings(raw: Mapping[str, Any], key: str, path: str, problems: list[str]) -> tuple[str, ...] | None:
    if key not in raw:
        return None
    values = raw[key] if isinstance(raw[key], list) else [raw[key]]
    if not all(isinstance(value, str) for value in values):
        problems.append(f"{path}.{key}: must be a string or a list of strings")
        return ()
    return tuple(values)


def _principals(raw: Mapping[str, Any], key: str, path: str, problems: list[str]) -> Principals | None:
    if key not in raw:
        return None
    value = raw[key]
    if value == "*":
        return {"*": ("*",)}
    if not isinstance(value, Mapping) or not value:
        problems.append(f'{path}.{key}: must be "*" or an object of kinds')
        return {}
    problems += [f"{path}.{key}.{kind}: unknown kind of principal" for kind in value.keys() - _PRINCIPAL_KINDS]
    return {kind: _strings(value, kind, f"{path}.{key}", problems) or () for kind in value}


def _conditions(raw: Any, path: str, problems: list[str]) -> Iterator[Condition]:
    if not isinstance(raw, Mapping):
        problems.append(f"{path}.Condition: must be an object")
        return
    for operator, keys in raw.items():
        if not is_operator(operator):
            problems.append(f"{path}.Condition.{operator}: unknown operator")
        if not isinstance(keys, Mapping):
            problems.append(f"{path}.Condition.{operator}: must be an object of keys")
            continue
        for key, values in keys.items():
            value_list = values if isinstance(values, list) else [values]
            if not all(isinstance(value, str | bool | int | float) for value in value_list):
                problems.append(f"{path}.Condition.{operator}.{key}: must be a value or a list of values")
                continue
            yield Condition(operator, key, tuple(_condition_text(value) for value in value_list))


def _condition_text(value: str | bool | float) -> str:  # noqa: FBT001
    return str(value).lower() if isinstance(value, bool) else str(value)
