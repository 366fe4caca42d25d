"""The steps of a migration, as changes of a stack's settings.

| option                         | change in the settings of the environments (`stacks/`)                            |
|--------------------------------|-----------------------------------------------------------------------------------|
| `--authentication-mode API`    | `clusters.KEY.migration.target_mode`, once for each mode on the way; of a cluster |
|                                | that the stack creates, `clusters.KEY.create.authentication_mode` afterwards.     |
|                                | Before the mode `API`, `access.KEY.access_method`: access that has both aws-auth  |
|                                | mappings and access entries keeps the entries                                     |
| `--workload-mode pod-identity` | `workloads.KEY.mode`, all workloads in one step                                   |
| `--set PATH=VALUE`             | that setting, as a step; `*` stands for every key of a map                        |

A setting with the value of a step has taken that step and those before it: a migration that ended early continues where
it stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")
"""Authentication modes. A cluster can change only to a later one (EKS)."""
_CLUSTERS = "eks-identity:clusters"
_WORKLOADS = "eks-identity:workloads"
_ACCESS = "eks-identity:access"
_COMPONENT = "eks-identity:index:ClusterAccess"
_MAPPING, _ENTRY = "pulumi-python:dynamic/eks-identity:AwsAuthMapping", "aws:eks/accessEntry:AccessEntry"


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """What to migrate."""

    authentication_mode: str | None = None
    workload_mode: str | None = None
    settings: tuple[str, ...] = ()
    """`PATH=VALUE`, one step each."""
    is_dry_run: bool = False
    allow_not_evaluated: bool = False
    """Whether a step counts as proven although a part of the access could not be evaluated."""


@dataclass(frozen=True)
class Step:
    """One change of the settings, applied by one update."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    """Values by their path, as `pulumi config set --path` has it."""
    needs_refresh: bool = False
    """Whether the update must read the resources first: an earlier step changed them beside their own settings."""


def access_by_both(state: Mapping[str, Any]) -> set[str]:
    """Return the names of each ClusterAccess in an exported state that has aws-auth mappings and access entries."""
    resources = (state.get("deployment") or {}).get("resources") or []
    parents = {
        kind: {each.get("parent", "") for each in resources if each["type"] == kind} for kind in (_MAPPING, _ENTRY)
    }
    both = parents[_MAPPING] & parents[_ENTRY]
    return {name for kind, _, name in (urn.rpartition("::") for urn in both) if kind.endswith(_COMPONENT)}


def steps(
    migration: Migration, config: Mapping[str, Any], modes: Mapping[str, str], by_both: Collection[str] = ()
) -> list[Step]:
    """Return the steps that remain.

    Args:
        migration: What to migrate.
        config: The settings of the stack.
        modes: The authentication modes of the living clusters, by name.
        by_both: The access that has aws-auth mappings and access entries, by key.
    """
    found = [*_mode_steps(migration, config, modes, by_both), *_workload_steps(migration, config)]
    for assignment in migration.settings:
        path, _, value = assignment.partition("=")
        found.append(Step(assignment, dict.fromkeys(_expanded(config, path), value)))
    last_done = {
        path: index
        for index, each in enumerate(found)
        for path, value in each.values.items()
        if _value(config, path) == value
    }
    # A setting that has the value of a later step has passed the earlier ones: a mode must not go back.
    remaining = []
    for index, each in enumerate(found):
        values = {path: value for path, value in each.values.items() if index > last_done.get(path, -1)}
        remaining += [replace(each, values=values)] if values else []
    return remaining


def _mode_steps(
    migration: Migration, config: Mapping[str, Any], modes: Mapping[str, str], by_both: Collection[str]
) -> Iterator[Step]:
    if migration.authentication_mode is None:
        return
    clusters = {key: each or {} for key, each in (config.get(_CLUSTERS) or {}).items()}
    own = {key: each for key, each in clusters.items() if "stack" not in each}  # others migrate with their own stack
    for mode in MODES[1 : MODES.index(migration.authentication_mode) + 1]:
        migrating, created = {}, {}
        for key, each in own.items():
            current = modes.get(each.get("name", key), MODES[0])
            if _needs(current, mode, (each.get("migration") or {}).get("target_mode")):
                migrating[f"{_CLUSTERS}.{key}.migration.target_mode"] = mode
            if "create" in each and _needs(current, mode, (each["create"] or {}).get("authentication_mode")):
                created[f"{_CLUSTERS}.{key}.create.authentication_mode"] = mode
        if mode == MODES[-1]:  # a ClusterAccess with aws-auth mappings is rejected in this mode
            declared = [key for key in config.get(_ACCESS) or {} if key in by_both]
            entries = {f"{_ACCESS}.{key}.access_method": "access-entry" for key in declared}
            yield Step("access by access entries alone", entries)
        yield Step(f"authentication mode {mode}", migrating)
        yield Step(f"authentication mode {mode} of created clusters", created, needs_refresh=True)


def _needs(current: str, mode: str, declared: str | None) -> bool:
    """Return whether a cluster needs the step of a mode.

    In the mode `API_AND_CONFIG_MAP` it may lack access entries. In the mode `API` only settings may lag behind it.
    """
    if current == mode:
        return mode != MODES[-1] or declared is not None
    return MODES.index(current) < MODES.index(mode)


def _workload_steps(migration: Migration, config: Mapping[str, Any]) -> Iterator[Step]:
    mode = migration.workload_mode
    if mode is not None:
        workloads = config.get(_WORKLOADS) or {}
        own = [key for key, each in workloads.items() if (each or {}).get("mode") != "none"]
        yield Step(f"workload mode {mode}", {f"{_WORKLOADS}.{key}.mode": mode for key in own})


def _expanded(config: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the paths of a pattern. The name of a setting ends at the first dot after its colon."""
    project, colon, rest = path.partition(":")
    first, *names = rest.split(".") if colon else project.split(".")
    yield from _paths(config, [f"{project}:{first}" if colon else first, *names], "")


def _paths(value: Any, names: Sequence[str], prefix: str) -> Iterator[str]:
    if not names:
        yield prefix
        return
    name, *others = names
    keys = list(value) if name == "*" and isinstance(value, Mapping) else [] if name == "*" else [name]
    for key in keys:
        child = value.get(key) if isinstance(value, Mapping) else None
        yield from _paths(child, others, f"{prefix}.{key}" if prefix else key)


def _value(config: Mapping[str, Any], path: str) -> Any:
    """Return the value of a path, whose first name is that of a setting."""
    project, colon, rest = path.partition(":")
    first, *names = rest.split(".") if colon else project.split(".")
    value: Any = config.get(f"{project}:{first}" if colon else first)
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str | None) else str(value).lower()
