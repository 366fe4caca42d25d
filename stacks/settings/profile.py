"""The profile of an environment, its defaults and policies, and access to settings before they are validated.

Policies and cross checks read raw settings, so that their problems are reported together with all others. They skip
values of a wrong type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from eks_identity import Problem
from stacks.settings.environment import AccessMethod, Mode

RawSettings = Mapping[str, Any]
"""Settings as written in the file, before validation."""
SettingsPolicy = Callable[[RawSettings], Iterator[Problem]]
"""A function that returns the problems of settings that an environment does not allow; see `stacks.policies`."""


@dataclass(frozen=True)
class EnvironmentProfile:
    """Defaults and policies of an environment."""

    mode: Mode = "irsa"
    """How service accounts get their roles."""
    access_method: AccessMethod = "access-entry"
    """How principals are granted access to clusters."""
    create: Mapping[str, Any] = field(default_factory=dict)
    """Options of every new cluster."""
    protect: bool = False
    """Whether Pulumi rejects the deletion of clusters that the stack creates."""
    policies: tuple[SettingsPolicy, ...] = ()
    """Policies that the settings must comply with."""

    def apply_defaults(self, settings: RawSettings) -> dict[str, Any]:
        """Return `settings` with the defaults of this profile for missing keys; values of a wrong type are kept."""
        merged = dict(settings)
        if isinstance(settings.get("defaults", {}), Mapping):
            defaults = {"mode": self.mode, "access_method": self.access_method}
            merged["defaults"] = {**defaults, **section(settings, "defaults")}
        if isinstance(settings.get("clusters"), Mapping):
            clusters = settings["clusters"].items()
            merged["clusters"] = {name: self._apply_cluster_defaults(cluster) for name, cluster in clusters}
        return merged

    def _apply_cluster_defaults(self, cluster: Any) -> Any:
        if not isinstance(cluster, Mapping) or not isinstance(cluster.get("create", ""), Mapping | None):
            return cluster
        return {"protect": self.protect, **cluster, "create": {**self.create, **(cluster["create"] or {})}}


def section(settings: RawSettings, key: str) -> RawSettings:
    """Return the mapping under `key`, or an empty one."""
    value = settings.get(key)
    return value if isinstance(value, Mapping) else {}


def mapping_entries(settings: RawSettings, key: str) -> dict[str, RawSettings]:
    """Return the entries under `key` (`clusters`, `access`, `workloads`, `addons`) that are mappings, by name."""
    return {str(name): entry for name, entry in section(settings, key).items() if isinstance(entry, Mapping)}


def list_items(settings: RawSettings, key: str) -> Iterator[tuple[int, RawSettings]]:
    """Yield the mappings in the list under `key`, each with its index."""
    value = settings.get(key)
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, Mapping):
            yield index, item


def value_or_default(settings: RawSettings, entry: RawSettings, key: str, fallback: str) -> object:
    """Return the value of `key` in `entry`, else in the environment's defaults, else `fallback`."""
    return entry.get(key) or section(settings, "defaults").get(key) or fallback
