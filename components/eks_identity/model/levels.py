"""Levels of nested lists and maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def is_deeper(value: T, levels: int, below: Callable[[T], Iterable[T]]) -> bool:
    """Return whether a value has values in more than `levels` levels; `below` returns those of the next one.

    It does not call itself for each level, so that no depth raises `RecursionError`.
    """
    items = [value]
    for _ in range(levels):
        items = [each for item in items for each in below(item)]
    return bool(items)
