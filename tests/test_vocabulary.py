"""Plain vocabulary: names and prose use the words of AWS, Kubernetes and Pulumi (docs/glossary.md).

One list has identifiers that may not be names, the other phrases that may not be in prose: docstrings, comments,
messages and documents. Whole words only. Words of AWS, Kubernetes and Pulumi themselves are exempt by `EXEMPT`.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = (
    "components",
    "access_graph",
    "policies",
    "stacks",
    "pipeline",
    "lab",
    "examples",
    "docs",
    "tests",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
)

NAMES = {
    "answers": "responses, results",
    "asked": "queried",
    "declared_once": "declare_once",
    "entrance": "access method, context",
    "equals": "a noun",
    "gathered": "collect_outputs",
    "given": "the argument's name",
    "handovers": "run_state",
    "kept": "a noun",
    "known": "resolved, or the value's noun",
    "let_in": "access",
    "look_ups": "invoke",
    "person": "principal",
    "persons": "principals",
    "said": "a noun, to_args",
    "told": "a noun",
    "wanted": "a noun",
    "way_in": "access method",
    "whole": "a noun",
}
PHRASES = {
    "anew": "again",
    "at peace with": "consistent with",
    "break glass": "allow_lockout_of",
    "do nobody harm": "a plain sentence",
    "goes out to AWS": "assumes a role",
    "is let in": "has access",
    "are let in": "have access",
    "is nobody's": "belongs to no …",
    "is said": "is reported, is configured",
    "left alone": "not changed",
    "lets in": "grants access to",
    "let in": "has access",
    "made elsewhere": "existing",
    "made here": "created",
    "mend": "fix",
    "mended": "fixed",
    "nobody": "no principal, no user",
    "put right": "fixed",
    "take on a role": "assume a role",
    "takes on a role": "assumes a role",
    "taken over": "adopted",
    "take over": "adopt",
    "takes over": "adopts",
    "that there is": "existing",
    "there already": "existing",
    "to the letter": "exactly",
    "vouch": "trust",
    "vouches": "trusts",
    "way in": "access method",
    "ways in": "access methods",
    "way into": "access to",
    "whoever": "a principal that, a user who",
}
EXEMPT: dict[tuple[str, str], str] = {}
"""(path, word): the reason why this word stays in this file."""


def tracked(*suffixes: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *SOURCES], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    files = [Path(file) for file in listed.stdout.splitlines() if file.endswith(suffixes)]
    return [file for file in files if file.name != Path(__file__).name]  # this file has the banned words


def names(source: str) -> Iterator[tuple[int, str]]:
    """Names that a module binds: functions, classes, arguments, variables, attributes and fields."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def prose(source: str) -> Iterator[tuple[int, str]]:
    """Comments and strings of a module, docstrings and parts of f-strings included."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}:
            for number, line in enumerate(token.string.splitlines()):
                yield token.start[0] + number, line


NAMES_ANYWHERE = re.compile(rf"\b_*({'|'.join(NAMES)})_*\b")
PHRASES_ANYWHERE = re.compile(rf"\b({'|'.join(sorted(PHRASES, key=len, reverse=True))})\b", re.IGNORECASE)


def sources_with(banned: re.Pattern[str], folder: str, *suffixes: str) -> Iterator[tuple[Path, str]]:
    """Return the sources with a banned text anywhere; to parse all the others takes seconds."""
    for file in tracked(*suffixes):
        if file.parts[0] == folder and banned.search(source := (REPOSITORY / file).read_text(encoding="utf-8")):
            yield file, source


def lines(file: Path, source: str) -> Iterator[tuple[int, str]]:
    return prose(source) if file.suffix == ".py" else iter(enumerate(source.splitlines(), 1))


@pytest.mark.parametrize("folder", SOURCES)
def test_names_are_words_of_the_field(folder):
    """No function, class, argument or variable has a banned name; the word to use instead stands beside it."""
    found = [
        f"{file}:{number}: {name} ({NAMES[name]})"
        for file, source in sources_with(NAMES_ANYWHERE, folder, ".py")
        if "modules" not in file.parts
        for number, name in names(source)
        if name.strip("_") in NAMES and (str(file), name) not in EXEMPT
        for name in [name.strip("_")]
    ]
    assert found == []


@pytest.mark.parametrize("folder", SOURCES)
def test_prose_is_the_plain_english_of_the_field(folder):
    """No docstring, comment, message or document has a banned phrase; what to write instead stands beside it."""
    found = [
        f"{file}:{number}: {phrase} ({PHRASES[phrase.lower()]})"
        for file, source in sources_with(PHRASES_ANYWHERE, folder, ".py", ".md")
        for number, line in lines(file, source)
        for phrase in PHRASES_ANYWHERE.findall(line)
        if (str(file), phrase.lower()) not in EXEMPT
    ]
    assert found == []
