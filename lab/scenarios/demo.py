"""The command `python -m lab demo`: run all scenarios in a new lab and print the results in a table."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from lab.clusters import DEFAULT_CLUSTERS
from lab.lab_dir import LabDir
from lab.lifecycle import reset, up
from lab.progress import Timeline, read_events
from lab.scenarios.clients import LabClients
from lab.scenarios.runner import STEPS, prepare
from lab.scenarios.step import Step
from lab.tools import Toolbox

WIDTH = 170
"""Width of the table in characters without a terminal."""


@dataclass(frozen=True)
class StepResult:
    """The result of a step."""

    step: Step
    actual: str
    seconds: float

    @property
    def has_passed(self) -> bool:
        return self.actual == self.step.expected


def run_demo(home: LabDir, *, keep: bool = False) -> bool:
    """Start a lab, run every step and print the table. Return whether every step had its expected result."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    timeline = Timeline(console)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        up(home, DEFAULT_CLUSTERS, timeline, owner=None if keep else os.getpid())
        startup = time.monotonic() - started
        clients = LabClients(home, Toolbox(home.tools, timeline).ensure().bin)
        with timeline.part("users, bucket and pods of the scenarios"):
            prepare(clients)
        results = [_run(step, clients, timeline) for step in STEPS]
        _print_table(results, console)
        _print_times(results, startup, time.monotonic() - started, home, console)
    finally:
        if not keep:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave half a lab
            with timeline.part("clean up"):
                reset(home)
    return all(result.has_passed for result in results)


def _run(step: Step, clients: LabClients, timeline: Timeline) -> StepResult:
    """Run one step. An exception is its actual result."""
    started = time.monotonic()
    with timeline.part(str(step)):
        try:
            actual = step.run(clients)
        except Exception as error:  # noqa: BLE001 - any exception is a result
            actual = f"{type(error).__name__}: {error}"
    return StepResult(step, actual, time.monotonic() - started)


def _print_table(results: list[StepResult], console: Console) -> None:
    columns = [Column(title, overflow="fold") for title in ("step", "client", "expected", "actual")]
    table = Table("", *columns, Column("seconds", no_wrap=True), title="Results")
    for scenario in sorted({result.step.scenario for result in results}):
        table.add_section()
        for result in results:
            if result.step.scenario == scenario:
                mark = "[green]✓[/]" if result.has_passed else "[red]✗[/]"
                cells = (f"{scenario}: {result.step.title}", result.step.client, result.step.expected, result.actual)
                *row, actual = map(escape, cells)
                table.add_row(mark, *row, actual if result.has_passed else f"[red]{actual}[/]", f"{result.seconds:.1f}")
    console.print(table)


def _print_times(results: list[StepResult], startup: float, total: float, home: LabDir, console: Console) -> None:
    """Print the time of each part of the start, then the time of the steps for each client."""
    parts, _ = read_events(home.events, 0)
    console.print("Time of each part of the start: " + ", ".join(f"{part.name} {part.seconds:.1f}" for part in parts))
    by_client: dict[str, float] = {}
    for result in results:
        by_client[result.step.client] = by_client.get(result.step.client, 0) + result.seconds
    ranked = sorted(by_client.items(), key=lambda item: -item[1])
    console.print("Time of the steps by client: " + ", ".join(f"{client} {seconds:.1f}" for client, seconds in ranked))
    failed = sum(not result.has_passed for result in results)
    verdict = (
        f"[red]{failed} of {len(results)} steps differ[/]"
        if failed
        else f"[green]all {len(results)} steps as expected[/]"
    )
    console.print(f"{verdict}; lab up in {startup:.1f} s, all scenarios verified {total:.1f} s after the start")
