"""Which combinations of patterns can match one text.

Patterns with `*` and `?` divide all texts into classes: two texts are in one class if the same patterns match them.
Whether policies contain others is decided class by class. The classes are found exactly, by a walk through the
automata of all patterns side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_OTHER: Final = "\0"
"""A character that no pattern has."""
_LIMIT: Final = 20_000
"""The number of states after which a walk gives up: many patterns with several `*` each."""

_Position = tuple[int, int]
"""A pattern, and how many of its characters are matched."""


def classes(patterns: Sequence[str], opaque: frozenset[str] = frozenset()) -> frozenset[frozenset[int]] | None:
    """Return the sets of patterns, by index, that match some text together and no other pattern matches.

    `opaque` are characters that stand for an unknown text: `?` does not match them. Returns None if there are too many
    combinations.
    """
    start = frozenset(position for index in range(len(patterns)) for position in _skip_stars(patterns, (index, 0)))
    found: set[frozenset[int]] = set()
    seen, pending = {start}, [start]
    while pending:
        state = pending.pop()
        found.add(frozenset(index for index, position in state if position == len(patterns[index])))
        for character in {*_next_characters(patterns, state), _OTHER}:
            following = frozenset(
                reached
                for position in state
                for step in _step(patterns, position, character, opaque)
                for reached in _skip_stars(patterns, step)
            )
            if following not in seen:
                seen.add(following)
                pending.append(following)
        if len(seen) > _LIMIT:
            return None
    return frozenset(found)


def _next_characters(patterns: Sequence[str], state: frozenset[_Position]) -> Iterator[str]:
    for index, position in state:
        character = patterns[index][position : position + 1]
        if character not in {"", "*", "?"}:
            yield character


def _step(patterns: Sequence[str], position: _Position, character: str, opaque: frozenset[str]) -> Iterator[_Position]:
    index, matched = position
    expected = patterns[index][matched : matched + 1]
    if expected == "*":
        yield position
    elif expected and (expected == character or (expected == "?" and character not in opaque)):
        yield index, matched + 1


def _skip_stars(patterns: Sequence[str], position: _Position) -> Iterator[_Position]:
    """Yield the position, and those that it reaches if each `*` matches nothing."""
    index, matched = position
    yield position
    while patterns[index][matched : matched + 1] == "*":
        matched += 1
        yield index, matched
