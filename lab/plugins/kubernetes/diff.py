"""Compare the inputs of the last update with the new ones, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

from lab.plugins.values import UNKNOWN, Path, dotted


class Change(Enum):
    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


class Difference(NamedTuple):
    path: Path
    change: Change


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Difference]:
    """Yield the fields in which `new` differs from `old`, at their deepest paths. An unknown value always differs."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            item_path = (*path, key)
            if key not in new:
                yield Difference(item_path, Change.DELETE)
            elif key not in old:
                yield Difference(item_path, Change.ADD)
            else:
                yield from differences(old[key], new[key], item_path)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            item_path = (*path, index)
            if index >= len(new):
                yield Difference(item_path, Change.DELETE)
            elif index >= len(old):
                yield Difference(item_path, Change.ADD)
            else:
                yield from differences(old[index], new[index], item_path)
    elif new is UNKNOWN or not _equal(old, new):
        yield Difference(path, Change.UPDATE)


def property_diff(change: Change, *, replace: bool) -> PropertyDiff:
    """Return `change` as the engine's type."""
    kind = PropertyDiffKind[f"{change.name}_REPLACE" if replace else change.name]
    return PropertyDiff(kind, input_diff=True)


def property_path(path: Path) -> str:
    """Return `path` in the engine's notation."""
    return dotted(path)


def ignored(path: Path, patterns: list[str]) -> bool:
    """Return whether `path` is at or below one of the paths of `ignoreChanges`."""
    text = dotted(path)
    return any(text == pattern or text.startswith((f"{pattern}.", f"{pattern}[")) for pattern in patterns)


def _equal(old: Any, new: Any) -> bool:
    """Return whether the values are equal; `True` does not equal 1."""
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)
