"""The command `python -m lab.tools`: make every program available, and print its version, source and path."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from lab.errors import ToolError
from lab.tools.console_progress import console_progress
from lab.tools.toolbox import Toolbox, Tools, default_cache

_LOG_WIDTH = 200


def table(tools: Tools) -> Table:
    """Return a table with one row for tool program."""
    rows = Table(box=None)
    for name in ("program", "version", "accepted", "source"):
        rows.add_column(name, no_wrap=True)
    rows.add_column("seconds", justify="right")
    rows.add_column("path", overflow="fold")
    for tool in tools.obtained:
        rows.add_row(
            tool.program.name,
            tool.installation.version,
            str(tool.program.versions),
            tool.source.value,
            f"{tool.seconds:.2f}",
            str(tool.path),
        )
    return rows


def main() -> int:
    """Run the command. Return 0, or 1 after printing the reason to standard error."""
    console, errors = Console(), Console(stderr=True)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    try:
        with console_progress(errors) as progress:
            tools = Toolbox(default_cache(), progress).ensure()
    except ToolError as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    console.print(table(tools))
    for note in dict.fromkeys(note for tool in tools.obtained for note in tool.notes):
        console.print(f"  {note}", style="dim", markup=False, highlight=False)
    console.print(f"export PATH={tools.bin}:$PATH", markup=False, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
