"""The command `eks-access snapshot`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from eks_access.cli.open_source import explain_malformed
from eks_access.cli.output import progress
from eks_access.cli.source_options import SourceOptions, source_options
from eks_access.errors import ExitCode, UsageError


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@source_options
def snapshot(*, file: Path, source: SourceOptions) -> None:
    """Write everything that the source can read to FILE as JSON, to ask offline or to compare later."""
    from eks_access.sources.snapshot import save_snapshot, take_snapshot  # noqa: PLC0415 - imports msgspec

    if not file.resolve().parent.is_dir():
        raise UsageError(f"FILE {str(file)!r} must be in an existing folder", f"run `mkdir -p {file.parent}` first")
    with progress(f"reading {source.source}"), explain_malformed(source.source):
        graph = source.open()
        taken = take_snapshot(graph)
    save_snapshot(taken, file)
    click.echo(f"{file}: snapshot of {graph.source}")
    not_read = graph.not_read()
    for failure in not_read:
        click.echo(f"not read: {failure}", err=True)
    sys.exit(ExitCode.NOT_REACHABLE if not_read else ExitCode.FINE)
