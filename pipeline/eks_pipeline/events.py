"""Events of a run. `--json` prints one in each line; the process of a stack sends them to the run in the same form.

`pipeline/event.schema.json` is their schema.
"""

from __future__ import annotations

from typing import Any

import msgspec

from eks_pipeline.report import Change, Result, RunSummary, StackReport


class _Event(msgspec.Struct, tag_field="event", kw_only=True):
    """Base of all events; the member `event` is the kind."""


class RunStarted(_Event, tag="run_started"):
    """The first event of a run."""

    run: str
    """Folder of the run; `--resume` accepts its last part."""
    operation: str
    stacks: list[str]


class StackStarted(_Event, tag="stack_started"):
    """The operation on a stack has started."""

    stack: str


class StackStatus(_Event, tag="stack_status"):
    """What the operation on a stack does now: `previewing the update`."""

    stack: str
    text: str


class ResourceStep(_Event, tag="resource_step"):
    """The engine begins a step on a resource; in a preview, it plans the step."""

    stack: str
    change: Change
    failed: bool = False
    """Whether the step failed."""


class Diagnostic(_Event, tag="diagnostic"):
    """An error or a warning of the engine, of the program or of a policy."""

    stack: str
    severity: str
    message: str


class StackFinished(_Event, tag="stack_finished"):
    """The operation on a stack ended, or did not start."""

    stack: str
    result: Result
    report: StackReport


class RunFinished(_Event, tag="run_finished"):
    """The last event of a run."""

    summary: RunSummary


Event = RunStarted | StackStarted | StackStatus | ResourceStep | Diagnostic | StackFinished | RunFinished

_DECODER = msgspec.json.Decoder(Event)


def encode(event: Event) -> str:
    """Return an event as one line of JSON, without the line's end."""
    return msgspec.json.encode(event).decode()


def decode(line: str | bytes) -> Event:
    """Return the event of one line of JSON; raise `msgspec.MsgspecError` for other text."""
    event: Event = _DECODER.decode(line)
    return event


def schema() -> dict[str, Any]:
    """Return the JSON schema of an event."""
    return msgspec.json.schema(Event)
