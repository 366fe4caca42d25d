"""Events that the pipeline prints with `--json`."""

from __future__ import annotations

import json
from typing import Any


def reports_of(stdout: str) -> dict[str, dict[str, Any]]:
    """Return the report of each stack of a run, by the name of the stack."""
    events = map(json.loads, stdout.splitlines())
    return {event["stack"]: event["report"] for event in events if event["event"] == "stack_finished"}


def report_of(stdout: str) -> dict[str, Any]:
    """Return the report of the only stack of a run."""
    (report,) = reports_of(stdout).values()
    return report
