"""Pulumi's property values as plain Python, and back, with nothing lost on the way.

A plugin wants to compare, merge and send documents made of dicts, lists, strings, numbers and booleans. Pulumi sends a
tree of `PropertyValue`, in which any node can be secret, can be unknown (at preview), or can depend on other resources.
`Properties` keeps the plain document beside the paths of its secrets and dependencies:

| on the wire                          | plain                                            |
|--------------------------------------|--------------------------------------------------|
| null, boolean, string, array, object | `None`, `bool`, `str`, `list`, `dict`            |
| number                               | `int` where it is whole, else `float`            |
| unknown, at any depth                | `UNKNOWN`                                        |
| secret                               | the value; its path is in `secrets`              |
| output with dependencies             | the value; its path is in `dependencies`         |
| reference to a resource              | its id (`UNKNOWN` if not known yet), else its URN |
| asset or archive                     | refused, with the path                           |
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
"""Where a value is in a document: keys of objects, and places in lists."""


class Unknown(Enum):
    """The type of `UNKNOWN`: one instance, which copies as itself and has no truth value."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("a value that is not known before the update has no truth value; ask `is UNKNOWN` first")


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that only the update itself will bring out."""

_PATH_PART: Final = re.compile(
    r'\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<index>\d+)\]|\[(?P<all>\*)\]|(?P<key>[^.\[]+)',
)

# The engine's markers of unknown values, by type of the value: sdk/go/common/resource/plugin/rpc.go.
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
    """An asset or archive, where only documents make sense."""

    def __init__(self, path: Path, kind: Literal["asset", "archive"]) -> None:
        super().__init__(
            f"the property {dotted(path)} is an {kind}, and this plugin takes none",
            fix="pass the content itself, as a string",
        )
        self.path = path


@dataclass(frozen=True)
class Properties:
    """A plain document, with the paths of what is secret in it and of what depends on other resources."""

    values: dict[str, Any]
    secrets: frozenset[Path] = frozenset()
    dependencies: Mapping[Path, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, properties: Mapping[str, PropertyValue] | None) -> Properties:
        """The plain form of `properties`. Raises `UnsupportedValueError` for an asset or archive in it."""
        secrets: set[Path] = set()
        dependencies: dict[Path, frozenset[str]] = {}
        values = {key: _plain(value, (key,), secrets, dependencies) for key, value in (properties or {}).items()}
        return cls(values, frozenset(secrets), dependencies)

    def to_wire(self) -> dict[str, PropertyValue]:
        """The form that the engine takes: secrets and dependencies at their paths, as far as these are there."""
        return {key: self._wire(value, (key,)) for key, value in self.values.items()}

    def with_secrets_of(self, *others: Properties) -> Properties:
        """This document, with the secrets of `others` kept secret here too.

        A server may insert, drop or sort what a list holds, so a secret in a list makes that whole list secret.
        """
        carried = {_before_first_index(path) for other in others for path in other.secrets}
        return Properties(self.values, self.secrets | carried, self.dependencies)

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
    """Only the plain document of `properties`, where secrets and dependencies do not matter."""
    return Properties.from_wire(properties).values


def contains_unknown(value: Any) -> bool:
    """Whether `value` is, or holds at any depth, a value that is not known yet."""
    return next(unknown_paths(value), None) is not None


def unknown_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all that is not known yet in `value`."""
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_paths(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from unknown_paths(item, (*path, index))


def dotted(path: Path) -> str:
    """A path as Pulumi writes it: `metadata.labels["app.kubernetes.io/name"]`, `rules[0].verbs`."""
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
    """A path that Pulumi wrote, as in `ignoreChanges`: the opposite of `dotted`. `[*]` and `*` stay as the key `*`."""
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
    """`value` for a message: what is secret in it reads `[secret]`."""
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
    for place, part in enumerate(path):
        if isinstance(part, int):
            return path[:place]
    return path
