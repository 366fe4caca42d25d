"""The drift of a fleet: the states of its stacks compared with the living clusters and accounts. It only reads.

Clusters of the same credentials are compared in one process, which has the environment of their stacks, and reads the
IAM of each account once. A cluster that several of these stacks declare access to is compared with all their states.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from eks_access.errors import EksAccessError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.drift.find_drift import find_drift
from eks_access.sources.state import clusters_of_state, graph_of_state
from eks_pipeline.review.access import DECIDING
from eks_pipeline.review.stack_preview import ClusterAccess, StackPreview

_CLUSTERS = 8
"""Clusters of one process that are compared at the same time."""


@dataclass(frozen=True)
class StackState:
    """The exported state of a stack, and what reads its clusters."""

    stack: str
    file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    """The AWS profile in the settings of the stack."""


def drift_of_fleet(states: Sequence[StackState], ignored: Sequence[str] = ()) -> dict[str, StackPreview]:
    """Return the drift of each stack. `ignored` are patterns of access in no state that is not reported."""
    groups: dict[tuple[tuple[str, str], ...], list[StackState]] = {}
    for state in states:
        groups.setdefault(tuple(sorted(state.environment.items())), []).append(state)
    context = multiprocessing.get_context("spawn")
    found: dict[str, StackPreview] = {}
    for environment, members in groups.items():
        with ProcessPoolExecutor(1, context, _set_environment, (environment,)) as pool:
            found |= pool.submit(compare, members, tuple(ignored)).result()
    return {state.stack: found[state.stack] for state in states}


def _set_environment(variables: Iterable[tuple[str, str]]) -> None:
    os.environ.update(variables)


@dataclass(frozen=True)
class _ClusterKey:
    """A cluster as its states name it."""

    name: str
    region: str
    profile: str | None


def compare(states: Sequence[StackState], ignored: Sequence[str]) -> dict[str, StackPreview]:
    """Return the drift of stacks with the credentials of this process."""
    graphs: dict[_ClusterKey, dict[str, AccessGraph]] = {}
    access: dict[str, list[ClusterAccess]] = {state.stack: [] for state in states}
    for state in states:
        try:
            for key, graph in _graphs(state):
                graphs.setdefault(key, {})[state.stack] = graph
        except EksAccessError as error:
            access[state.stack].append(ClusterAccess("", not_evaluated=str(error)))
    accounts = _Accounts()

    def drift(key: _ClusterKey) -> ClusterAccess:
        return _drift(key, graphs[key].values(), accounts, ignored)

    with ThreadPoolExecutor(_CLUSTERS) as pool:
        for key, found in zip(graphs, pool.map(drift, graphs), strict=True):
            for stack in graphs[key]:
                access[stack].append(found)
    return {stack: StackPreview(stack, access=tuple(found)) for stack, found in access.items()}


def _graphs(state: StackState) -> Iterable[tuple[_ClusterKey, AccessGraph]]:
    """Yield the graph of each cluster of a state. Raises `EksAccessError` for a state that cannot be compared."""
    export = msgspec.json.decode(state.file.read_bytes())
    names = clusters_of_state(export)
    if not names and any(each["type"].startswith(DECIDING) for each in _resources(export)):
        message = "the stack names no cluster, and declares what may decide access"
        raise EksAccessError(message, "declare the access to a cluster in the stack of the cluster's name")
    for name in names:
        graph = graph_of_state(export, name)
        yield _ClusterKey(name, graph.cluster.get().region, state.profile), graph


def _resources(export: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (export.get("deployment") or {}).get("resources") or []


def _drift(
    key: _ClusterKey, states: Iterable[AccessGraph], accounts: _Accounts, ignored: Sequence[str]
) -> ClusterAccess:
    try:
        live = accounts.open(key)
        found = find_drift(states, live, today=datetime.now(UTC).date(), ignored=ignored)
    except (EksAccessError, NotReadError) as error:
        return ClusterAccess(key.name, not_evaluated=str(error))
    return ClusterAccess(
        key.name, found.difference, unmanaged=found.unmanaged, expired=found.expired, restored=found.restored
    )


class _Accounts:
    """The living clusters, with the IAM of each account read once."""

    def __init__(self) -> None:
        self._first: dict[str, AccessGraph] = {}

    def open(self, key: _ClusterKey) -> AccessGraph:
        """Return the graph of a living cluster. Raises `EksAccessError` or `NotReadError`."""
        from eks_access.sources.live import open_live  # noqa: PLC0415 - imports boto3 and lightkube

        graph = open_live(key.name, region=key.region or None, profile=key.profile)
        first = self._first.setdefault(graph.cluster.get().account, graph)
        return replace(
            graph,
            principals=first.principals,
            groups=first.groups,
            policies=first.policies,
            oidc_providers=first.oidc_providers,
        )
