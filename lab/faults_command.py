"""The commands `python -m lab faults`: inject faults into calls of AWS, and kill API servers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click
import psutil

from lab.errors import UsageError
from lab.exit_codes import errors_to_exit_codes
from lab.faults import Fault, FaultFile, FaultKind
from lab.lab_dir import LabDir

API_SERVER = "kube-apiserver"


@click.group(invoke_without_command=True)
@click.pass_context
def faults(context: click.Context) -> None:
    """Print the faults of AWS's calls and how often each was injected, or change them."""
    if context.invoked_subcommand is None:
        _print_faults(context.obj)


@errors_to_exit_codes
def _print_faults(home: LabDir) -> None:
    file = _fault_file(home)
    for fault in file.read():
        limits = f"after {fault.after}" + ("" if fault.times is None else f", {fault.times} times")
        click.echo(
            f"{fault.kind} {fault.action}: rate {fault.rate:g}, seed {fault.seed}, {limits}, {fault.seconds:g} s"
        )
    for (kind, action), count in sorted(file.injected().items()):
        click.echo(f"injected: {count} {kind} {action}")


@faults.command()
@click.argument("kind", type=click.Choice([kind.value for kind in FaultKind]))
@click.argument("action", default="*")
@click.option("--rate", type=float, default=1.0, show_default=True, help="Share of the matching calls.")
@click.option("--seed", type=int, default=0, show_default=True, help="Selects the calls that have the fault.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Matching calls before the first fault.")
@click.option("--times", type=click.IntRange(min=1), help="Number of faults. [no limit]")
@click.option("--seconds", type=float, default=1.0, show_default=True, help="Delay of slow, or offset of skew.")
@click.pass_obj
@errors_to_exit_codes
def add(home: LabDir, kind: str, action: str, **options: Any) -> None:
    """Inject a fault of KIND into the calls of ACTION, such as eks:Describe*; by default into all calls.

    The first fault that hits a call applies.
    """
    file = _fault_file(home)
    file.write([*file.read(), Fault(FaultKind(kind), action, **options)])


@faults.command()
@click.pass_obj
@errors_to_exit_codes
def clear(home: LabDir) -> None:
    """Remove all faults."""
    _fault_file(home).clear()


@faults.command("kill-api-server")
@click.argument("cluster")
@click.pass_obj
@errors_to_exit_codes
def kill_api_server(home: LabDir, cluster: str) -> None:
    """Kill (SIGKILL) the API server of CLUSTER. The lab starts it again, as EKS does."""
    kill(home, cluster)


def kill(home: LabDir, cluster: str) -> None:
    """Kill the API server of a cluster. Raises `UsageError` if none runs."""
    state = home.require_running()
    for process in psutil.Process(state.pid).children():
        with suppress(psutil.NoSuchProcess):
            if process.name() != API_SERVER:
                continue
            # The cluster's folder is named after account, region, name and a part of its id.
            name = process.cwd().rpartition(f"{state.account}-{state.region}-")[2].rpartition("-")[0]
            if name == cluster:
                process.kill()
                return
    raise UsageError(f"cluster {cluster!r} has no running API server", fix=f"run `python -m lab{home.option} status`")


def _fault_file(home: LabDir) -> FaultFile:
    home.require_running()
    return FaultFile(home.folder / "cloud")
