"""Settings of the rules: levels, exceptions and the required permissions boundary.

The form is that of Pulumi's policy config: an object with rule ids, each with a level, or with an object of settings.
`all` is the level of the rules without one of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from eks_access.catalogue import policies as rules
from eks_access.catalogue.policy_rule import Level, PolicyRule
from eks_access.errors import UsageError
from eks_access.findings import FindingKind

_FIX = "see docs/policies.md"
_TEXT = msgspec.Meta(min_length=1)
ALL = "all"
_REPORTS = tuple(kind.id for kind in rules.REPORTS)


@dataclass(frozen=True)
class RuleException:
    """A violation that is accepted until a date."""

    subject: Annotated[str, _TEXT, msgspec.Meta(description="The violation's subject; * and ? match any text.")]
    reason: Annotated[str, _TEXT, msgspec.Meta(description="Why the violation is accepted.")]
    until: Annotated[date, msgspec.Meta(description="The last day of the exception.")]

    def matches(self, subject: str) -> bool:
        return fnmatchcase(subject, self.subject)


@dataclass(frozen=True)
class RuleSettings:
    """The settings of one rule."""

    level: Level | None = None
    exceptions: tuple[RuleException, ...] = ()
    boundary: str | None = None
    """ARN of the permissions boundary of workloads' roles, with wildcards."""


@dataclass(frozen=True)
class PolicySettings:
    """The settings of all rules."""

    rules: Mapping[str, RuleSettings] = field(default_factory=dict)
    default: Level | None = None
    """Level of the rules without one of their own; None: the level of the catalogue."""
    reports: Mapping[str, Level] = field(default_factory=dict)
    """Levels of the reports on exceptions and on what is not decided, by their ids."""

    def of(self, rule: PolicyRule) -> RuleSettings:
        return self.rules.get(rule.id, RuleSettings())

    def level(self, rule: PolicyRule) -> Level:
        return self.of(rule).level or self.default or rule.level

    def level_of_report(self, kind: FindingKind, level: Level) -> Level:
        """Return the level of a report; `level` is the one by default."""
        return self.reports.get(kind.id) or self.default or level

    @property
    def boundary(self) -> str | None:
        return self.of(rules.BOUNDARY_MISSING).boundary


class RuleConfig(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The settings of one rule, as a policy config has them."""

    enforcement_level: Level | None = None
    exceptions: tuple[RuleException, ...] = ()
    boundary: str | None = None


def parse_settings(document: object, name: str = "the policy config") -> PolicySettings:
    """Return the settings of a policy config; raise `UsageError` with what is wrong and where."""
    if not isinstance(document, Mapping):
        raise UsageError(f"{name} must be an object with rule ids", _FIX)
    ids = [kind.id for kind in rules.KINDS]
    found: dict[str, RuleSettings] = {}
    levels: dict[str, Level] = {}
    default = None
    for key, value in document.items():
        if key == ALL:
            default = parse_rule_settings({"enforcementLevel": value}, f"{name}, {key}").level
            continue
        if key not in ids:
            similar = get_close_matches(str(key), ids, 1)
            hint = f"write {similar[0]}" if similar else _FIX
            raise UsageError(f"{name}: {key!r} must be the id of a rule", hint)
        settings = value if isinstance(value, Mapping) else {"enforcementLevel": value}
        found[key] = parse_rule_settings(settings, f"{name}, {key}")
        if key in _REPORTS:
            level = found.pop(key).level
            levels |= {} if level is None else {key: level}
    return PolicySettings(found, default, levels)


def parse_rule_settings(settings: Mapping[str, Any], name: str) -> RuleSettings:
    """Return the settings of one rule; raise `UsageError` with what is wrong and where."""
    try:
        parsed = msgspec.convert(settings, RuleConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"{name}: {error}", _FIX) from error
    return RuleSettings(parsed.enforcement_level, parsed.exceptions, parsed.boundary)


def overdue(exceptions: Iterable[RuleException], today: date) -> list[RuleException]:
    """Return the exceptions whose last day has passed."""
    return [each for each in exceptions if each.until < today]


def schema() -> dict[str, Any]:
    """Return the JSON schema of a policy config."""
    level = {"enum": [level.value for level in Level]}
    found = msgspec.json.schema(RuleConfig)
    definitions = found["$defs"]
    of_rule = {"anyOf": [level, {"$ref": found["$ref"]}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy config of eks-policies",
        "type": "object",
        "properties": {
            ALL: level,
            **{rule.id: {"description": rule.requirement, **of_rule} for rule in rules.RULES},
            **dict.fromkeys(_REPORTS, level),
        },
        "additionalProperties": False,
        "$defs": definitions,
    }
