"""Progress of a run on standard error: one line for each running stack on a terminal, plain lines otherwise."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from eks_pipeline import events
from eks_pipeline.report import Change, Result, StackReport

_SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "import": "=", "refresh": "↻"}
_STYLES = {Result.SUCCEEDED: "green", Result.FAILED: "red", Result.SKIPPED: "yellow", Result.CANCELLED: "yellow"}


class Progress:
    """Prints the events of a run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        self._running: dict[str, str] = {}
        """What each running stack does now."""
        self._is_single = True
        self._finished = 0
        self._all = 0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def on_event(self, event: events.Event) -> None:
        """Print an event."""
        if isinstance(event, events.RunStarted):
            self._is_single, self._all = len(event.stacks) == 1, len(event.stacks)
            self._line("", Text(f"run {event.run}", "dim"))
        elif isinstance(event, events.StackFinished):
            self._running.pop(event.stack, None)
            self._finished += 1
            if not self._is_single:
                self._line(event.stack, finish_text(event.report))
        elif not isinstance(event, events.RunFinished):
            self._of_running_stack(event)
        if self._live is not None:
            self._live.update(self._table())

    def _of_running_stack(
        self, event: events.StackStarted | events.StackStatus | events.ResourceStep | events.Diagnostic
    ) -> None:
        """Print what a stack does. On a terminal, steps of several stacks appear only in the stack's own line."""
        if isinstance(event, events.StackStarted):
            self._running[event.stack] = "started"
            if not self._is_single and self._live is None:
                self._line(event.stack, Text("started"))
        elif isinstance(event, events.StackStatus):
            self._running[event.stack] = event.text
            self._line(event.stack, Text(event.text, "bold"))
        elif isinstance(event, events.ResourceStep):
            self._running[event.stack] = f"{event.change.operation} {event.change.name}"
            if self._is_single or self._live is None or event.failed:
                self._line(event.stack, step_text(event.change, failed=event.failed))
        else:
            style = "yellow" if event.severity in {"warning", "advisory"} else "red"
            self._line(event.stack, Text.assemble((event.severity, style), f": {event.message}"))

    def _table(self) -> Text:
        lines = [f"{name}: {text}" for name, text in self._running.items()]
        return Text("\n".join([*lines, f"{self._finished} of {self._all} stacks"]), no_wrap=True, overflow="ellipsis")

    def _line(self, stack: str, text: Text) -> None:
        prefix = Text(f"{stack}: ", "cyan") if stack and not self._is_single else Text()
        self._console.print(Text.assemble(prefix, text), soft_wrap=True, markup=False, highlight=False)


def step_text(change: Change, *, failed: bool = False) -> Text:
    """Return a step on a resource as one line."""
    sign, style = ("!", "red") if failed else (_SIGNS.get(change.operation, "·"), "green")
    line = Text.assemble((f" {sign} ", style), (change.type, "dim"), " ", change.name)
    detail = "failed" if failed else ", ".join(change.properties)
    return line.append(f"  {detail}", style="dim") if detail else line


def finish_text(report: StackReport) -> Text:
    """Return the end of a stack in one line."""
    counts = ", ".join(f"{count} {step}" for step, count in sorted(report.summary.items()))
    reason = report.reason.partition("\n")[0]
    details = "; ".join(filter(None, (f"{report.seconds} s" if report.seconds else "", counts, reason)))
    return Text.assemble((report.result, _STYLES[report.result]), f" ({details})" if details else "")
