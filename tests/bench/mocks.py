"""`make bench`: workload identities by the component and by raw resources, in Pulumi's mocks.

Prints times and asserts none. Each run is a process of its own. The two variants alternate, and the result is the ratio
within a round, because other work on the machine affects both runs of a round.
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

from costs import alternate, median, ratio
from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = 1.15
COUNTED = 100
"""Number of identities of the run that counts function calls."""


class Run(NamedTuple):
    """The cost of a program that declares the identities."""

    deployment: float
    """Seconds of processor time of the deployment alone, the kernel's included."""
    process: float
    """Seconds of processor time of the process, with the start of Python and the imports."""
    mib: float
    """Peak memory in MiB."""
    resources: int
    """Number of registered resources."""
    calls: float
    """Function calls for each identity, the SDK's included. The number does not depend on other work on the machine."""


def one_run(variant: str, place: str, count: int) -> Run:
    """Run one deployment in this process, after a small one that imports its modules."""
    from workloads import ACCOUNT, declare  # noqa: PLC0415 - the two SDKs take seconds, and the parent needs neither

    from eks_identity.testing import Cloud, deploy  # noqa: PLC0415 - as above

    deploy(partial(declare, variant, place, 5), cloud=Cloud(account=ACCOUNT))
    before = time.process_time()
    deployment = deploy(partial(declare, variant, place, count), cloud=Cloud(account=ACCOUNT))
    after = time.process_time()
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with cProfile.Profile() as profile:
        deploy(partial(declare, variant, place, COUNTED), cloud=Cloud(account=ACCOUNT))
    calls = sum(entry.callcount for entry in profile.getstats()) / COUNTED
    return Run(after - before, after, mib, len(deployment.resources), calls)


def measure(variant: str, place: str, count: int) -> Run:
    """Run one deployment in a process of its own."""
    path = os.pathsep.join([str(REPOSITORY / "components"), str(Path(__file__).parent)])
    command = [sys.executable, "-W", "ignore", __file__, "--one", variant, place, str(count)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    return Run(*json.loads(done.stdout))


def row(place: str, count: int, rounds: int) -> list[str]:
    """Run both variants `rounds` times, and return a row of the table."""
    raw: list[Run] = []
    components: list[Run] = []
    for turn in range(rounds):
        for variant in alternate(turn):
            (raw if variant == "raw" else components).append(measure(variant, place, count))
    assert {run.resources for run in raw} == {run.resources for run in components}
    spent = [[run.deployment for run in runs] for runs in (raw, components)]
    processes = [[run.process for run in runs] for runs in (raw, components)]
    each = [f"{statistics.median(seconds) / count * 1000:.1f}" for seconds in spent]
    medians = [median(seconds) for seconds in spent]
    calls = f"{components[0].calls / raw[0].calls:.2f}"
    most = f"{max(run.mib for run in components):.0f}"
    return [place, f"{count:,}", *medians, ratio(*spent), ratio(*processes), calls, " / ".join(each), most]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--one", nargs=3, metavar=("VARIANT", "PLACE", "COUNT"), help="run once, in this process")
    arguments.add_argument("--counts", type=int, nargs="+", default=[500, 1000, 5000])
    arguments.add_argument("--rounds", type=int, default=5, help="of counts up to 1,000; greater ones run once")
    arguments.add_argument("--places", nargs="+", default=["written-out", "same-stack"])
    options = arguments.parse_args()
    if options.one:
        variant, place, count = options.one
        sys.stdout.write(json.dumps(one_run(variant, place, int(count))))
        return
    columns = ("cluster", "identities", "raw, s", "components, s", "ratio (least to greatest)")
    table = Table(*columns, "ratio with imports", "of calls", "raw / components, ms each", "MiB")
    for place in options.places:
        for count in options.counts:
            table.add_row(*row(place, count, options.rounds if count <= 1000 else 1))
    Console(width=140).print(table, f"target: ratio at most {TARGET}, and the last columns but one alike", sep="\n")


if __name__ == "__main__":
    main()
