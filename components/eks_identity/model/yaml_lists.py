"""Edits of a YAML list of mappings inside a string, which leave every line of the other items as it was.

YAML libraries rewrite a document whole, and hang a comment on the item before it, so that it goes when that item does.
Here an item is found by its lines, and only these are changed; ruamel.yaml reads the text before and after. Where an
item shares its lines with something else (flow style), the list is written anew below the comments it had.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from eks_identity.errors import MalformedDocumentError

# Strings that YAML 1.1 (which the authenticator reads) and YAML 1.2 both take for strings without quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+|::[A-Za-z0-9_./@-]+)*")
_NOT_STRINGS = {"y", "yes", "n", "no", "on", "off", "true", "false", "null"}

# What the authenticator skips, though it is no list.
_EMPTY = {"", "``", '""', "''"}

Item = Mapping[str, Any]


def mappings(text: str, key: str) -> list[dict[str, Any]]:
    """The items of the list; none for an empty text. Raises `MalformedDocumentError` where they are not mappings."""
    items = _load(text, key)
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise MalformedDocumentError(
                f"{key}[{index}] of ConfigMap kube-system/aws-auth is no mapping: {item!r}{_UNTOUCHED}"
            )
    return items


def scalars(text: str, key: str) -> list[Any]:
    """The items of a list of plain values. Raises `MalformedDocumentError` where it is no list."""
    return _load(text, key)


def append(text: str, key: str, item: Item) -> str:
    """The text with `item` behind the last one."""
    expected = [*mappings(text, key), _plain(item)]
    node = _compose(text)
    edited: str | None
    if isinstance(node, SequenceNode) and node.value and not node.flow_style:
        lines = text.split("\n")
        end = _last_line(lines) + 1
        edited = "\n".join([*lines[:end], *_rendered(item, _indent(node)), *lines[end:]])
    elif node is None:
        lines = text.split("\n") if text else [""]
        end = _last_line(lines) + 1
        edited = "\n".join([*lines[:end], *_rendered(item, 0), *lines[end:]])
        edited = edited if edited.endswith("\n") else f"{edited}\n"
    else:
        edited = None
    return _checked(edited, text, key, expected)


def replace(text: str, key: str, index: int, item: Item) -> str:
    """The text with `item` in place of the one at `index`."""
    expected = mappings(text, key)
    expected[index] = _plain(item)
    place = _lines_of(text, index)
    if place is None:
        return _checked(None, text, key, expected)
    first, last, indent = place
    lines = text.split("\n")
    edited = "\n".join([*lines[:first], *_rendered(item, indent), *lines[last + 1 :]])
    return _checked(edited, text, key, expected)


def remove(text: str, key: str, index: int) -> str:
    """The text without the item at `index`; empty where neither an item nor a comment is left."""
    expected = mappings(text, key)
    del expected[index]
    place = _lines_of(text, index)
    if place is None:
        return _checked(None, text, key, expected)
    first, last, _ = place
    lines = text.split("\n")
    edited = "\n".join([*lines[:first], *lines[last + 1 :]])
    return _checked(edited, text, key, expected) if edited.strip() else ""


_UNTOUCHED = "\n  fix: mend it with `kubectl -n kube-system edit configmap aws-auth`; nothing was written"


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    # The authenticator reads YAML 1.1, where `on` and `yes` are booleans and 0123 is octal.
    yaml.version = (1, 1)
    return yaml


def _load(text: str, key: str) -> list[Any]:
    if text.strip() in _EMPTY:
        return []
    try:
        content = _yaml().load(text)
        # An anchor that holds its own alias makes a list without end: this refuses it.
        json.dumps(content, default=repr, skipkeys=True)
    except Exception as error:  # noqa: BLE001 - beside its own errors, ruamel.yaml raises IndexError and others
        raise MalformedDocumentError(
            f"{key} of ConfigMap kube-system/aws-auth is not YAML: {error}{_UNTOUCHED}"
        ) from None
    if content is None:
        return []
    if not isinstance(content, list):
        raise MalformedDocumentError(
            f"{key} of ConfigMap kube-system/aws-auth is no list: {content!r:.100}{_UNTOUCHED}"
        )
    return content


def _compose(text: str) -> Node | None:
    if text.strip() in _EMPTY:
        return None
    node: Node | None = _yaml().compose(io.StringIO(text))
    return None if isinstance(node, ScalarNode) else node


def _lines_of(text: str, index: int) -> tuple[int, int, int] | None:
    """First line, last line and column of an item's dash; None where it shares a line with something else."""
    sequence = _compose(text)
    if not isinstance(sequence, SequenceNode) or sequence.flow_style:
        return None
    node = sequence.value[index]
    first, last = node.start_mark.line, _end(node)
    indent = _indent(sequence)
    lines = text.split("\n")
    before = _end(sequence.value[index - 1]) if index else sequence.start_mark.line - 1
    # The dash may stand on a line of its own, above its item.
    while first > before and not lines[first].startswith(f"{' ' * indent}-"):
        first -= 1
    return (first, last, indent) if first > before else None


def _indent(sequence: SequenceNode) -> int:
    column: int = sequence.start_mark.column
    return column


def _end(node: Node) -> int:
    """The line that the last thing in `node` ends on; the end marks of collections lie behind later comments."""
    if isinstance(node, CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, MappingNode) else last)
    line: int = node.end_mark.line
    return line - 1 if line > node.start_mark.line and node.end_mark.column == 0 else line


def _last_line(lines: list[str]) -> int:
    """The last line that says something; `...` ends the document, and stays behind what is added."""
    return max((number for number, line in enumerate(lines) if line.strip() not in {"", "..."}), default=-1)


def _rendered(item: Item, indent: int) -> list[str]:
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.dump([{name: _quoted(value) for name, value in item.items()}], stream)
    return [f"{' ' * indent}{line}" for line in stream.getvalue().splitlines()]


def _quoted(value: Any) -> Any:
    if isinstance(value, list):
        return [_quoted(item) for item in value]
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or value.lower() in _NOT_STRINGS):
        return DoubleQuotedScalarString(value)
    return value


def _plain(item: Item) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, (list, tuple)) else value for name, value in item.items()}


def _checked(edited: str | None, text: str, key: str, expected: list[dict[str, Any]]) -> str:
    """`edited` if it reads as `expected`; else the list written anew, and refused where that does not either."""
    try:
        if edited is not None and mappings(edited, key) == expected:
            return edited
    except MalformedDocumentError:
        # An alias whose anchor went: the list has to be written out.
        pass
    comments = [line for line in text.split("\n") if line.lstrip().startswith("#")]
    anew = "".join(f"{line}\n" for line in [*comments, *(row for item in expected for row in _rendered(item, 0))])
    if mappings(anew, key) != expected:
        raise MalformedDocumentError(
            f"{key} of ConfigMap kube-system/aws-auth cannot be edited without a change to others' entries{_UNTOUCHED}"
        )
    return anew
