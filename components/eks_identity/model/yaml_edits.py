"""Edits of the YAML lists of aws-auth that keep the text of every other entry.

An edit changes only the text of one item: whole lines in block style, the item itself in flow style. The text is parsed
before and after the edit. If the edit would change the value of another item (because it removes an anchor that others
use), the whole list is rewritten with the same values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eks_identity.errors import MalformedDocumentError
from eks_identity.model import go_values, go_yaml, yaml_lists
from eks_identity.model.go_yaml import Document, Kind, Node

# Strings that both go-yaml and YAML 1.2 read as strings without quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+|::[A-Za-z0-9_./@-]+)*")
_NOT_STRINGS = {"y", "yes", "n", "no", "on", "off", "true", "false", "null"}


def append(text: str, key: str, item: Mapping[str, Any]) -> str:
    """Return the text with `item` appended."""
    return _first_valid(_appended(text, item), text, key, [*yaml_lists.load(text, key), dict(item)])


def replace(text: str, key: str, index: int, item: Mapping[str, Any]) -> str:
    """Return the text with the item at `index` replaced by `item`."""
    expected = yaml_lists.load(text, key)
    expected[index] = dict(item)
    return _first_valid(_replaced(text, index, item), text, key, expected)


def remove(text: str, key: str, index: int) -> str:
    """Return the text without the item at `index`; empty if neither an item nor a comment remains."""
    expected = yaml_lists.load(text, key)
    del expected[index]
    edited = _first_valid(_removed(text, index), text, key, expected)
    return edited if edited.strip() else ""


def _appended(text: str, item: Mapping[str, Any]) -> Iterator[str]:
    if yaml_lists.is_skipped(text):
        yield "".join(_rendered(item, 0, "\n"))
        return
    document = go_yaml.parse(text)
    root = document.root
    if root is not None and root.is_flow:
        last = root.children[-1].end.index if root.children else root.end.index - 1
        yield text[:last] + (", " if root.children else "") + _flow(dict(item)) + text[last:]
        return
    lines = yaml_lists.lines(text[: document.end])
    indent = _indent(yaml_lists.lines(text), root) if root is not None and root.kind is Kind.SEQUENCE else 0
    written = "".join(_rendered(item, indent, _line_end(text)))
    blank = next((at for at, line in enumerate(reversed(lines)) if line.strip()), len(lines))
    for end in dict.fromkeys((len(lines) - blank, len(lines))):
        before, after = "".join(lines[:end]), "".join(lines[end:]) + text[document.end :]
        if before and not before.endswith(yaml_lists.BREAKS):
            # A text without a final line break stays without one.
            before, written = before + _line_end(text), written if after else written.removesuffix(_line_end(text))
        yield before + written + after


def _replaced(text: str, index: int, item: Mapping[str, Any]) -> Iterator[str]:
    root, node = _at(text, index)
    if root.is_flow:
        yield text[: node.start.index] + _flow(dict(item)) + text[node.end.index :]
    elif span := _lines_of(text, root, index):
        first, last, indent = span
        lines = yaml_lists.lines(text)
        written = "".join(_rendered(item, indent, _line_end(text)))
        if last + 1 == len(lines) and not lines[last].endswith(yaml_lists.BREAKS):
            written = written.removesuffix(_line_end(text))
        yield "".join([*lines[:first], written, *lines[last + 1 :]])


def _removed(text: str, index: int) -> Iterator[str]:
    root, node = _at(text, index)
    if not root.is_flow:
        if span := _lines_of(text, root, index):
            lines = yaml_lists.lines(text)
            edited = "".join([*lines[: span[0]], *lines[span[1] + 1 :]])
            has_final_break = text.endswith(yaml_lists.BREAKS)
            yield edited if has_final_break or span[1] + 1 < len(lines) else edited.removesuffix(_line_end(text))
        return
    start, end = node.start.index, node.end.index
    if index + 1 < len(root.children):
        end = root.children[index + 1].start.index
    elif index:
        start = root.children[index - 1].end.index
    yield text[:start] + text[end:]


def _at(text: str, index: int) -> tuple[Node, Node]:
    root = go_yaml.parse(text).root
    assert root is not None, "the caller has parsed the items"
    return root, root.children[index]


def _lines_of(text: str, root: Node, index: int) -> tuple[int, int, int] | None:
    """Return first line, last line and column of the dash of an item in block style."""
    lines = yaml_lists.lines(text)
    first, last = root.children[index].start.line, root.children[index].last_line
    before = root.children[index - 1].last_line if index else root.start.line - 1
    indent = _indent(lines, root)
    # The dash may be on a separate line above its item.
    while first > before and not _has_dash(lines[first], indent):
        first -= 1
    return (first, last, indent) if first > before else None


def _indent(lines: Sequence[str], root: Node) -> int:
    """Return the column of the dashes. An anchor or a tag of the whole list may be on lines above."""
    dash = next(line for line in lines[root.start.line :] if line.lstrip(" \ufeff").startswith("-"))
    return len(dash) - len(dash.lstrip(" \ufeff")) - dash.startswith("\ufeff")


def _has_dash(line: str, indent: int) -> bool:
    return line.removeprefix("\ufeff").startswith(f"{' ' * indent}-")


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _rendered(item: Mapping[str, Any], indent: int, end: str) -> Iterator[str]:
    """Yield the lines of an item in block style."""
    for at, (name, value) in enumerate(item.items()):
        margin = " " * indent + ("- " if at == 0 else "  ")
        if isinstance(value, list) and value:
            yield f"{margin}{_text(name)}:{end}"
            yield from (f"{' ' * indent}  - {_flow(each)}{end}" for each in value)
        else:
            yield f"{margin}{_text(name)}: {_flow(value)}{end}"


def _flow(value: Any) -> str:
    """Return a value in flow style, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(name)}: {_flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _NOT_STRINGS:
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _first_valid(edits: Iterator[str], text: str, key: str, expected: list[go_values.Value]) -> str:
    """Return the first of `edits` that parses to `expected`, or else the rewritten list.

    Raises `MalformedDocumentError` if that parses to other values too.
    """
    for edited in (*edits, _rewritten(text, expected)):
        try:
            if _same(yaml_lists.load(edited, key), expected):
                return edited
        except MalformedDocumentError:
            continue  # the edit removed the anchor of an alias
    raise MalformedDocumentError(
        f"{key} of ConfigMap kube-system/aws-auth cannot be edited without a change to other entries"
        + yaml_lists.FIX.format(key=key)
    )


def _same(values: list[go_values.Value], expected: list[go_values.Value]) -> bool:
    # Compared as JSON, since 1 equals True in Python.
    return json.dumps(values, sort_keys=True) == json.dumps(expected, sort_keys=True)


def _rewritten(text: str, expected: list[go_values.Value]) -> str:
    """Return the rewritten list, after the text's comments and before its further documents."""
    document = Document(None, len(text)) if yaml_lists.is_skipped(text) else go_yaml.parse(text)
    comments = [line for line in yaml_lists.lines(text[: document.end]) if line.lstrip().startswith("#")]
    rows = [row for each in expected for row in _rendered_value(each)]
    rest = text[document.end :]
    end_mark = "" if not rest or rest.startswith(("---", "...")) else "...\n"
    return "".join([*comments, *(rows or ["[]\n"]), end_mark]) + rest


def _rendered_value(value: go_values.Value) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield from _rendered(value, 0, "\n")
    else:
        yield f"- {_flow(value)}\n"
