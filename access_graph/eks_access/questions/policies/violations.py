"""What a rule yields: violations, and objects for which it is not decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap
from eks_access.graph.tables import NotReadError, Table

K = TypeVar("K")
V = TypeVar("V")
AFTER_UPDATE = "known after the update"
"""Part of the reason of a value that only the update knows."""


@dataclass(frozen=True)
class Violation:
    """An object that violates a rule."""

    subject: str
    """The object in words: `IAM role app`."""
    says: str
    """The value that violates the rule."""


@dataclass(frozen=True)
class Undecided:
    """An object for which a rule is not decided, because a value is not known."""

    subject: str
    reason: str


@dataclass(frozen=True)
class RuleContext:
    """What rules read: the graph, the graph before the change, and settings."""

    graph: AccessGraph
    today: date
    before: AccessGraph | None = None
    """The graph before the change; None if there is none."""
    boundary: str | None = None
    """ARN of the permissions boundary of workloads' roles, with wildcards; None: none is required."""

    @property
    def is_of_stack(self) -> bool:
        """Whether the graph has only what a stack declares: other objects exist, and are not judged."""
        return self.graph.entries.gaps is not None

    def aws_auth(self) -> AwsAuthConfigMap:
        """Return the ConfigMap aws-auth; that of a stack without a cluster is empty."""
        try:
            return self.graph.aws_auth.get()
        except NotReadError:
            if self.is_of_stack:
                return AwsAuthConfigMap()
            raise


Found = Iterator[Violation | Undecided]


def unknown_objects(table: Table[K, V]) -> Iterator[Undecided]:
    """Yield the objects of a table whose contents, or whose keys, the source does not know."""
    for not_read in (*table.exceptions.values(), *table.unkeyed):
        if not_read is not None:
            yield Undecided(not_read.part, not_read.reason)


def role_subject(arn: str) -> str:
    """Return an IAM principal in words, as they are stable before AWS creates it."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    return f"IAM {kind} {name.rpartition('/')[2]}"
