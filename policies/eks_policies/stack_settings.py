"""What the engine tells the pack of its stack: names and settings.

    eks-policies:exceptions:
      - rule: public-endpoint-open
        subject: cluster dev
        reason: the office has no fixed addresses
        until: 2027-03-31

The SDK passes only the stack's tags on to policies, and `stack_servicer` reads the rest of the same request.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import policy as sdk

from eks_access.errors import UsageError
from eks_access.questions.policies.settings import RuleException, parse_settings
from eks_identity.errors import InvalidInput
from eks_identity.model.expiry import parse_expiry

KEY = "eks-policies:exceptions"
SERVICER = "_PolicyAnalyzerServicer"
"""The name of the SDK's server, in its module `policy`."""


@dataclass(frozen=True)
class StackSettings:
    """Name and settings of the stack."""

    stack: str = ""
    """Its qualified name; empty if the engine does not tell it."""
    exceptions: Mapping[str, tuple[RuleException, ...]] = field(default_factory=dict)
    """Exceptions by the id of their rule."""


def parse_exceptions(text: str) -> dict[str, tuple[RuleException, ...]]:
    """Return the exceptions of a stack's settings; raise `UsageError` with what is wrong and where."""
    fix = "write a list of objects with rule, subject, reason and until"
    try:
        listed = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{KEY} must be a list: {error}", fix) from error
    if not isinstance(listed, list) or not all(isinstance(each, dict) and "rule" in each for each in listed):
        raise UsageError(f"{KEY} must be a list of objects with a rule", fix)
    by_rule: dict[str, list[Any]] = defaultdict(list)
    for each in listed:
        by_rule[str(each["rule"])].append(
            {key: _date(value) if key == "until" else value for key, value in each.items() if key != "rule"}
        )
    settings = parse_settings({rule: {"exceptions": found} for rule, found in by_rule.items()}, KEY)
    return {rule: found.exceptions for rule, found in settings.rules.items()}


def _date(value: Any) -> Any:
    """Return the date of an unquoted one in YAML, which Pulumi passes on with a time; other values as they are."""
    try:
        return parse_expiry(value)
    except InvalidInput:
        return value


def stack_settings(request: analyzer_pb2.AnalyzerStackConfigureRequest) -> StackSettings:
    """Return name and settings of the request with which the engine configures the pack for a stack."""
    name = "/".join(filter(None, (request.organization, request.project, request.stack)))
    config = dict(request.config)
    return StackSettings(name, parse_exceptions(config[KEY]) if KEY in config else {})


def stack_servicer(configure: Callable[[StackSettings], None]) -> type[Any]:
    """Return the SDK's server with a hook on the configuration for a stack."""

    class StackServicer(sdk._PolicyAnalyzerServicer):  # noqa: SLF001 - the SDK has no public hook
        def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the call
            configure(stack_settings(request))
            return super().ConfigureStack(request, context)

    return StackServicer
