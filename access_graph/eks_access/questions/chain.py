"""Evaluation of a chain: links in order, each evaluated unless it depends on one that does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from eks_access.findings import Link, Verdict
from eks_access.graph.aws_objects import Unknown
from eks_access.graph.tables import NotReadError

T = TypeVar("T")
D = TypeVar("D")


@dataclass
class Chain:
    """The links of a chain so far, and notes on it."""

    links: list[Link] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, evaluate: Callable[[], Link], *, needs: Iterable[str] = ()) -> bool:
        """Add a link, and return whether it holds.

        It is not evaluated if one of the links in `needs` does not hold, or if the graph lacks what it needs. Names in
        `needs` that are not in the chain do not matter.
        """
        failed = self._first_failed(needs)
        if failed is not None:
            link = Link.not_evaluated(name, f"depends on {failed.name}, which {_DESCRIPTIONS[failed.verdict]}")
        else:
            try:
                link = evaluate()
            except NotReadError as error:
                link = Link.not_evaluated(name, str(error))
        self.links.append(link)
        return link.verdict is Verdict.HOLDS

    def add_dependent(self, name: str, *, needs: Iterable[str]) -> None:
        """Add a link that cannot be evaluated, because one of the links in `needs` does not hold."""
        self.add(name, lambda: Link.not_evaluated(name, "unknown"), needs=needs)

    def all_hold(self, names: Iterable[str]) -> bool:
        """Return whether the links of these names hold, as far as they are in the chain."""
        return self._first_failed(names) is None

    def _first_failed(self, names: Iterable[str]) -> Link | None:
        needed = frozenset(names)
        return next((link for link in self.links if link.name in needed and link.verdict is not Verdict.HOLDS), None)


_DESCRIPTIONS = {Verdict.BROKEN: "is broken", Verdict.NOT_EVALUATED: "was not evaluated"}


def resolved(value: T | Unknown, part: str) -> T:
    """Return a value; raise `NotReadError` if a preview does not know it."""
    if isinstance(value, Unknown):
        raise NotReadError(part, str(value))
    return value


def read_or(read: Callable[[], T], default: D) -> T | D:
    """Return what `read` reads, and `default` if it was not read: for hints, which no verdict depends on."""
    try:
        return read()
    except NotReadError:
        return default
