"""`make bench`: the same workload identities through the engine and its plugins, on a lab of its own.

One preview and one update each round, the two ways in turns, in new stacks. The engine writes the whole state anew at
each step; without that (`PULUMI_SKIP_CHECKPOINTS`, for throwaway stacks only) what is left is what the resources cost.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from costs import Cost, in_turns, measured, median, ratio
from rich.console import Console
from rich.table import Table

from lab.environment import process_environment
from lab.interfaces import AuthenticationMode
from lab.lab_dir import LabDir
from lab.lifecycle import Plugins, reset, up
from lab.progress import Timeline
from lab.tools import Toolbox, Tools, default_cache

CLUSTER = "bench"
NO_CHECKPOINTS = {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_EXPERIMENTAL": "true"}
OPERATIONS = {"preview": ["preview"], "update": ["up", "--yes", "--skip-preview"]}
PROGRAM = """
import pulumi
from pathlib import Path
from workloads import declare

config = pulumi.Config()
kubeconfig = Path(config.require("kubeconfig")).read_text()
way, place, prefix = map(config.require, ("way", "place", "prefix"))
declare(way, place, config.require_int("count"), kubeconfig, prefix)
"""


def run(way: str, asked: argparse.Namespace, folder: Path, home: LabDir, tools: Tools) -> Iterator[tuple[str, Cost]]:
    """Declares the identities in a new stack, under names that no other run has: what they make is left to the lab."""
    (kubeconfig,) = home.folder.glob(f"clusters/*-{CLUSTER}-*/admin.kubeconfig")
    settings = {"way": way, "place": asked.place, "count": asked.count, "prefix": folder.name, "kubeconfig": kubeconfig}
    config = {f"bench:{key}": str(value) for key, value in settings.items()}
    (folder / "state").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
    (folder / f"Pulumi.{way}.yaml").write_text(json.dumps({"config": {"aws:region": "ap-northeast-1", **config}}))
    (folder / "__main__.py").write_text(PROGRAM)
    here = Path(__file__).parent
    environment = process_environment(home, tools.bin) | NO_CHECKPOINTS
    environment |= {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
    environment |= {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1] / "components")])}
    measured(["pulumi", "stack", "init", way], folder=folder, environment=environment)
    for name, command in OPERATIONS.items():
        arguments = ["--stack", way, "--non-interactive", "--suppress-progress"]
        yield name, measured(["pulumi", *command, *arguments], folder=folder, environment=environment)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=100, help="identities; four resources each")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--place", choices=["written-out", "same-stack"], default="written-out")
    asked = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the lab goes then, too
    console, home = Console(width=110), LabDir(f"bench-{uuid.uuid4().hex[:8]}")
    tools = Toolbox(default_cache()).ensure()
    taken: dict[tuple[str, str], list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            up(home, {CLUSTER: AuthenticationMode.API}, Plugins.STAND_IN, Timeline(console), owner=os.getpid())
            for turn in range(asked.rounds):
                for way in in_turns(turn):
                    for operation, cost in run(way, asked, Path(scratch) / f"{way}-{turn}", home, tools):
                        taken[operation, way].append(cost)
                        console.print(f"{turn} {way} {operation}: {cost}")
        finally:
            reset(home)
    switches = " ".join(f"{key}={value}" for key, value in NO_CHECKPOINTS.items())
    title = f"{asked.count} identities, {asked.rounds} rounds, medians; {switches}"
    table = Table("operation", "", "raw, s", "components, s", "ratio (least to greatest)", title=title)
    for operation in OPERATIONS:
        for index, unit in enumerate(("wall", "processor")):
            raw, components = ([cost[index] for cost in taken[operation, way]] for way in ("raw", "components"))
            table.add_row(operation, unit, median(raw), median(components), ratio(raw, components))
    console.print(table)


if __name__ == "__main__":
    main()
