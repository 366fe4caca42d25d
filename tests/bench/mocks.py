"""`make bench`: workload identities through the component against the same resources raw, in Pulumi's mocks.

Prints times, and asserts none: whoever changes the component looks. Each run is a process of its own. The two ways take
turns, and what counts is the ratio within a round: other work on the machine falls on both of its runs.
"""

import argparse
import cProfile
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

from costs import in_turns, median, ratio
from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = 1.15
COUNTED = 100
"""Identities of the run whose calls are counted."""


class Run(NamedTuple):
    """A program that declares the identities, and what it took."""

    deployment: float
    """Seconds of processor time of the deployment alone, the system's included."""
    process: float
    """The same of the whole process: the start of Python and the imports are in it."""
    mib: float
    """The most memory that it had."""
    resources: int
    """How many were registered."""
    calls: float
    """Calls of functions for each identity, the SDK's included: the same however busy the machine is."""


def one_run(way: str, place: str, count: int) -> Run:
    """One deployment in this process, after a small one that imports what it needs."""
    from workloads import ACCOUNT, declare  # noqa: PLC0415 - the two SDKs take seconds, and the parent needs neither

    from eks_identity.testing import Cloud, deploy  # noqa: PLC0415 - as above

    deploy(partial(declare, way, place, 5), cloud=Cloud(account=ACCOUNT))
    before = time.process_time()
    deployment = deploy(partial(declare, way, place, count), cloud=Cloud(account=ACCOUNT))
    after = time.process_time()
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with cProfile.Profile() as profile:
        deploy(partial(declare, way, place, COUNTED), cloud=Cloud(account=ACCOUNT))
    calls = sum(entry.callcount for entry in profile.getstats()) / COUNTED
    return Run(after - before, after, mib, len(deployment.resources), calls)


def measured(way: str, place: str, count: int) -> Run:
    """The same, in a process of its own."""
    path = os.pathsep.join([str(REPOSITORY / "components"), str(Path(__file__).parent)])
    command = [sys.executable, "-W", "ignore", __file__, "--one", way, place, str(count)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    return Run(*json.loads(done.stdout))


def row(place: str, count: int, rounds: int) -> list[str]:
    """Both ways in turns, `rounds` times, as a line of the table."""
    raw: list[Run] = []
    components: list[Run] = []
    for turn in range(rounds):
        for way in in_turns(turn):
            (raw if way == "raw" else components).append(measured(way, place, count))
    assert {run.resources for run in raw} == {run.resources for run in components}
    spent = [[run.deployment for run in runs] for runs in (raw, components)]
    whole = [[run.process for run in runs] for runs in (raw, components)]
    each = [f"{statistics.median(seconds) / count * 1000:.1f}" for seconds in spent]
    medians = [median(seconds) for seconds in spent]
    calls = f"{components[0].calls / raw[0].calls:.2f}"
    most = f"{max(run.mib for run in components):.0f}"
    return [place, f"{count:,}", *medians, ratio(*spent), ratio(*whole), calls, " / ".join(each), most]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--one", nargs=3, metavar=("WAY", "PLACE", "COUNT"), help="run once, in this process")
    arguments.add_argument("--counts", type=int, nargs="+", default=[500, 1000, 5000])
    arguments.add_argument("--rounds", type=int, default=5, help="of counts up to 1,000; greater ones run once")
    arguments.add_argument("--places", nargs="+", default=["written-out", "same-stack"])
    asked = arguments.parse_args()
    if asked.one:
        way, place, count = asked.one
        sys.stdout.write(json.dumps(one_run(way, place, int(count))))
        return
    columns = ("cluster", "identities", "raw, s", "components, s", "ratio (least to greatest)")
    table = Table(*columns, "ratio with imports", "of calls", "raw / components, ms each", "MiB")
    for place in asked.places:
        for count in asked.counts:
            table.add_row(*row(place, count, asked.rounds if count <= 1000 else 1))
    Console(width=140).print(table, f"target: ratio at most {TARGET}, and the last columns but one alike", sep="\n")


if __name__ == "__main__":
    main()
