"""`make bench`: `eks-access` on a lab with many objects, and on snapshots of three sizes.

On the lab, the ratio of a whole graph to its listing calls alone, and of a trace to `kubectl get` of one object: the
commands alternate, and the result is the ratio within a round. On snapshots, time and memory of each question, with the
growth from a quarter of the objects to all of them. Prints times and asserts none.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from costs import Cost, measure, ratio
from lab_objects import Size, account_key, create_objects, role_arn
from rich.console import Console
from rich.table import Table

from eks_access.sources.snapshot import save_snapshot, take_snapshot
from lab.environment import process_environment
from lab.interfaces import AuthenticationMode
from lab.kubeconfig import update_kubeconfig
from lab.lab_dir import LabDir
from lab.lifecycle import reset, up
from lab.progress import Timeline
from lab.tools import Toolbox, default_cache
from support.large_access_graphs import large_objects

HERE = Path(__file__).parent
CLUSTER = "bench"
EKS_ACCESS = [sys.executable, "-m", "eks_access"]
LISTING, SNAPSHOT, KUBECTL = "listing calls alone", "eks-access snapshot", "kubectl get of one service account"
TRACES = ("trace serviceaccount", "trace principal, access entry", "trace principal, aws-auth")
PODS, ACCOUNTS, ROLES, BINDINGS = 25_000, 50_000, 1_000, 2_000
PARTS = (0.25, 0.5, 1.0)
OWN = "arn:aws:s3:::bucket-7"


@contextmanager
def running_lab(console: Console, size: Size) -> Iterator[dict[str, str]]:
    """Start a lab with the objects, and yield the environment of a program in it."""
    home, tools = LabDir(f"bench-{uuid.uuid4().hex[:8]}"), Toolbox(default_cache()).ensure()
    try:
        state = up(home, {CLUSTER: AuthenticationMode.API_AND_CONFIG_MAP}, Timeline(console), owner=os.getpid())
        began = time.monotonic()
        create_objects(home, CLUSTER, state.account, size)
        console.print(f"{size}: created in {time.monotonic() - began:.0f} s")
        update_kubeconfig(home, tools.bin, CLUSTER)
        yield process_environment(home, tools.bin)
    finally:
        reset(home)


def lab_commands(folder: Path, environment: dict[str, str], size: Size) -> dict[str, list[str]]:
    """Return the measured commands by name."""
    account = "123456789012"
    entry, aws_auth = 1, size.mappings // 2 + 1
    # A binding of every tenth service account's namespace is of the team of an index.
    in_entry = account_key(entry, size)[0]
    in_aws_auth = account_key(aws_auth * 10, size)[0]
    own = account_key(size.associations + 1, size)
    list_pods = ["--verb", "list", "--resource", "pods", "-n"]
    trace = [*EKS_ACCESS, "trace"]
    return {
        LISTING: [sys.executable, str(HERE / "plain_listing.py"), CLUSTER, environment["KUBECONFIG"]],
        SNAPSHOT: [*EKS_ACCESS, "snapshot", str(folder / "live.json")],
        KUBECTL: ["kubectl", "get", "serviceaccount", "-n", *own],
        TRACES[0]: [*trace, "serviceaccount", "/".join(own)],
        TRACES[1]: [*trace, "principal", role_arn(account, entry), *list_pods, in_entry],
        TRACES[2]: [*trace, "principal", role_arn(account, aws_auth), *list_pods, in_aws_auth],
    }


def measure_lab(console: Console, size: Size, rounds: int) -> dict[str, Any]:
    """Measure the commands on a lab in rounds, and print them."""
    costs: dict[str, list[Cost]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch, running_lab(console, size) as environment:
        commands = lab_commands(Path(scratch), environment, size)
        for turn in range(rounds + 1):
            for name in sorted(commands, reverse=bool(turn % 2)):
                cost = measure(commands[name], folder=Path(scratch), environment=environment)
                if turn:  # the first round fills caches of the lab and of the file system
                    costs[name].append(cost)
    table = Table("", "wall, s", "processor, s", "MiB", "ratio of wall (least to greatest)", "to", title=str(size))
    ratios = {}
    for name in (LISTING, SNAPSHOT, KUBECTL, *TRACES):
        base = LISTING if name in (LISTING, SNAPSHOT) else KUBECTL
        wall, processor, mib = zip(*costs[name], strict=True)
        of_base = [cost.wall for cost in costs[base]]
        compared = "" if name == base else ratio(of_base, wall)
        ratios[name] = statistics.median(one / other for one, other in zip(wall, of_base, strict=True))
        peak = f"{max(mib):.0f}"
        table.add_row(
            name, f"{statistics.median(wall):.2f}", f"{statistics.median(processor):.2f}", peak, compared, base
        )
    console.print(table)
    return {"size": vars(size), "rounds": rounds, "ratios": ratios, "costs": costs}


def questions(snapshot: Path, later: Path) -> dict[str, list[str]]:
    """Return the command of each question by its name. `later` is of the same cluster after a change."""
    source = ["--source", str(snapshot)]
    queries = {
        "trace": ["trace", "serviceaccount", "ns-7/sa-7"],
        "list": ["list"],
        "what-can": ["what-can", "ns-7/sa-7"],
        "who-can get pods": ["who-can", "get", "pods"],
        "who-can s3:GetObject": ["who-can", "s3:GetObject", OWN],
        "escalations": ["escalations"],
    }
    commands = {name: [*EKS_ACCESS, *arguments, *source] for name, arguments in queries.items()}
    return commands | {"diff": [*EKS_ACCESS, "diff", str(snapshot), str(later)]}


def write_snapshot(part: float, file: Path, action: str) -> None:
    """Write a snapshot with a part of the objects, 0: of an almost empty cluster. Every second role may do `action`."""
    accounts, roles, pods, bindings = (max(10, int(part * count)) for count in (ACCOUNTS, ROLES, PODS, BINDINGS))
    objects = large_objects(accounts=accounts, roles=roles, pods=pods, bindings=bindings, action=action)
    save_snapshot(take_snapshot(objects.graph()), file)


def measure_snapshots(console: Console) -> dict[str, Any]:
    """Measure each question on each size, and print the processor time and the peak memory."""
    costs: dict[str, dict[float, Cost]] = defaultdict(dict)
    with tempfile.TemporaryDirectory() as scratch:
        for part in (0.0, *PARTS):
            before, after = (Path(scratch) / f"{part}-{name}.json" for name in ("before", "after"))
            write_snapshot(part, before, "s3:GetObject")
            write_snapshot(part, after, "s3:Get*")
            for name, command in questions(before, after).items():
                costs[name][part] = measure_answer(command, Path(scratch))
    title = f"{PODS:,} pods, {ACCOUNTS:,} service accounts, {ROLES:,} roles, {BINDINGS:,} bindings"
    table = Table("question", *(f"{part:g}: s" for part in PARTS), *(f"{part:g}: MiB" for part in PARTS), title=title)
    table.add_column("growth")
    for name, by_part in costs.items():
        seconds = [f"{by_part[part].cpu:.1f}" for part in PARTS]
        table.add_row(name, *seconds, *(f"{by_part[part].mib:.0f}" for part in PARTS), growth(by_part))
    console.print(
        table, "growth: exponent of the processor time from a quarter to all, without that of an empty cluster"
    )
    return {
        "objects": PODS + ACCOUNTS + ROLES + BINDINGS,
        "costs": {name: {str(part): cost for part, cost in by_part.items()} for name, by_part in costs.items()},
    }


def measure_answer(command: list[str], folder: Path) -> Cost:
    """Return the cost of a question. Exit code 1 says that the answer has findings."""
    shell = ["sh", "-c", '"$@" > answer.txt || test $? = 1', "sh", *command]
    return measure(shell, folder=folder, environment=os.environ)


def growth(by_part: dict[float, Cost]) -> str:
    """Return the exponent with which processor time grows: 1 is linear."""
    quarter, complete = (by_part[part].cpu - by_part[0.0].cpu for part in (0.25, 1.0))
    return f"{math.log(complete / quarter, 4):.2f}" if quarter > 0 else ""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--part", type=float, default=1.0, help="part of the objects on the lab")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--save", type=Path, help="file for the measured numbers, which access_graph_plot.py draws")
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # removes the lab too
    console = Console(width=140)
    snapshots = measure_snapshots(console)
    on_lab = measure_lab(console, Size().scaled(options.part), options.rounds)
    if options.save:
        options.save.write_text(json.dumps({"snapshots": snapshots, "lab": on_lab}, indent=1) + "\n")


if __name__ == "__main__":
    main()
