"""The bound of nested lists and maps in the documents of a source.

The code that reads documents calls itself for each level. A document within the bound never reaches Python's limit of
such calls, so that a `RecursionError` is a fault of this package and not of the document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from datetime import datetime
from types import NoneType
from typing import Any

from eks_access.errors import SourceError
from eks_identity.model.levels import is_deeper

MAX_LEVELS = 100
"""Levels of lists and maps in a document."""
_SCALARS = (str, int, float, datetime, NoneType)


def has_more_levels(value: Any) -> bool:
    """Return whether a value has more levels of lists, maps and objects than `MAX_LEVELS`."""
    return is_deeper(value, MAX_LEVELS, _containers)


def require_levels(value: Any, noun: str) -> None:
    """Raise `SourceError` for a value with more levels than `MAX_LEVELS`."""
    if has_more_levels(value):
        raise too_many_levels(noun)


def too_many_levels(noun: str) -> SourceError:
    """Return the error of a document with too many levels, also of one whose parser gave up before."""
    message = f"{noun} must have at most {MAX_LEVELS} levels of lists and maps"
    return SourceError(message, "remove levels, or write the file again")


def _containers(value: Any) -> Iterable[Any]:
    return (each for each in _items(value) if not isinstance(each, _SCALARS))


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    return vars(value).values() if is_dataclass(value) else ()
