"""Values of a document by their place: the keys and indices that lead to them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]


def places(value: Any, under: Place = ()) -> Iterator[Place]:
    """Yield the place of each value in a document."""
    yield under
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from places(below, (*under, key))


def replaced(document: Any, place: Place, value: Any) -> Any:
    """Return a copy of the document with another value at a place."""
    if not place:
        return value
    copied = copy.deepcopy(document)
    at = copied
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return copied


def value_at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document
