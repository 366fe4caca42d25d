"""`python tests/bench/fleet.py`: a fleet of small stacks by `eks-pipeline`, with 1, 2 and 4 stacks at the same time.

Each stack has one component with a number of children and no provider, so that the numbers are those of the engine, of
the program's interpreter and of the pipeline. Clusters and AWS take longer: their calls wait, and cost little processor
time. The memory is the proportional set size (PSS) of all processes of the run, which Linux has in `smaps_rollup`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from costs import Cost, measure
from rich.console import Console
from rich.table import Table

from lab.tools import Toolbox, default_cache

PROGRAM = """
import pulumi

parent = pulumi.ComponentResource("bench:index:Parent", "parent")
for number in range({children}):
    pulumi.ComponentResource("bench:index:Child", f"child-{{number}}", opts=pulumi.ResourceOptions(parent=parent))
"""
OPERATIONS = ("preview", "up")
_PERIOD = 0.1
MIB = 1024


class MemorySampler(threading.Thread):
    """Measures the memory of all processes below this one, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._ended = threading.Event()
        self.peak = 0.0
        """MiB of the greatest sum."""

    def run(self) -> None:
        while not self._ended.wait(_PERIOD):
            self.peak = max(self.peak, sum(map(_memory, _descendants(os.getpid()))))

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self.peak


def _descendants(ancestor: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            children[int((folder / "stat").read_text().rpartition(")")[2].split()[1])].append(int(folder.name))
    found, queue = [], [ancestor]
    while queue:
        new = children[queue.pop()]
        found += new
        queue += new
    return found


def _memory(process: int) -> float:
    """Return the PSS of a process in MiB; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / MIB
    return 0.0


def create_fleet(folder: Path, stacks: int, children: int) -> dict[str, str]:
    """Write a project with the settings of its stacks, and return the environment of the runs."""
    (folder / "state").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM.format(children=children))
    names = [f"stack-{number}" for number in range(stacks)]
    for name in names:
        (folder / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    (folder / "fleet.yaml").write_text("stacks:\n" + "".join(f"  {name}: {{}}\n" for name in names))
    return {
        "PATH": os.pathsep.join(
            [str(Toolbox(default_cache()).ensure().bin), str(Path(sys.executable).parent), "/usr/bin:/bin"]
        ),
        "HOME": str(folder),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def run(operation: str, concurrency: int, folder: Path, environment: dict[str, str]) -> tuple[Cost, float]:
    """Run an operation on the fleet, and return its cost and the memory of its processes."""
    options = ["--fleet", "fleet.yaml", "--concurrency", str(concurrency)]
    sampler = MemorySampler()
    sampler.start()
    cost = measure([sys.executable, "-m", "eks_pipeline", operation, *options], folder=folder, environment=environment)
    return cost, sampler.stop()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--stacks", type=int, default=8)
    arguments.add_argument("--children", type=int, default=20, help="resources of each stack, without its component")
    arguments.add_argument("--concurrency", type=int, nargs="+", default=[1, 2, 4])
    arguments.add_argument("--rounds", type=int, default=1)
    options = arguments.parse_args()
    console = Console(width=110)
    costs: dict[tuple[str, int], list[tuple[Cost, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(options.rounds):
            for concurrency in options.concurrency:
                folder = Path(scratch) / f"{turn}-{concurrency}"
                environment = create_fleet(folder, options.stacks, options.children)
                for operation in OPERATIONS:
                    measured = run(operation, concurrency, folder, environment)
                    costs[operation, concurrency].append(measured)
                    cost, memory = measured
                    load = f"load {os.getloadavg()[0]:.1f}"
                    console.print(f"{turn} {operation} with {concurrency}: {cost}; {memory:.0f} MiB in all; {load}")
    console.print(table(costs, options.stacks))
    console.print(f"{os.cpu_count()} processors, {options.stacks} stacks of {options.children + 2} resources")


def table(costs: dict[tuple[str, int], list[tuple[Cost, float]]], stacks: int) -> Table:
    """Return the medians of the rounds; the ratio is that of the wall time to that of the least concurrency."""
    result = Table("operation", "at once", "s", "ratio", "CPU s a stack", "stacks a core and minute", "MiB", box=None)
    first: dict[str, float] = {}
    for (operation, concurrency), rounds in sorted(costs.items()):
        wall, cpu = (statistics.median(getattr(cost, name) for cost, _ in rounds) for name in ("wall", "cpu"))
        memory = statistics.median(memory for _, memory in rounds)
        ratio = wall / first.setdefault(operation, wall)
        per_stack = cpu / stacks
        result.add_row(
            operation,
            str(concurrency),
            f"{wall:.1f}",
            f"{ratio:.2f}",
            f"{per_stack:.2f}",
            f"{60 / per_stack:.0f}",
            f"{memory:.0f}",
        )
    return result


if __name__ == "__main__":
    main()
