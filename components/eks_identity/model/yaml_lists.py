"""The lists of aws-auth: what the authenticator reads of them, and edits that leave every other entry's text as it was.

An item is found by its place in the text, and only that place is changed: whole lines in block style, the item alone in
flow style. The text is read before and after. Where an edit would change what another item says (an anchor goes that
others use), the list is written again, with the same values.

Source: aws-iam-authenticator 0.6.13, `pkg/mapper/configmap` (YAML to JSON to structs); Go's `encoding/json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yaml.error import MarkedYAMLError, YAMLError

from eks_identity.errors import MalformedDocumentError
from eks_identity.model import go_values, go_yaml
from eks_identity.model.go_yaml import Document, Kind, Node

# Strings that go-yaml and YAML 1.2 both take for strings without quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+|::[A-Za-z0-9_./@-]+)*")
_NOT_STRINGS = {"y", "yes", "n", "no", "on", "off", "true", "false", "null"}

# What the authenticator skips, though it is no list.
_EMPTY = {"", "``", '""', "''"}
_GO_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_BREAKS = ("\r", "\n", "\x85", "\u2028", "\u2029")
_LINE = re.compile("[^{0}]*(?:\r\n|[{0}])|[^{0}]+$".format("".join(_BREAKS)))


@dataclass(frozen=True)
class Item:
    """An item as the authenticator decodes it: what is no string is empty, and so is what is missing."""

    arn: str = ""
    username: str = ""
    groups: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """What of it the authenticator does not read, in words."""


def items(text: str, key: str, arn_field: str) -> list[Item]:
    """The items, none for an empty text. Raises `MalformedDocumentError` where the authenticator reads no item."""
    return [_item(value, arn_field) for value in _load(text, key)]


def scalars(text: str, key: str) -> list[str | None]:
    """The strings that the authenticator reads of a list of plain values; None in place of what it does not read."""
    if _is_skipped(text):
        return []
    try:
        return go_values.strings(text)
    except YAMLError as error:
        raise _malformed(key, error) from None


def has_ignored_documents(text: str) -> bool:
    """Whether there is a second document, of which the authenticator reads nothing."""
    try:
        rest = "" if _is_skipped(text) else text[go_yaml.parse(text).end :]
    except YAMLError:
        return False
    return any(line.partition("#")[0].strip() not in {"", "---", "..."} for line in _lines(rest))


def append(text: str, key: str, item: Mapping[str, Any]) -> str:
    """The text with `item` behind the last one."""
    return _checked(_appended(text, item), text, key, [*_load(text, key), dict(item)])


def replace(text: str, key: str, index: int, item: Mapping[str, Any]) -> str:
    """The text with `item` in place of the one at `index`."""
    expected = _load(text, key)
    expected[index] = dict(item)
    return _checked(_replaced(text, index, item), text, key, expected)


def remove(text: str, key: str, index: int) -> str:
    """The text without the item at `index`; empty where neither an item nor a comment is left."""
    expected = _load(text, key)
    del expected[index]
    edited = _checked(_removed(text, index), text, key, expected)
    return edited if edited.strip() else ""


_UNTOUCHED = "\n  fix: correct {key} with `kubectl -n kube-system edit configmap aws-auth`; nothing was written"


def _malformed(key: str, error: YAMLError | str) -> MalformedDocumentError:
    reason = str(error)
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        reason = f"line {error.problem_mark.line + 1}: {error.problem}"
    rule = f"{key} of ConfigMap kube-system/aws-auth is not read by the authenticator, so it maps nobody: {reason}"
    return MalformedDocumentError(f"{rule}{_UNTOUCHED.format(key=key)}")


def _is_skipped(text: str) -> bool:
    return text.strip(_GO_BLANKS) in _EMPTY


def _load(text: str, key: str) -> list[go_values.Value]:
    if _is_skipped(text):
        return []
    try:
        content = go_values.load(text)
    except YAMLError as error:
        raise _malformed(key, error) from None
    if content is None:
        return []
    if not isinstance(content, list) or text.lstrip(_GO_BLANKS).startswith("{"):
        raise _malformed(key, f"it must be a list of entries, and is {json.dumps(content)}")
    return content


def _item(value: go_values.Value, arn_field: str) -> Item:
    if not isinstance(value, dict):
        return Item(ignored=(f"an entry must be a mapping with {arn_field}, username and groups",))
    texts = {arn_field: "", "username": ""}
    groups: list[str] = []
    ignored: list[str] = []
    # Go sorts the names, and reads them without regard to case: of two that are the same to it, the later one counts.
    for name in sorted(value):
        field, content = name.casefold(), value[name]
        if field in texts:
            if isinstance(content, str):
                texts[field] = content
            elif content is not None:
                ignored.append(f"{name} must be a string, in quotes: {_shown(content)} is read as an empty one")
        elif field == "groups":
            if content is None:
                groups = []
            elif isinstance(content, list):
                groups = [_group(each, groups[at] if at < len(groups) else "") for at, each in enumerate(content)]
                ignored += [
                    f"{name}[{at}] must be a string, in quotes: {_shown(each)} is read as an empty one"
                    for at, each in enumerate(content)
                    if not isinstance(each, str)
                ]
            else:
                ignored.append(f"{name} must be a list: {_shown(content)} gives no group")
    return Item(texts[arn_field], texts["username"], tuple(groups), tuple(ignored))


def _group(value: go_values.Value, before: str) -> str:
    return value if isinstance(value, str) else before


def _shown(value: go_values.Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def _appended(text: str, item: Mapping[str, Any]) -> Iterator[str]:
    if _is_skipped(text):
        yield "".join(_rendered(item, 0, "\n"))
        return
    document = go_yaml.parse(text)
    root = document.root
    if root is not None and root.is_flow:
        last = root.children[-1].end.index if root.children else root.end.index - 1
        yield text[:last] + (", " if root.children else "") + _flow(dict(item)) + text[last:]
        return
    lines = _lines(text[: document.end])
    indent = _indent(_lines(text), root) if root is not None and root.kind is Kind.SEQUENCE else 0
    written = "".join(_rendered(item, indent, _line_end(text)))
    blank = next((at for at, line in enumerate(reversed(lines)) if line.strip()), len(lines))
    for end in dict.fromkeys((len(lines) - blank, len(lines))):
        before, after = "".join(lines[:end]), "".join(lines[end:]) + text[document.end :]
        if before and not before.endswith(_BREAKS):
            # A text without a line break at its end stays one.
            before, written = before + _line_end(text), written if after else written.removesuffix(_line_end(text))
        yield before + written + after


def _replaced(text: str, index: int, item: Mapping[str, Any]) -> Iterator[str]:
    root, node = _at(text, index)
    if root.is_flow:
        yield text[: node.start.index] + _flow(dict(item)) + text[node.end.index :]
    elif place := _lines_of(text, root, index):
        first, last, indent = place
        lines = _lines(text)
        written = "".join(_rendered(item, indent, _line_end(text)))
        if last + 1 == len(lines) and not lines[last].endswith(_BREAKS):
            written = written.removesuffix(_line_end(text))
        yield "".join([*lines[:first], written, *lines[last + 1 :]])


def _removed(text: str, index: int) -> Iterator[str]:
    root, node = _at(text, index)
    if not root.is_flow:
        if place := _lines_of(text, root, index):
            lines = _lines(text)
            edited = "".join([*lines[: place[0]], *lines[place[1] + 1 :]])
            ended = text.endswith(_BREAKS)
            yield edited if ended or place[1] + 1 < len(lines) else edited.removesuffix(_line_end(text))
        return
    start, end = node.start.index, node.end.index
    if index + 1 < len(root.children):
        end = root.children[index + 1].start.index
    elif index:
        start = root.children[index - 1].end.index
    yield text[:start] + text[end:]


def _at(text: str, index: int) -> tuple[Node, Node]:
    root = go_yaml.parse(text).root
    assert root is not None, "it was read, and has items"
    return root, root.children[index]


def _lines_of(text: str, root: Node, index: int) -> tuple[int, int, int] | None:
    """First line, last line and column of the dash of an item in block style."""
    lines = _lines(text)
    first, last = root.children[index].start.line, root.children[index].last_line
    before = root.children[index - 1].last_line if index else root.start.line - 1
    indent = _indent(lines, root)
    # The dash may stand on a line of its own, above its item.
    while first > before and not _has_dash(lines[first], indent):
        first -= 1
    return (first, last, indent) if first > before else None


def _indent(lines: Sequence[str], root: Node) -> int:
    """The column of the dashes. An anchor or a tag of the whole list may stand on lines above."""
    dash = next(line for line in lines[root.start.line :] if line.lstrip(" \ufeff").startswith("-"))
    return len(dash) - len(dash.lstrip(" \ufeff")) - dash.startswith("\ufeff")


def _has_dash(line: str, indent: int) -> bool:
    return line.removeprefix("\ufeff").startswith(f"{' ' * indent}-")


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _rendered(item: Mapping[str, Any], indent: int, end: str) -> Iterator[str]:
    """The lines of an item in block style."""
    for at, (name, value) in enumerate(item.items()):
        margin = " " * indent + ("- " if at == 0 else "  ")
        if isinstance(value, list) and value:
            yield f"{margin}{_text(name)}:{end}"
            yield from (f"{' ' * indent}  - {_flow(each)}{end}" for each in value)
        else:
            yield f"{margin}{_text(name)}: {_flow(value)}{end}"


def _flow(value: Any) -> str:
    """A value on one line."""
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


def _checked(edits: Iterator[str], text: str, key: str, expected: list[go_values.Value]) -> str:
    """The first of `edits` that reads as `expected`, or the list written again. Rejects where that reads otherwise."""
    for edited in (*edits, _again(text, expected)):
        try:
            if _same(_load(edited, key), expected):
                return edited
        except MalformedDocumentError:
            continue  # an alias whose anchor went: the list has to be written again
    raise MalformedDocumentError(
        f"{key} of ConfigMap kube-system/aws-auth cannot be edited without a change to others' entries"
        + _UNTOUCHED.format(key=key)
    )


def _same(found: list[go_values.Value], expected: list[go_values.Value]) -> bool:
    # As JSON, since 1 equals True in Python.
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def _again(text: str, expected: list[go_values.Value]) -> str:
    """The list written again, below the comments that it had, and before the documents that nobody reads."""
    document = Document(None, len(text)) if _is_skipped(text) else go_yaml.parse(text)
    comments = [line for line in _lines(text[: document.end]) if line.lstrip().startswith("#")]
    rows = [row for each in expected for row in _rendered_value(each)]
    rest = text[document.end :]
    ended = "" if not rest or rest.startswith(("---", "...")) else "...\n"
    return "".join([*comments, *(rows or ["[]\n"]), ended]) + rest


def _rendered_value(value: go_values.Value) -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield from _rendered(value, 0, "\n")
    else:
        yield f"- {_flow(value)}\n"
