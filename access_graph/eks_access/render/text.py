"""Pages as text for a terminal. Commands are not wrapped, so that they can be copied; empty columns are left out."""

from __future__ import annotations

import shlex

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from eks_access.findings import Verdict
from eks_access.render.page import SYMBOLS, Page, PageTable

WIDTH = 160
"""Width of tables in characters without a terminal."""
_STYLES = {
    SYMBOLS[Verdict.HOLDS]: "green",
    SYMBOLS[Verdict.BROKEN]: "red",
    SYMBOLS[Verdict.NOT_EVALUATED]: "yellow",
}


def print_page(page: Page, console: Console) -> None:
    """Print a page."""
    console.print(page.title, style="bold", markup=False, highlight=False)
    for table in page.tables:
        if table.heading:
            console.print(table.heading, style="italic", markup=False, highlight=False)
        console.print(_table(table) if table.rows else "  none")
    for finding in page.findings:
        console.print(f"[red]{escape(finding.subject)}[/]: {escape(finding.kind.title)}", highlight=False)
        console.print(f"  says:      {finding.says}", markup=False, highlight=False)
        console.print(f"  should be: {finding.should_say}", markup=False, highlight=False)
        console.print(f"  fix:       {finding.fix}", markup=False, highlight=False, soft_wrap=True)
    for note in page.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    for failure in page.not_read:
        console.print(f"[yellow]not read:[/] {escape(str(failure))}", highlight=False)
    for command in page.commands:
        console.print(shlex.join(command), markup=False, highlight=False, soft_wrap=True)


def _table(table: PageTable) -> Table:
    filled = [index for index, _ in enumerate(table.columns) if any(row[index] for row in table.rows)]
    columns = [Column(table.columns[index], overflow="fold") for index in filled]
    printed = Table(*columns, box=SIMPLE_HEAD)
    for row in table.rows:
        style = _STYLES.get(row[0])
        cells = [escape(row[index]) for index in filled]
        printed.add_row(*([f"[{style}]{row[0]}[/]", *cells[1:]] if style else cells))
    return printed
