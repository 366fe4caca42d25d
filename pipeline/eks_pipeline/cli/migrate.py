"""The command `eks-pipeline migrate`."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from eks_pipeline.cli.run_options import Command, finish, run_options
from eks_pipeline.errors import UsageError
from eks_pipeline.fleet.migration_steps import MODES, Migration
from eks_pipeline.report import Operation, StackReport
from eks_pipeline.stack.job import Options


@click.command()
@run_options
@click.option(
    "--authentication-mode",
    type=click.Choice(MODES[1:]),
    help="Migrate the clusters of the settings to this mode, through the modes before it.",
)
@click.option(
    "--workload-mode", type=click.Choice(["pod-identity"]), help="Migrate the workloads of the settings to this mode."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change this setting, as a step, such as 'app:clusters.*.mode=API'. Can be repeated; * is every key.",
)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Preview the steps only.")
@click.option("--allow-not-evaluated", is_flag=True, help="Go on although a part of the access could not be evaluated.")
def migrate(
    *,
    authentication_mode: str | None,
    workload_mode: str | None,
    settings: tuple[str, ...],
    is_dry_run: bool,
    allow_not_evaluated: bool,
    **run: Any,
) -> None:
    """Migrate stacks in steps, one stack after the other, while everybody keeps their access.

    Access to the living clusters is compared before and after each step. The migration stops at the first stack in
    which somebody would lose access. A step's settings are written to the settings file after the step.
    """
    if not run["resume"] and not (authentication_mode or workload_mode or settings):
        rule = "--authentication-mode, --workload-mode or --set must be set"
        raise UsageError(f"{rule}\n  fix: pass --authentication-mode API, for example")
    for each in settings:
        if "=" not in each:
            raise UsageError(f"--set {each!r} must be PATH=VALUE\n  fix: write {each}=VALUE")
    migration = Migration(
        authentication_mode=authentication_mode,
        workload_mode=workload_mode,
        settings=settings,
        is_dry_run=is_dry_run,
        allow_not_evaluated=allow_not_evaluated,
    )
    one_by_one = {**run, "concurrency": 1, "fail_fast": True}
    command = Command(Operation.MIGRATE, options=Options(migration=migration), **one_by_one)
    summary, reports = command.execute()
    finish(command, summary, reports, lambda reports: _print_steps(command, reports))


def _print_steps(command: Command, reports: dict[str, StackReport]) -> None:
    migration = command.journal.request.options.migration or Migration()
    for name in reports:
        file = command.journal.folder_of(name) / "migration.json"
        for step in msgspec.json.decode(file.read_bytes()) if file.exists() else ():
            done = "previewed" if migration.is_dry_run else f"applied, equal access of {step['unchanged']} subjects"
            click.echo(f"  {name}: {step['name']}: {done}")
            for path, value in step["values"].items():
                click.echo(f"    {path}: {value}")
