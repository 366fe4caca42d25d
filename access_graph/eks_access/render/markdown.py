"""Pages as Markdown, for comments of pull requests and for documents."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from eks_access.render.page import Page, PageTable

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown(page: Page) -> str:
    """Return a page as Markdown."""
    return "\n\n".join(_blocks(page)) + "\n"


def _blocks(page: Page) -> Iterator[str]:
    yield f"### {text(page.title)}"
    for table in page.tables:
        if table.heading:
            yield f"#### {text(table.heading)}"
        yield _table(table)
    for finding in page.findings:
        says = f"says {text(finding.says)}; should be {text(finding.should_say)}"
        yield f"**{text(finding.subject)}**: {text(finding.kind.title)} (`{finding.kind.id}`): {says}"
        yield code_block(str(finding.fix)) if finding.fix.commands else f"Fix: {text(str(finding.fix))}"
    if page.notes:
        yield "\n".join(f"- {text(note)}" for note in page.notes)
    for command in page.commands:
        yield code_block(shlex.join(command))
    if page.not_read:
        yield "Not read:\n\n" + "\n".join(f"- {text(str(failure))}" for failure in page.not_read)


def _table(table: PageTable) -> str:
    rows = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(cell if cell == '---' else text(cell) for cell in row)} |" for row in rows)


def text(plain: str) -> str:
    """Return plain text in which Markdown finds no markup, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(plain.split()))


def code_block(plain: str) -> str:
    """Return a block of code whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}shell\n{plain}\n{fence}"
