"""The resource plan of a preview: the steps that the update will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eks_access.sources.pulumi import values
from eks_pipeline.review.stack_preview import SECRET, UNKNOWN, PlannedStep
from eks_pipeline.stack.engine_output import PreviewOutput
from eks_pipeline.stack.reporter import is_internal

_UNCHANGED = frozenset({"same", "read", "refresh"})


def planned_steps(output: PreviewOutput) -> tuple[PlannedStep, ...]:
    """Return the steps of a preview that change a resource, in the order of their URNs."""
    steps = [_step(each) for each in _steps(output) if each["op"] not in _UNCHANGED]
    return tuple(sorted(steps, key=lambda step: (step.urn, step.operation)))


def unchanged(output: PreviewOutput) -> int:
    """Return the number of resources that the update does not change."""
    return sum(each["op"] in _UNCHANGED for each in _steps(output))


def _steps(output: PreviewOutput) -> list[Mapping[str, Any]]:
    return [each for each in output.digest.get("steps") or () if not is_internal(_type(each), each["urn"])]


def _type(step: Mapping[str, Any]) -> str:
    state = step.get("newState") or step.get("oldState") or {}
    return str(state.get("type", ""))


def _step(step: Mapping[str, Any]) -> PlannedStep:
    inputs = (step.get("newState") or {}).get("inputs") or {}
    properties = sorted(step.get("detailedDiff") or step.get("diffReasons") or ())
    return PlannedStep(step["urn"], _type(step), step["op"], tuple(properties), masked(inputs))


def masked(value: Any) -> Any:
    """Return a value of Pulumi's JSON without secrets, and with one text in place of each unknown value."""
    if isinstance(value, str):
        return UNKNOWN if values.UNKNOWN in value else SECRET if values.MASK in value else value
    if isinstance(value, list):
        return [masked(item) for item in value]
    if isinstance(value, dict):
        signature = value.get(values.SIGNATURE)
        if signature == values.SECRET or (signature == values.OUTPUT and value.get("secret")):
            return SECRET
        if signature == values.OUTPUT:
            return masked(value["value"]) if "value" in value else UNKNOWN
        return {key: masked(item) for key, item in sorted(value.items())}
    return value
