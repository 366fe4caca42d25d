"""A change of a graph that takes a permission away."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from eks_access.findings import Fix
from eks_access.graph import AccessGraph
from eks_access.graph.tables import Table
from eks_access.questions.escalation.actors import Actor
from eks_access.questions.escalation.context import Context

K = TypeVar("K")
V = TypeVar("V")


class Change(ABC):
    """A change of a graph."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def subject(self) -> str:
        """The object that changes, in words."""

    @property
    @abstractmethod
    def words(self) -> str:
        """The change as an imperative sentence."""

    @abstractmethod
    def fix(self, graph: AccessGraph) -> Fix:
        """Return the command that makes the change."""

    @abstractmethod
    def apply(self, graph: AccessGraph) -> AccessGraph:
        """Return a copy of a graph with the change."""

    @abstractmethod
    def affects(self, context: Context, actor: Actor) -> bool:
        """Return whether the permissions of an actor depend on what changes."""


def with_objects(table: Table[K, V], changed: Mapping[K, V]) -> Table[K, V]:
    """Return a table with other objects in place of some."""
    objects = {**table.all(), **changed}
    return Table(
        lambda: objects,
        gaps=table.gaps,
        account=table.account,
        exceptions=table.exceptions,
        unkeyed=table.unkeyed,
    )
