"""What an operation did, gathered from the engine's own events: shown while it runs, and kept for `--json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, StepEventMetadata
from rich.console import Console
from rich.markup import escape
from rich.text import Text

_SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "import": "=", "refresh": "↻"}
_ENDED = "an unhandled error occurred: program exited with non-zero exit code"
"""What the engine adds to every message of a program that refused to go on."""
_QUIET = {"same", "read", "read-discard", "discard", "create-replacement", "delete-replaced"}


@dataclass
class Change:
    """One step that the engine took, or in a preview would take, on one resource."""

    urn: str
    type: str
    operation: str
    properties: list[str] = field(default_factory=list)
    """The properties that differ, as paths."""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass
class Report:
    """The outcome of one operation on one stack."""

    stack: str
    operation: str
    result: str = "running"
    seconds: float = 0.0
    summary: dict[str, int] = field(default_factory=dict)
    """How many resources went through each kind of step, by the engine's own count."""
    changes: list[Change] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    """Errors and warnings in the engine's words."""
    outputs: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Narrator:
    """Writes each event of the engine into a report, and a line of it to the console."""

    def __init__(self, report: Report, console: Console) -> None:
        self._report = report
        self._console = console

    def hear(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            self._step(event.resource_pre_event.metadata)
        elif event.res_op_failed_event:
            self._line("!", "red", event.res_op_failed_event.metadata, "failed")
        elif event.diagnostic_event and event.diagnostic_event.severity in {"error", "warning"}:
            self._diagnostic(event.diagnostic_event.severity, event.diagnostic_event.message)
        elif event.policy_event:
            self._diagnostic(event.policy_event.enforcement_level, event.policy_event.message)
        elif event.summary_event:
            self._report.summary = {str(op): count for op, count in event.summary_event.resource_changes.items()}

    def hear_preview(self, event: EngineEvent) -> None:
        """Report the failures and diagnostics of a preview before an update; its steps change nothing."""
        if not event.resource_pre_event and not event.summary_event:
            self.hear(event)

    def say(self, text: str) -> None:
        self._console.print(escape(text), style="bold")

    def _step(self, step: StepEventMetadata) -> None:
        operation = getattr(step.op, "value", step.op)
        if operation in _QUIET or _is_bookkeeping(step):
            return
        properties = sorted(step.detailed_diff or step.diffs or [])
        self._report.changes.append(Change(step.urn, step.type, operation, properties))
        self._line(_SIGNS.get(operation, "·"), "green", step, ", ".join(properties))

    def _line(self, sign: str, style: str, step: StepEventMetadata, detail: str) -> None:
        line = Text.assemble((f" {sign} ", style), (step.type, "dim"), " ", step.urn.rpartition("::")[2])
        if detail:
            line.append(f"  {detail}", style="dim")
        self._console.print(line, soft_wrap=True)

    def _diagnostic(self, severity: str, message: str) -> None:
        text = Text.from_ansi(_without_colours(message)).plain.strip()
        line = f"{severity}: {text}"
        if line in self._report.diagnostics:
            return  # an update repeats the warnings of its preview
        if text and not (self._report.diagnostics and text.startswith(_ENDED)):
            self._report.diagnostics.append(line)
            self._console.print(
                f"[{'yellow' if severity == 'warning' else 'red'}]{severity}[/]: {escape(text)}", soft_wrap=True
            )


def _is_bookkeeping(step: StepEventMetadata) -> bool:
    """The stack itself and providers that nobody declared: the engine's own entries."""
    default_provider = step.type.startswith("pulumi:providers:") and step.urn.rpartition("::")[2].startswith("default")
    return step.type == "pulumi:pulumi:Stack" or default_provider


def _without_colours(message: str) -> str:
    """The engine marks colours as `<{%reset%}>`."""
    head, *parts = message.split("<{%")
    return head + "".join(part.partition("%}>")[2] for part in parts)
