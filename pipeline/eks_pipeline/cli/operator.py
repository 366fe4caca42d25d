"""The command `eks-pipeline operator`."""

from __future__ import annotations

from pathlib import Path

import click

from eks_pipeline.cli.run_options import DIRECTORY, FILE, NEW_FILE
from eks_pipeline.errors import UsageError
from eks_pipeline.fleet.fleet import list_of_stacks, open_fleet
from eks_pipeline.fleet.state_location import BACKEND
from eks_pipeline.operator_stacks import GitSource, ProgramSource, Settings, left_out, objects, write


@click.command()
@click.option("--stack", "stacks", multiple=True, metavar="NAME", help="Stack or group to write. Can be repeated.")
@click.option("--fleet", type=FILE, help="Fleet file: writes all its stacks, or those of --stack.")
@click.option("-C", "--cwd", "project", type=DIRECTORY, default=".", help="Folder of the Pulumi project.")
@click.option("--git", metavar="URL", help="Repository from which the operator clones the projects.")
@click.option("--revision", metavar="NAME", default="main", show_default=True, help="Branch or commit of --git.")
@click.option("--program", metavar="NAME", help="Program object of the operator, instead of --git.")
@click.option("--namespace", metavar="NAME", default=Settings.namespace, show_default=True)
@click.option(
    "--service-account",
    "accounts",
    multiple=True,
    metavar="[GROUP=]NAME",
    help=f"Service account of the workspaces, or of those of a group; {Settings.service_account} by default.",
)
@click.option("--backend", metavar="URL", envvar=BACKEND, help=f"Backend of the states; {BACKEND} by default.")
@click.option("--memory", default=Settings.memory, show_default=True, help="Memory that a workspace requests.")
@click.option("--image", help="Image of the workspaces, with the programs' dependencies.")
@click.option("--resync", type=click.IntRange(min=60), metavar="SECONDS", help="Update unchanged stacks this often.")
@click.option("--save", type=NEW_FILE, help="File to write instead of standard output.")
def operator(
    *,
    stacks: tuple[str, ...],
    fleet: Path | None,
    project: Path,
    git: str | None,
    revision: str,
    program: str | None,
    namespace: str,
    accounts: tuple[str, ...],
    backend: str | None,
    memory: str,
    image: str | None,
    resync: int | None,
    save: Path | None,
) -> None:
    """Write the stacks as Stack objects of the Pulumi Kubernetes Operator."""
    if fleet is None and not stacks:
        raise UsageError("--stack or --fleet must be set\n  fix: pass --stack NAME or --fleet FILE")
    all_stacks = list_of_stacks(stacks, project, None) if fleet is None else open_fleet(fleet)
    selected = all_stacks.selected(stacks) if fleet is not None and stacks else all_stacks
    by_group = dict(pair.split("=", 1) for pair in accounts if "=" in pair)
    plain = [name for name in accounts if "=" not in name]
    settings = Settings(
        source=_source(git, revision, program, next(iter(selected.stacks.values())).project),
        namespace=namespace,
        service_account=plain[-1] if plain else Settings.service_account,
        service_accounts=by_group,
        backend=backend,
        memory=memory,
        image=image,
        resync_seconds=resync,
    )
    text = write(objects(selected, settings))
    for line in left_out(selected, all_stacks):
        click.echo(f"warning: {line}", err=True)
    if save is None:
        click.echo(text, nl=False)
    else:
        save.write_text(text, encoding="utf-8")


def _source(git: str | None, revision: str, program: str | None, project: Path) -> GitSource | ProgramSource:
    if (git is None) == (program is None):
        raise UsageError("one of --git and --program must be set\n  fix: pass --git URL, or --program NAME")
    if git is None:
        return ProgramSource(program or "")
    for folder in (project, *project.parents):
        if (folder / ".git").exists():
            return GitSource(git, revision, folder)
    raise UsageError(f"{project} must be in a clone of {git}\n  fix: run the command in a clone, which has a .git")
