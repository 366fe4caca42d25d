"""The report of an operation, built from the engine's events, and its progress on the console."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pulumi.automation import EngineEvent, StepEventMetadata
from rich.console import Console
from rich.markup import escape
from rich.text import Text

_SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "import": "=", "refresh": "↻"}
_PROGRAM_EXITED = "an unhandled error occurred: program exited with non-zero exit code"
"""The message that the engine adds when a program fails."""
_UNREPORTED_STEPS = {"same", "read", "read-discard", "discard", "create-replacement", "delete-replaced"}


@dataclass
class Change:
    """A step of the engine on one resource; in a preview, a planned step."""

    urn: str
    type: str
    operation: str
    properties: list[str] = field(default_factory=list)
    """Paths of the properties that differ."""

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
    """Number of resources for each kind of step, as the engine counts them."""
    changes: list[Change] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    """Errors and warnings of the engine."""
    outputs: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class EventReporter:
    """Adds each event of the engine to a report and prints it to the console."""

    def __init__(self, report: Report, console: Console) -> None:
        self._report = report
        self._console = console

    def on_event(self, event: EngineEvent) -> None:
        """Add the event to the report and print it."""
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

    def on_preview_event(self, event: EngineEvent) -> None:
        """Report failures and diagnostics of the preview before an update, but not its steps, which change nothing."""
        if not event.resource_pre_event and not event.summary_event:
            self.on_event(event)

    def print_status(self, text: str) -> None:
        """Print a status message."""
        self._console.print(escape(text), style="bold")

    def _step(self, step: StepEventMetadata) -> None:
        operation = getattr(step.op, "value", step.op)
        if operation in _UNREPORTED_STEPS or _is_internal_step(step):
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
        text = Text.from_ansi(_strip_colors(message)).plain.strip()
        line = f"{severity}: {text}"
        if line in self._report.diagnostics:
            return  # the update repeats warnings of its preview
        if text and not (self._report.diagnostics and text.startswith(_PROGRAM_EXITED)):
            self._report.diagnostics.append(line)
            self._console.print(
                f"[{'yellow' if severity == 'warning' else 'red'}]{severity}[/]: {escape(text)}", soft_wrap=True
            )


def _is_internal_step(step: StepEventMetadata) -> bool:
    """Return whether the step is on the stack itself or on a default provider, which the engine adds."""
    default_provider = step.type.startswith("pulumi:providers:") and step.urn.rpartition("::")[2].startswith("default")
    return step.type == "pulumi:pulumi:Stack" or default_provider


def _strip_colors(message: str) -> str:
    """Return `message` without the engine's color tags, such as `<{%reset%}>`."""
    text, *parts = message.split("<{%")
    return text + "".join(part.partition("%}>")[2] for part in parts)
