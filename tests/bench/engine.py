"""`make bench`: the same workload identities through the engine and its plugins, on a lab of its own.

One preview and one update each, the two ways in turns, in new stacks. The engine writes the whole state anew at each
step; without that (`PULUMI_SKIP_CHECKPOINTS`, for throwaway stacks only) what is left is what the resources cost.
"""

import argparse
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from lab.contract import AuthenticationMode
from lab.environment import process_environment
from lab.home import Home
from lab.lifecycle import Plugins, reset, up
from lab.progress import Timeline
from lab.tools import Toolbox, Tools, default_cache

CLUSTER = "bench"
NO_CHECKPOINTS = {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_EXPERIMENTAL": "true"}
OPERATIONS = {"preview": ["preview"], "update": ["up", "--yes", "--skip-preview"]}
PROGRAM = """
import pulumi
from pathlib import Path
from workloads import WAYS

config = pulumi.Config()
WAYS[config.require("way")](config.require_int("count"), Path(config.require("kubeconfig")).read_text())
"""


class Cost(NamedTuple):
    """What a command took: itself and all that it started."""

    wall: float
    cpu: float
    """Seconds of processor time, the system's included: less of other work on the machine is in it."""


def measured(command: list[str], folder: Path, environment: dict[str, str]) -> Cost:
    before, began = _cpu(), time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    return Cost(time.monotonic() - began, _cpu() - before)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def run(way: str, count: int, folder: Path, home: Home, tools: Tools) -> dict[str, Cost]:
    """Declares `count` identities in a new stack, and takes them down again, unmeasured."""
    (kubeconfig,) = home.folder.glob(f"clusters/*-{CLUSTER}-*/admin.kubeconfig")
    settings = {"way": way, "count": count, "kubeconfig": str(kubeconfig)}
    config = {f"bench:{key}": str(value) for key, value in settings.items()}
    (folder / "state").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
    (folder / f"Pulumi.{way}.yaml").write_text(json.dumps({"config": {"aws:region": "ap-northeast-1", **config}}))
    (folder / "__main__.py").write_text(PROGRAM)
    environment = process_environment(home, tools.bin) | NO_CHECKPOINTS
    environment |= {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}", "PYTHONPATH": str(Path(__file__).parent)}
    common = ["--stack", way, "--non-interactive", "--suppress-progress"]
    measured(["pulumi", "stack", "init", way], folder, environment)
    costs = {name: measured(["pulumi", *command, *common], folder, environment) for name, command in OPERATIONS.items()}
    measured(["pulumi", "destroy", "--yes", "--skip-preview", *common], folder, environment)
    return costs


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=100, help="identities; four resources each")
    arguments.add_argument("--rounds", type=int, default=2)
    asked = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the lab goes then, too
    console, home = Console(width=100), Home(f"bench-{uuid.uuid4().hex[:8]}")
    tools = Toolbox(default_cache()).ensure()
    best: dict[tuple[str, str], Cost] = {}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            up(home, {CLUSTER: AuthenticationMode.API}, Plugins.STAND_IN, Timeline(console))
            for turn in range(asked.rounds):
                for way in ("raw", "components"):
                    for operation, cost in run(way, asked.count, Path(scratch) / f"{way}-{turn}", home, tools).items():
                        console.print(
                            f"{turn} {way} {operation}: {cost.wall:.1f} s, {cost.cpu:.1f} s of processor time"
                        )
                        known = best.get((operation, way), cost)
                        best[operation, way] = Cost(min(known.wall, cost.wall), min(known.cpu, cost.cpu))
        finally:
            reset(home)
    switches = " ".join(f"{key}={value}" for key, value in NO_CHECKPOINTS.items())
    table = Table("operation", "", "raw, s", "components, s", "ratio", title=f"{asked.count} identities, {switches}")
    for operation in OPERATIONS:
        raw, components = best[operation, "raw"], best[operation, "components"]
        for unit in Cost._fields:
            one, other = getattr(raw, unit), getattr(components, unit)
            table.add_row(operation, unit, f"{one:.1f}", f"{other:.1f}", f"{other / one:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
