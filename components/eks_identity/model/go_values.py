"""Decoding of a parsed YAML document as in go-yaml and sigs.k8s.io/yaml, to the values that the authenticator gets.

`load` returns the values of mapUsers and mapRoles, `strings` those of mapAccounts. Numbers and booleans keep their
type: the authenticator accepts neither as a username or a group.

Source: gopkg.in/yaml.v2 2.4.0, `decode.go` and `resolve.go`; sigs.k8s.io/yaml 1.3.0, `yaml.go`.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import date, time
from typing import Any, TypeAlias

from yaml.error import YAMLError

from eks_identity.model import go_yaml
from eks_identity.model.go_yaml import Kind, Node

Value: TypeAlias = "str | bool | int | float | list[Value] | dict[Any, Value] | None"

_PREFIX = "tag:yaml.org,2002:"
_STR, _BOOL, _INT, _FLOAT, _NULL, _TIMESTAMP, _BINARY, _MERGE = (
    f"{_PREFIX}{name}" for name in ("str", "bool", "int", "float", "null", "timestamp", "binary", "merge")
)
_RESOLVABLE = {"", _STR, _BOOL, _INT, _FLOAT, _NULL, _TIMESTAMP}

_WORDS: dict[str, tuple[str, Value]] = {
    **{each: (_BOOL, True) for word in ("yes", "true", "on") for each in (word, word.title(), word.upper())},
    **{each: (_BOOL, False) for word in ("no", "false", "off") for each in (word, word.title(), word.upper())},
    **dict.fromkeys("yY", (_BOOL, True)),
    **dict.fromkeys("nN", (_BOOL, False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (_NULL, None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (_FLOAT, math.nan)),
    **{f"{sign}{word}": (_FLOAT, math.inf) for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)", re.ASCII)
_BINARY_INTEGER = re.compile(r"0b[-+]?[01]+|-0b[01]+", re.ASCII)
_FLOATING = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_POINT_FIRST = re.compile(r"\.[0-9][0-9_]*([eE][-+]?[0-9_]+)?", re.ASCII)
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2}):(?P<second>\d{1,2})(?:[.,]\d+)?"
_DATE = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    rf"(?:[Tt]{_TIME}(?:Z|[-+]\d\d:\d\d)| {_TIME.replace('<', '<_')})?",
    re.ASCII,
)


def load(text: str) -> Value:
    """Return the value of the first document, None for an empty one. Raises `YAMLError` if the authenticator fails."""
    root = go_yaml.parse(text).root
    try:
        return None if root is None else _jsonable(_Decoder().value(root))
    except RecursionError:
        raise YAMLError("it is nested too deeply") from None


def strings(text: str) -> list[str | None]:
    """Return a list of strings, with numbers and booleans as written, and None for items that are not scalars.

    Raises `YAMLError` if the authenticator reads nothing. Items before an invalid tag are read.
    """
    root = go_yaml.parse(text).root
    if root is None or (root.kind is Kind.SCALAR and _Decoder().value(root) is None):
        return []
    if root.kind is not Kind.SEQUENCE:
        raise YAMLError("it must be a list")
    items: list[str | None] = []
    try:
        for child in root.children:
            node = child.target if child.target is not None else child
            is_scalar = node.kind is Kind.SCALAR
            value = _Decoder().value(node) if is_scalar else None
            items.append("" if is_scalar and value is None else value if isinstance(value, str) else node.value or None)
    except YAMLError:
        items.append(None)
    return items


class _Decoder:
    """Decoder of one document. It counts nodes, as go-yaml does, to stop at excessive aliasing."""

    def __init__(self) -> None:
        self._count = self._alias_count = self._depth = 0
        self._open: set[Node] = set()

    def value(self, node: Node) -> Value:
        self._count_node()
        if node.kind is Kind.ALIAS:
            return self._alias(node, None)
        if node.kind is Kind.SCALAR:
            return _scalar(node)
        if node.kind is Kind.SEQUENCE:
            return [self.value(child) for child in node.children]
        return self._mapping(node, {})

    def _count_node(self) -> None:
        self._count += 1
        self._alias_count += self._depth > 0
        is_large = self._alias_count > 100 and self._count > 1000
        if is_large and self._alias_count / self._count > _allowed_ratio(self._count):
            raise YAMLError("document contains excessive aliasing")

    def _alias(self, node: Node, merged_into: dict[Any, Value] | None) -> Value:
        assert node.target is not None
        if node in self._open:
            raise YAMLError("an anchor's value contains itself")
        self._open.add(node)
        self._depth += 1
        if merged_into is None:
            value = self.value(node.target)
        else:
            self._count_node()
            value = self._mapping(node.target, merged_into)
        self._depth -= 1
        self._open.discard(node)
        return value

    def _mapping(self, node: Node, out: dict[Any, Value]) -> dict[Any, Value]:
        """Add the pairs of `node` to `out`. A later value of the same key, or of a merge, replaces an earlier one."""
        for key, child in zip(node.children[::2], node.children[1::2], strict=True):
            if key.kind is Kind.SCALAR and key.value == "<<" and (key.is_plain or key.tag == _MERGE):
                self._merge(child, out)
                continue
            name = self.value(key)
            if isinstance(name, (list, dict)):
                raise YAMLError("invalid map key")
            out[name if isinstance(name, str) else (type(name), name)] = self.value(child)
        return out

    def _merge(self, node: Node, out: dict[Any, Value]) -> None:
        # The first of several mappings wins.
        for each in reversed(node.children) if node.kind is Kind.SEQUENCE else [node]:
            if (each.target or each).kind is not Kind.MAPPING:
                raise YAMLError("map merge requires map or sequence of maps as the value")
            self._count_node()
            if each.kind is Kind.ALIAS:
                self._alias(each, out)
            else:
                self._mapping(each, out)


def _allowed_ratio(count: int) -> float:
    low, high = 400_000, 4_000_000
    return 0.99 - 0.89 * min(max(count - low, 0) / (high - low), 1)


def _jsonable(value: Value) -> Value:
    """Return `value` with strings as keys, as in JSON. Raises `YAMLError` for values that JSON does not support."""
    if isinstance(value, list):
        return [_jsonable(each) for each in value]
    if isinstance(value, dict):
        return {_name(key): _jsonable(each) for key, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise YAMLError(f"{value} is not a number of JSON")
    return value


def _name(key: Any) -> str:
    if isinstance(key, str):
        return key
    _, value = key
    if value is None:
        raise YAMLError("a key of a mapping is null")
    return str(value).lower()


def _scalar(node: Node) -> Value:
    if not node.tag and not node.is_plain:
        return node.value
    if node.tag == _BINARY:
        return _decode_binary(node.value)
    if node.tag not in _RESOLVABLE:
        return node.value
    tag, value = _resolve(node.tag, node.value)
    if node.tag in {"", _STR, tag}:
        return value
    if node.tag == _FLOAT and tag == _INT and isinstance(value, int) and value < 1 << 63:
        return float(value)
    raise YAMLError(f"cannot decode {node.value!r} as {node.tag.replace(_PREFIX, '!!')}")


def _resolve(tag: str, text: str) -> tuple[str, Value]:
    """Return the tag that go-yaml resolves for a plain scalar, and its value."""
    if tag == _STR:
        return _STR, text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-0123456789":
        return _finite(text, text) if _POINT_FIRST.fullmatch(text) else (_STR, text)
    if tag in {"", _TIMESTAMP} and _is_date(text):
        return _TIMESTAMP, text
    return _number(text)


def _number(text: str) -> tuple[str, Value]:
    plain = text.replace("_", "")
    if integer := _INTEGER.fullmatch(plain):
        number = int(integer[2], 8) if re.fullmatch(r"0[0-7]+", integer[2]) else int(integer[2], 0)
        number = -number if integer[1] == "-" else number
        if -(1 << 63) <= number < (1 << 63 if integer[1] else 1 << 64):
            return _INT, number
    if _BINARY_INTEGER.fullmatch(plain):
        return _INT, 0
    return _finite(text, plain) if _FLOATING.fullmatch(plain) else (_STR, text)


def _finite(text: str, number: str) -> tuple[str, Value]:
    try:
        value = float(number)
    except ValueError:
        return _STR, text
    return (_FLOAT, value) if math.isfinite(value) else (_STR, text)


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if not match:
        return False
    parts = {name.strip("_"): int(part) for name, part in match.groupdict().items() if part}
    try:
        date(parts["year"], parts["month"], parts["day"])
        time(parts.get("hour", 0), parts.get("minute", 0), parts.get("second", 0))
    except ValueError:
        return False
    return True


def _decode_binary(text: str) -> str:
    try:
        data = base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        raise YAMLError("!!binary value contains invalid base64 data") from None
    # JSON has no bytes: each byte that is not UTF-8 becomes the replacement character.
    return data.decode(errors="surrogateescape").translate(dict.fromkeys(range(0xDC80, 0xDD00), "\ufffd"))
