"""The drift of a fleet: the states of its stacks compared with the living clusters and accounts. It only reads.

Stacks with the same environment variables are compared in one process, which has these variables and reads the IAM of
each account once. A cluster is compared with the states of all stacks of the fleet that declare access to it: once for
each of the credentials that they read it with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from eks_access.errors import EksAccessError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.drift.find_drift import find_drift
from eks_pipeline.review.stack_preview import ClusterAccess, StackPreview
from eks_pipeline.review.stack_states import (
    CLUSTERS_AT_ONCE,
    ClusterKey,
    Environment,
    SharedClusters,
    StackState,
    run_in,
    shared_clusters,
)


def drift_of_fleet(states: Sequence[StackState], ignored: Sequence[str] = ()) -> dict[str, StackPreview]:
    """Return the drift of each stack. `ignored` are patterns of access in no state that is not reported."""
    groups: dict[Environment, list[StackState]] = {}
    for state in states:
        groups.setdefault(state.environment, []).append(state)
    shared = shared_clusters(states)
    found: dict[str, StackPreview] = {}
    for environment, members in groups.items():
        found |= run_in(environment, compare, members, shared, tuple(ignored))
    return {state.stack: found[state.stack] for state in states}


def compare(states: Sequence[StackState], shared: SharedClusters, ignored: Sequence[str]) -> dict[str, StackPreview]:
    """Return the drift of stacks with the credentials of this process.

    `shared` has the states, also of other credentials, of clusters that several credentials read.
    """
    graphs: dict[ClusterKey, dict[str, AccessGraph]] = {}
    access: dict[str, list[ClusterAccess]] = {state.stack: [] for state in states}
    for state in states:
        try:
            for key, graph in state.graphs():
                graphs.setdefault(key, {})[state.stack] = graph
        except EksAccessError as error:
            access[state.stack].append(ClusterAccess("", not_evaluated=str(error)))
    accounts = _Accounts()

    def drift(key: ClusterKey) -> ClusterAccess:
        own = graphs[key]
        others = shared.get((next(iter(own)), key.name), ())
        more = [state.graph(key.name) for state in others if state.stack not in own]
        return _drift(key, [*own.values(), *more], accounts, ignored)

    with ThreadPoolExecutor(CLUSTERS_AT_ONCE) as pool:
        for key, found in zip(graphs, pool.map(drift, graphs), strict=True):
            for stack in graphs[key]:
                access[stack].append(found)
    return {stack: StackPreview(stack, access=tuple(found)) for stack, found in access.items()}


def _drift(
    key: ClusterKey, states: Iterable[AccessGraph], accounts: _Accounts, ignored: Sequence[str]
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

    def open(self, key: ClusterKey) -> AccessGraph:
        """Return the graph of a living cluster. Raises `EksAccessError` or `NotReadError`."""
        graph = key.open()
        first = self._first.setdefault(graph.cluster.get().account, graph)
        return replace(
            graph,
            principals=first.principals,
            groups=first.groups,
            policies=first.policies,
            oidc_providers=first.oidc_providers,
        )
