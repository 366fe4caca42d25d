"""`make bench`: workload identities through the component against the same resources raw, in Pulumi's mocks.

Prints times, and asserts none: whoever changes the component looks. Each run is a process of its own, the two ways take
turns, and of several runs the fastest counts: the others measure the machine.
"""

import argparse
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = 1.15


def one_run(way: str, count: int) -> tuple[float, int]:
    """CPU seconds of one deployment in this process, and the resources that it registered."""
    from workloads import WAYS  # noqa: PLC0415 - the two SDKs take seconds, and the parent needs neither

    from eks_identity.testing import deploy  # noqa: PLC0415 - as above

    deploy(partial(WAYS[way], 5))
    began = time.process_time()
    deployment = deploy(partial(WAYS[way], count))
    return time.process_time() - began, len(deployment.resources)


def measured(way: str, count: int) -> tuple[float, int]:
    """The same, in a process of its own."""
    path = os.pathsep.join([str(REPOSITORY / "components"), str(Path(__file__).parent)])
    command = [sys.executable, "-W", "ignore", __file__, "--one", way, str(count)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True)
    seconds, resources = done.stdout.split()
    return float(seconds), int(resources)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--one", nargs=2, metavar=("WAY", "COUNT"), help="run once, in this process")
    arguments.add_argument("--counts", type=int, nargs="+", default=[500, 1000, 5000])
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    if asked.one:
        sys.stdout.write(" ".join(map(str, one_run(asked.one[0], int(asked.one[1])))))
        return
    table = Table("identities", "resources", "raw, s", "components, s", "ratio", "components, ms each")
    for count in asked.counts:
        best: dict[str, tuple[float, int]] = {}
        for _ in range(asked.rounds):
            for way in ("raw", "components"):
                best[way] = min(measured(way, count), best.get(way, (float("inf"), 0)))
        (raw, resources), (components, same) = best["raw"], best["components"]
        assert resources == same
        row = (count, resources, f"{raw:.2f}", f"{components:.2f}", f"{components / raw:.2f}")
        table.add_row(*map(str, row), f"{components / count * 1000:.2f}")
    Console(width=100).print(table, f"target: ratio at most {TARGET}, and the last column alike in every row", sep="\n")


if __name__ == "__main__":
    main()
