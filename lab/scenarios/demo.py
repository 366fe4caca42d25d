"""`python -m lab demo`: both stories in a lab of their own, with what was seen in a table."""

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
from lab.lifecycle import Plugins, reset, up
from lab.progress import Timeline, read_events
from lab.scenarios.clients import LabClients
from lab.scenarios.runner import STEPS, prepare
from lab.scenarios.step import Step
from lab.tools import Toolbox

WIDTH = 170
"""Columns of the table where no terminal says how many there are."""


@dataclass(frozen=True)
class StepResult:
    """A step that was walked."""

    step: Step
    seen: str
    seconds: float

    @property
    def as_expected(self) -> bool:
        return self.seen == self.step.expected


def run_demo(home: LabDir, *, keep: bool = False) -> bool:
    """Bring a lab up, walk every step, print the table; says whether all was as expected."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    started = time.monotonic()
    timeline = Timeline(console)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        up(home, DEFAULT_CLUSTERS, Plugins.STAND_IN, timeline, owner=None if keep else os.getpid())
        brought_up = time.monotonic() - started
        world = LabClients(home, Toolbox(home.tools, timeline).ensure().bin)
        with timeline.part("users, bucket and pods of the stories"):
            prepare(world)
        walked = [_walk(step, world, timeline) for step in STEPS]
        _print_table(walked, console)
        _print_times(walked, brought_up, time.monotonic() - started, home, console)
    finally:
        if not keep:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave half a lab
            with timeline.part("clean up"):
                reset(home)
    return all(seen.as_expected for seen in walked)


def _walk(step: Step, world: LabClients, timeline: Timeline) -> StepResult:
    """Walk one step; one that cannot be walked is one that saw something else."""
    started = time.monotonic()
    with timeline.part(str(step)):
        try:
            seen = step.look(world)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what was seen
            seen = f"{type(error).__name__}: {error}"
    return StepResult(step, seen, time.monotonic() - started)


def _print_table(walked: list[StepResult], console: Console) -> None:
    worded = [Column(title, overflow="fold") for title in ("step", "seen with", "expected", "seen")]
    table = Table("", *worded, Column("seconds", no_wrap=True), title="What was seen")
    for story in sorted({seen.step.story for seen in walked}):
        table.add_section()
        for seen in walked:
            if seen.step.story == story:
                mark = "[green]✓[/]" if seen.as_expected else "[red]✗[/]"
                words = (f"{story}: {seen.step.title}", seen.step.seen_with, seen.step.expected, seen.seen)
                *row, shown = map(escape, words)
                table.add_row(mark, *row, shown if seen.as_expected else f"[red]{shown}[/]", f"{seen.seconds:.1f}")
    console.print(table)


def _print_times(walked: list[StepResult], brought_up: float, total: float, home: LabDir, console: Console) -> None:
    """Where the time goes: the parts of the start, then the slowest steps."""
    parts, _ = read_events(home.events, 0)
    console.print("Time of each part of the start: " + ", ".join(f"{part.name} {part.seconds:.1f}" for part in parts))
    by_tool: dict[str, float] = {}
    for seen in walked:
        by_tool[seen.step.seen_with] = by_tool.get(seen.step.seen_with, 0) + seen.seconds
    ranked = sorted(by_tool.items(), key=lambda item: -item[1])
    console.print("Time of the steps, by what looked: " + ", ".join(f"{tool} {spent:.1f}" for tool, spent in ranked))
    differ = sum(not seen.as_expected for seen in walked)
    verdict = (
        f"[red]{differ} of {len(walked)} steps differ[/]"
        if differ
        else f"[green]all {len(walked)} steps as expected[/]"
    )
    console.print(f"{verdict}; lab up in {brought_up:.1f} s, both stories proven {total:.1f} s after the start")
