"""The command line `python -m lab`: up, down, status, env, ci-token, logs, demo, services, faults, reset."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from lab.errors import UsageError
from lab.exit_codes import ExitCode, errors_to_exit_codes
from lab.faults_command import faults
from lab.interfaces import AuthenticationMode
from lab.lab_dir import DEFAULT_NAME, LabDir
from lab.logs_command import logs
from lab.progress import Timeline
from lab.services_command import services
from lab.up_options import clusters_of, plugin_sources_of

if TYPE_CHECKING:
    from lab.plugin_sources import PluginSource


@click.group(epilog="Exit codes: " + ", ".join(f"{code.value} {code.name.lower()}" for code in ExitCode) + ".")
@click.option(
    "--lab",
    "name",
    metavar="NAME",
    default=DEFAULT_NAME,
    envvar="EKS_LAB",
    show_default=True,
    show_envvar=True,
    help="Name of the lab; several labs can run.",
)
@click.pass_context
def main(context: click.Context, name: str) -> None:
    """A local EKS: AWS's identity services and real Kubernetes clusters on this machine, with no AWS account."""
    try:
        context.obj = LabDir(name)
    except UsageError as error:
        if context.invoked_subcommand == "env":
            _unset_credentials()
        raise click.UsageError(str(error)) from error


def _unset_credentials() -> None:
    """Print commands that unset the shell's credentials, for a shell that evaluates the output without a lab."""
    from lab.environment import unset_credentials  # noqa: PLC0415 - see `up`

    click.echo(unset_credentials(os.environ), nl=False)


class _EvaluatedCommand(click.Command):
    """A command whose output the shell evaluates. Unknown options unset the shell's credentials too."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        try:
            return super().parse_args(context, arguments)
        except click.UsageError:
            _unset_credentials()
            raise


@main.command()
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME[=MODE]",
    callback=lambda _context, _option, values: clusters_of(values),
    help="A cluster and its authentication mode; repeat for more. [eks-clu=CONFIG_MAP irsa=API]",
)
@click.option(
    "--plugins",
    multiple=True,
    metavar="[NAME=]SOURCE",
    callback=lambda _context, _option, values: plugin_sources_of(values),
    help="Source of the provider plugin aws, eks or kubernetes, or of all: stand-in or official; repeat, or separate "
    "by commas. [stand-in]",
)
@click.option(
    "--pods",
    type=click.Choice(["confined", "unconfined"]),
    default="confined",
    show_default=True,
    help="Confine the processes of pods if the machine allows it, or do not.",
)
@click.option(
    "--owner",
    type=click.IntRange(min=1),
    metavar="PID",
    help="Remove the lab that this command starts when process PID ends, even by a kill; in scripts: --owner $$",
)
@click.pass_obj
@errors_to_exit_codes
def up(
    home: LabDir,
    clusters: dict[str, AuthenticationMode],
    plugins: dict[str, PluginSource],
    pods: str,
    owner: int | None,
) -> None:
    """Start the lab. Running parts stay as they are."""
    _require_platform()
    from lab.clusters import DEFAULT_CLUSTERS  # noqa: PLC0415 - boto3, which `status` and `env` do without
    from lab.lifecycle import up as bring_up  # noqa: PLC0415 - the same

    console = Console(stderr=True)
    bring_up(
        home,
        clusters or DEFAULT_CLUSTERS,
        Timeline(console),
        plugins=plugins,
        confine_pods=pods == "confined",
        owner=owner,
    )
    confinement = home.read_pod_confinement()
    if not confinement.is_active:
        warning = f"Pods are not confined: {confinement.detail}. They can read your files and the lab's keys."
        console.print(warning, highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"Lab [bold]{home.name}[/] is up. Enter it:\n"
        f'  eval "$(python -m lab{home.option} env)"                 as its administrator\n'
        f'  eval "$(python -m lab{home.option} env --as eks-ope)"    as an IAM user of that name',
        highlight=False,
        soft_wrap=True,
    )


@main.command()
@click.pass_obj
@errors_to_exit_codes
def down(home: LabDir) -> None:
    """Stop the lab and delete its AWS and its clusters. Its logs stay until the next `up`."""
    from lab.lifecycle import down as take_down  # noqa: PLC0415 - see `up`

    click.echo(f"lab {home.name!r} is stopped" if take_down(home) else f"lab {home.name!r} was not running", err=True)


@main.command()
@click.pass_obj
@errors_to_exit_codes
def reset(home: LabDir) -> None:
    """Stop the lab and remove its folder. Programs stay, because labs share them."""
    from lab.lifecycle import reset as remove  # noqa: PLC0415 - see `up`

    remove(home)
    click.echo(f"{home.folder} is removed; the programs in {home.tools} stay", err=True)


@main.command()
@click.pass_obj
@errors_to_exit_codes
def status(home: LabDir) -> None:
    """Print the running parts and their addresses. Exit with 3 if the lab is not running."""
    state = home.running()
    if state is None:
        click.echo(f"lab {home.name!r} is not running\n  fix: run `python -m lab{home.option} up`")
        sys.exit(ExitCode.NOT_RUNNING)
    from lab.principals import client  # noqa: PLC0415 - see `up`

    since = dt.datetime.fromtimestamp(state.created, tz=dt.UTC).astimezone()
    eks = client(home, "eks")
    table = Table("part", "status", "where", box=None)
    table.add_row("daemon", f"since {since:%H:%M:%S}", f"process {state.pid}, logs in {home.logs}")
    table.add_row("AWS", "up", f"account {state.account}, {state.region}, by the proxy {state.proxy_url}")
    confinement = home.read_pod_confinement()
    table.add_row("pods", "confined" if confinement.is_active else "not confined", confinement.detail)
    for name in eks.list_clusters()["clusters"]:
        cluster = eks.describe_cluster(name=name)["cluster"]
        table.add_row(f"cluster {name}", cluster["status"], cluster.get("endpoint", ""))
    Console(width=160 if not sys.stdout.isatty() else None).print(table)


@main.command(cls=_EvaluatedCommand)
@click.option("--as", "principal", default="lab-admin", show_default=True, help="IAM user, role/NAME, or ARN.")
@click.pass_obj
@errors_to_exit_codes
def env(home: LabDir, principal: str) -> None:
    """Print shell exports that send aws, kubectl, pulumi and AWS SDKs to the lab: eval "$(python -m lab env)".

    If the lab is not available, the exports unset the shell's own AWS and Kubernetes credentials, so that commands
    meant for the lab cannot reach a real account.
    """
    from lab.environment import shell_exports, variables  # noqa: PLC0415 - see `up`
    from lab.tools import Toolbox  # noqa: PLC0415 - see `up`

    try:
        home.require_running()
        tools = Toolbox(home.tools, Timeline(Console(stderr=True, quiet=True))).ensure()
        exports = shell_exports(variables(home, tools.bin, principal), os.environ)
    except BaseException:
        _unset_credentials()
        raise
    click.echo(exports, nl=False)


@main.command("ci-token")
@click.argument("subject")
@click.option("--service", type=click.Choice(["github", "gitlab"]), default="github", show_default=True)
@click.option("--audience", default="sts.amazonaws.com", show_default=True)
@click.pass_obj
@errors_to_exit_codes
def ci_token(home: LabDir, subject: str, service: str, audience: str) -> None:
    """Print a token of the form that GitHub or GitLab issues to a job, with SUBJECT as its `sub` claim.

    An IAM OIDC provider of the service's issuer makes the lab's STS accept it.
    """
    from lab.ci_issuers import CiService, issue  # noqa: PLC0415 - cryptography, which other commands do without

    click.echo(issue(home, CiService(service), subject, audience))


@main.command()
@click.option("--keep", is_flag=True, help="Leave the lab running; without --lab, its name is demo-<process id>.")
@click.pass_obj
@errors_to_exit_codes
def demo(home: LabDir, *, keep: bool) -> None:
    """Run all scenarios in a new lab with the vendors' clients.

    Exit with 1 if one step differs from its expectation.
    """
    _require_platform()
    from lab.scenarios.demo import run_demo  # noqa: PLC0415 - see `up`

    if home.name == DEFAULT_NAME:
        home = LabDir(f"demo-{os.getpid()}")
    sys.exit(ExitCode.OK if run_demo(home, keep=keep) else ExitCode.FAILED)


main.add_command(faults)
main.add_command(logs)
main.add_command(services)


def _require_platform() -> None:
    """Raise `ToolError` if the lab does not run on this platform, before the imports that need Linux."""
    from lab.tools.platform import Platform  # noqa: PLC0415 - see `up`

    Platform.current()
