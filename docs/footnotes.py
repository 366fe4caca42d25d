"""Write the footnotes of docs/*.md: a link to each test that a page refers to as `[^test_name]`.

`make schema` runs `python docs/footnotes.py`. Where several files have a test of that name, the page writes
`[^file.test_name]` with the name of the file. The footnotes are the last lines of a page, below the marker.
"""

import ast
import re
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MARKER = "<!-- Footnotes: written by `make schema`. -->"
REFERENCE = re.compile(r"\[\^(?P<label>(?:\w+\.)?test_\w+)\](?!:)")


@cache
def tests() -> dict[str, list[Path]]:
    """Return the files that define each test, by the test's name and by `file.name`."""
    defined = defaultdict(list)
    for file in sorted((REPOSITORY / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                defined[node.name].append(file)
                defined[f"{file.stem}.{node.name}"].append(file)
    return defined


def references(text: str) -> list[str]:
    """Return the labels that a page refers to, in order of their first use."""
    return list(dict.fromkeys(reference["label"] for reference in REFERENCE.finditer(text)))


def file_of(label: str) -> Path:
    """Return the file of a test.

    Raises:
        LookupError: no file or several files define the test.
    """
    files = tests().get(label, [])
    if len(files) != 1:
        names = ", ".join(f"[^{file.stem}.{label.rpartition('.')[2]}]" for file in files)
        raise LookupError(
            f"[^{label}]: must be one test" + (f"; write one of {names}" if names else ": none has the name")
        )
    return files[0]


def with_footnotes(text: str) -> str:
    """Return a page with current footnotes."""
    body = text.partition(f"\n{MARKER}")[0]
    labels = references(body)
    if not labels:
        return body
    lines = [
        f"[^{label}]: [`{label.rpartition('.')[2]}`](../{file_of(label).relative_to(REPOSITORY).as_posix()})\n"
        for label in labels
    ]
    return f"{body}\n{MARKER}\n\n{''.join(lines)}"


def pages() -> list[Path]:
    """Return the pages that can have footnotes."""
    return sorted((REPOSITORY / "docs").glob("*.md"))


def main() -> int:
    problems = []
    for page in pages():
        text = page.read_text()
        for label in references(text.partition(f"\n{MARKER}")[0]):
            try:
                file_of(label)
            except LookupError as error:
                problems.append(f"{page.relative_to(REPOSITORY)}: {error}")
        if not problems:
            page.write_text(with_footnotes(text))
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
