"""`make bench`: workload identities by components and by raw resources, through the engine and its plugins on a lab.

Each round has one preview and one update of each variant, in new stacks; the variants alternate. By default the engine
writes its complete state at each step. `PULUMI_SKIP_CHECKPOINTS`, for temporary stacks only, leaves the cost of the
resources.
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

from costs import Cost, alternate, measure, median, ratio
from rich.console import Console
from rich.table import Table

from lab.environment import process_environment
from lab.interfaces import AuthenticationMode
from lab.lab_dir import LabDir
from lab.lifecycle import reset, up
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
variant, place, prefix = map(config.require, ("variant", "place", "prefix"))
declare(variant, place, config.require_int("count"), kubeconfig, prefix)
"""


def run(
    variant: str, options: argparse.Namespace, folder: Path, home: LabDir, tools: Tools
) -> Iterator[tuple[str, Cost]]:
    """Declare the identities in a new stack under unique names, and yield each operation's cost."""
    (kubeconfig,) = home.folder.glob(f"clusters/*-{CLUSTER}-*/admin.kubeconfig")
    settings = {
        "variant": variant,
        "place": options.place,
        "count": options.count,
        "prefix": folder.name,
        "kubeconfig": kubeconfig,
    }
    config = {f"bench:{key}": str(value) for key, value in settings.items()}
    (folder / "state").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
    (folder / f"Pulumi.{variant}.yaml").write_text(json.dumps({"config": {"aws:region": "ap-northeast-1", **config}}))
    (folder / "__main__.py").write_text(PROGRAM)
    here = Path(__file__).parent
    environment = process_environment(home, tools.bin) | NO_CHECKPOINTS
    environment |= {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
    environment |= {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1] / "components")])}
    measure(["pulumi", "stack", "init", variant], folder=folder, environment=environment)
    for name, command in OPERATIONS.items():
        arguments = ["--stack", variant, "--non-interactive", "--suppress-progress"]
        yield name, measure(["pulumi", *command, *arguments], folder=folder, environment=environment)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--count", type=int, default=100, help="identities; four resources each")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--place", choices=["written-out", "same-stack"], default="written-out")
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # removes the lab too
    console, home = Console(width=110), LabDir(f"bench-{uuid.uuid4().hex[:8]}")
    tools = Toolbox(default_cache()).ensure()
    costs: dict[tuple[str, str], list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            up(home, {CLUSTER: AuthenticationMode.API}, Timeline(console), owner=os.getpid())
            for turn in range(options.rounds):
                for variant in alternate(turn):
                    for operation, cost in run(variant, options, Path(scratch) / f"{variant}-{turn}", home, tools):
                        costs[operation, variant].append(cost)
                        console.print(f"{turn} {variant} {operation}: {cost}")
        finally:
            reset(home)
    switches = " ".join(f"{key}={value}" for key, value in NO_CHECKPOINTS.items())
    title = f"{options.count} identities, {options.rounds} rounds, medians; {switches}"
    table = Table("operation", "", "raw, s", "components, s", "ratio (least to greatest)", title=title)
    for operation in OPERATIONS:
        for index, unit in enumerate(("wall", "processor")):
            raw, components = ([cost[index] for cost in costs[operation, variant]] for variant in ("raw", "components"))
            table.add_row(operation, unit, median(raw), median(components), ratio(raw, components))
    console.print(table)


if __name__ == "__main__":
    main()
