"""`python -m lab.tools`: have every program ready, and say which one from where."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from lab.errors import ToolError
from lab.tools.console_progress import shown
from lab.tools.toolbox import Toolbox, Tools, default_cache

_LOG_WIDTH = 200


def table(tools: Tools) -> Table:
    """One row a program."""
    rows = Table(box=None)
    for name in ("program", "version", "wanted", "source"):
        rows.add_column(name, no_wrap=True)
    rows.add_column("seconds", justify="right")
    rows.add_column("path", overflow="fold")
    for each in tools.obtained:
        rows.add_row(
            each.program.name,
            each.found.version,
            str(each.program.fits),
            each.source.value,
            f"{each.seconds:.2f}",
            str(each.path),
        )
    return rows


def main() -> int:
    """The exit code: 0, or 1 with the reason on standard error."""
    told, errors = Console(), Console(stderr=True)
    if not told.is_terminal:
        told.width = _LOG_WIDTH
    try:
        with shown(errors) as progress:
            tools = Toolbox(default_cache(), progress).ensure()
    except ToolError as error:
        errors.print(str(error), style="red", markup=False, highlight=False)
        return 1
    told.print(table(tools))
    for note in dict.fromkeys(note for each in tools.obtained for note in each.notes):
        told.print(f"  {note}", style="dim", markup=False, highlight=False)
    told.print(f"export PATH={tools.bin}:$PATH", markup=False, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
