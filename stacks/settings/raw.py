"""Settings as they were written, for checks that hold whatever else is wrong: wrong shapes are passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

RawSettings = Mapping[str, Any]


def section(given: RawSettings, key: str) -> RawSettings:
    """The mapping below `key`; an empty one where there is none."""
    found = given.get(key)
    return found if isinstance(found, Mapping) else {}


def entries(given: RawSettings, kind: str) -> dict[str, RawSettings]:
    """The entries of `clusters`, `people` or `workloads` that are mappings, by name."""
    return {str(key): entry for key, entry in section(given, kind).items() if isinstance(entry, Mapping)}


def items(given: RawSettings, key: str) -> Iterator[tuple[int, RawSettings]]:
    """The mappings in the list below `key`, each with its index."""
    found = given.get(key)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, Mapping):
            yield index, item


def default(given: RawSettings, entry: RawSettings, key: str, otherwise: str) -> object:
    """What `entry` says under `key`, or the environment's default, or `otherwise`."""
    return entry.get(key) or section(given, "defaults").get(key) or otherwise
