"""What one environment is about, in a few lines of its own module.

That is: what holds where its file says nothing, and what it refuses to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from eks_identity import Problem
from stacks.settings.access import AccessMethod
from stacks.settings.raw import RawSettings, section
from stacks.settings.workloads import Mode

Demand = Callable[[RawSettings], Iterator[Problem]]
"""Finds what an environment does not allow in its settings; those of `stacks.policies` are named as they demand."""


@dataclass(frozen=True)
class EnvironmentProfile:
    """The defaults and the demands of an environment."""

    mode: Mode = "irsa"
    """How service accounts get their roles."""
    access_method: AccessMethod = "access-entry"
    """How people get in."""
    create: Mapping[str, Any] = field(default_factory=dict)
    """Options of every new cluster."""
    protect: bool = False
    """Whether Pulumi refuses to delete the clusters that are made here."""
    demands: tuple[Demand, ...] = ()

    def filled(self, given: RawSettings) -> dict[str, Any]:
        """The settings with these defaults below what they say; values of a wrong shape stay as they are."""
        filled = dict(given)
        if isinstance(given.get("defaults", {}), Mapping):
            filled["defaults"] = {"mode": self.mode, "access_method": self.access_method, **section(given, "defaults")}
        if isinstance(given.get("clusters"), Mapping):
            filled["clusters"] = {name: self._cluster(cluster) for name, cluster in given["clusters"].items()}
        return filled

    def _cluster(self, cluster: Any) -> Any:
        if not isinstance(cluster, Mapping) or not isinstance(cluster.get("create", ""), Mapping | None):
            return cluster
        return {"protect": self.protect, **cluster, "create": {**self.create, **(cluster["create"] or {})}}
