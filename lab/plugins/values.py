"""Conversion of Pulumi's property values to plain Python values and back, without loss.

A plugin compares, merges and sends documents made of dicts, lists, strings, numbers and booleans. Pulumi sends a
tree of `PropertyValue`, in which any node can be secret, unknown (at preview), or dependent on other resources.
`Properties` has the plain document and the paths of its secrets and dependencies:

| on the wire                          | plain                                                     |
|--------------------------------------|-----------------------------------------------------------|
| null, boolean, string, array, object | `None`, `bool`, `str`, `list`, `dict`                     |
| number                               | `int` if it is a whole number, else `float`               |
| unknown, at any depth                | `UNKNOWN`                                                 |
| secret                               | the value; its path is in `secrets`                       |
| output with dependencies             | the value; its path is in `dependencies`                  |
| reference to a resource              | its id (`UNKNOWN` if unresolved), else its URN         |
| asset or archive                     | an `UnsupportedValueError` with the path                  |
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

import pulumi
from pulumi.provider.experimental.property_value import Computed, PropertyValue, ResourceReference
from pulumi.runtime import rpc

from lab.plugins.errors import PluginError

Path: TypeAlias = tuple[str | int, ...]
"""The location of a value in a document: keys of objects and indexes of lists."""


class Unknown(Enum):
    """The type of `UNKNOWN`: a single instance without a truth value; a copy of it is the same instance."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value has no truth value; test it with `is UNKNOWN` first")


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that is unresolved until the update."""

_PATH_PART: Final = re.compile(
    r'\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<index>\d+)\]|\[(?P<all>\*)\]|(?P<key>[^.\[]+)',
)

# The engine's markers of unknown values, by type of the value. Source: sdk/go/common/resource/plugin/rpc.go.
_UNKNOWN_MARKERS: Final = frozenset(
    {
        rpc.UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    },
)


class UnsupportedValueError(PluginError):
    """An asset or archive in a property that must be a document."""

    def __init__(self, path: Path, kind: Literal["asset", "archive"]) -> None:
        super().__init__(
            f"the property {dotted(path)} is an {kind}, which this plugin does not support",
            fix="pass the content itself, as a string",
        )
        self.path = path


@dataclass(frozen=True)
class Properties:
    """A plain document, with the paths of its secrets and of its values that depend on other resources."""

    values: dict[str, Any]
    secrets: frozenset[Path] = frozenset()
    dependencies: Mapping[Path, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, properties: Mapping[str, PropertyValue] | None) -> Properties:
        """Convert `properties` from the wire format. Raises `UnsupportedValueError` for an asset or archive."""
        secrets: set[Path] = set()
        dependencies: dict[Path, frozenset[str]] = {}
        values = {key: _plain(value, (key,), secrets, dependencies) for key, value in (properties or {}).items()}
        return cls(values, frozenset(secrets), dependencies)

    def to_wire(self) -> dict[str, PropertyValue]:
        """Convert to the wire format, with secrets and dependencies at those of their paths that exist."""
        return {key: self._wire(value, (key,)) for key, value in self.values.items()}

    def with_secrets_of(self, *others: Properties) -> Properties:
        """Return this document, with the secrets of `others` secret too.

        A server may insert, remove or sort the items of a list, so a secret in a list makes the list secret.
        """
        inherited = {_before_first_index(path) for other in others for path in other.secrets}
        return Properties(self.values, self.secrets | inherited, self.dependencies)

    def _wire(self, value: Any, path: Path) -> PropertyValue:
        bare: Any
        if value is UNKNOWN:
            bare = rpc.UNKNOWN
        elif isinstance(value, Mapping):
            bare = {key: self._wire(item, (*path, key)) for key, item in value.items()}
        elif isinstance(value, (list, tuple)):
            bare = [self._wire(item, (*path, index)) for index, item in enumerate(value)]
        elif isinstance(value, int) and not isinstance(value, bool):
            bare = float(value)
        elif value is None or isinstance(value, (bool, float, str)):
            bare = value
        else:
            raise TypeError(f"{dotted(path)} is a {type(value).__name__}, which is no property value")
        return PropertyValue(bare, is_secret=path in self.secrets, dependencies=self.dependencies.get(path))


def plain(properties: Mapping[str, PropertyValue] | None) -> dict[str, Any]:
    """Return the plain document of `properties`, without secrets and dependencies."""
    return Properties.from_wire(properties).values


def contains_unknown(value: Any) -> bool:
    """Return whether `value` is unknown or contains an unknown value at any depth."""
    return next(unknown_paths(value), None) is not None


def unknown_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of all unknown values in `value`."""
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_paths(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from unknown_paths(item, (*path, index))


def dotted(path: Path) -> str:
    """Return a path in Pulumi's notation: `metadata.labels["app.kubernetes.io/name"]`, `rules[0].verbs`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part == "" or any(character in part for character in '.["]'):
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{part}" if text else part
    return text


def parse_path(text: str) -> Path:
    """Parse a path in Pulumi's notation, as in `ignoreChanges`: the inverse of `dotted`.

    `[*]` and `*` are the key `*`.
    """
    parts: list[str | int] = []
    for match in _PATH_PART.finditer(text):
        if match["quoted"] is not None:
            parts.append(re.sub(r"\\(.)", r"\1", match["quoted"]))
        elif match["index"] is not None:
            parts.append(int(match["index"]))
        else:
            parts.append(match["key"] or "*")
    return tuple(parts)


def redacted(value: Any, secrets: Collection[Path], path: Path = ()) -> Any:
    """Return `value` for a message, with `[secret]` in position of its secrets."""
    if path in secrets:
        return "[secret]"
    if isinstance(value, Mapping):
        return {key: redacted(item, secrets, (*path, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(item, secrets, (*path, index)) for index, item in enumerate(value)]
    return value


def _plain(node: PropertyValue, path: Path, secrets: set[Path], dependencies: dict[Path, frozenset[str]]) -> Any:
    if node.is_secret:
        secrets.add(path)
    if node.dependencies:
        dependencies[path] = node.dependencies
    value = node.value
    if isinstance(value, Computed) or (isinstance(value, str) and value in _UNKNOWN_MARKERS):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _plain(item, (*path, key), secrets, dependencies) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, (*path, index), secrets, dependencies) for index, item in enumerate(value)]
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, ResourceReference):
        return value.urn if value.resource_id is None else _plain(value.resource_id, path, secrets, dependencies)
    if isinstance(value, pulumi.Asset):
        raise UnsupportedValueError(path, "asset")
    if isinstance(value, pulumi.Archive):
        raise UnsupportedValueError(path, "archive")
    return value


def _before_first_index(path: Path) -> Path:
    for position, part in enumerate(path):
        if isinstance(part, int):
            return path[:position]
    return path
