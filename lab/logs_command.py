"""The command `python -m lab logs`: the logs of the parts of a lab."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from lab.errors import UsageError
from lab.exit_codes import errors_to_exit_codes
from lab.lab_dir import LabDir


@click.command()
@click.argument("part", required=False)
@click.option("-f", "--follow", is_flag=True, help="Keep printing as the log grows.")
@click.pass_obj
@errors_to_exit_codes
def logs(home: LabDir, part: str | None, *, follow: bool) -> None:
    """Print the log of one PART, or list the parts that have a log."""
    files = {_part_name(home, file): file for file in sorted(home.folder.rglob("*.log"))}
    if part is None:
        if not files:
            click.echo(f"lab {home.name!r} has no logs\n  fix: run `python -m lab{home.option} up`", err=True)
        for name, file in files.items():
            click.echo(f"{name:40} {file.stat().st_size:>10} bytes")
        return
    if part not in files:
        raise UsageError(f"no log of {part!r}", fix=f"pass one of {', '.join(files) or '(none: the lab never ran)'}")
    if follow:
        subprocess.run(["tail", "-n", "+1", "-F", str(files[part])], check=False)
    else:
        click.echo(files[part].read_text(errors="replace"), nl=False)


def _part_name(home: LabDir, file: Path) -> str:
    parts = [part for part in file.relative_to(home.folder).with_suffix("").parts if part != "logs"]
    return "/".join(parts)
