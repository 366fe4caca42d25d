"""The drift of a fleet: the states of its stacks compared with the living clusters and accounts. It only reads.

Stacks with the same environment variables are compared in one process, which has these variables and reads the IAM of
each account once. A cluster is compared with the states of all stacks of the fleet that declare access to it: once for
each of the credentials that they read it with. A stack that names no cluster, and declares only IAM, is compared with
the account.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from eks_access.errors import EksAccessError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions.drift.find_drift import Drift, find_drift
from eks_access.questions.drift.find_iam_drift import find_iam_drift
from eks_pipeline.review.sentences import some
from eks_pipeline.review.stack_preview import ClusterAccess, StackPreview
from eks_pipeline.review.stack_states import (
    CLUSTERS_AT_ONCE,
    ClusterKey,
    Environment,
    SharedClusters,
    StackState,
    open_account,
    run_in,
    shared_clusters,
)


@dataclass(frozen=True)
class FleetStates:
    """The exported states of a fleet."""

    states: Sequence[StackState]
    left_out: Collection[str] = ()
    """Stacks that are not compared. What they declare is in a state."""
    missing: Sequence[str] = ()
    """Stacks whose state could not be exported. They may declare access to any cluster."""


def drift_of_fleet(fleet: FleetStates, ignored: Sequence[str] = (), concurrency: int = 1) -> dict[str, StackPreview]:
    """Return the drift of each stack. `ignored` are patterns of access in no state that is not reported.

    `concurrency` is the number of environments that are compared at the same time.
    """
    groups: dict[Environment, list[StackState]] = {}
    for state in fleet.states:
        groups.setdefault(state.environment, []).append(state)
    shared = shared_clusters(fleet.states, concurrency)
    compared = [
        (environment, Comparison(members, fleet.left_out, shared, fleet.missing, ignored))
        for environment, members in groups.items()
        if any(state.stack not in fleet.left_out for state in members)
    ]
    found: dict[str, StackPreview] = {}
    with ThreadPoolExecutor(concurrency) as pool:
        for drift in pool.map(lambda item: run_in(item[0], compare, item[1]), compared):
            found |= drift
    return {state.stack: found[state.stack] for state in fleet.states if state.stack in found}


@dataclass(frozen=True)
class Comparison:
    """The stacks that one process compares, with its credentials."""

    states: Sequence[StackState]
    left_out: Collection[str] = ()
    shared: SharedClusters = field(default_factory=SharedClusters)
    """The states, also of other credentials, of clusters that several credentials read."""
    missing: Sequence[str] = ()
    ignored: Sequence[str] = ()


def compare(comparison: Comparison) -> dict[str, StackPreview]:
    """Return the drift of stacks with the credentials of this process."""
    graphs: dict[ClusterKey, dict[str, AccessGraph]] = {}
    access: dict[str, list[ClusterAccess]] = {
        state.stack: [] for state in comparison.states if state.stack not in comparison.left_out
    }
    for state in comparison.states:
        try:
            for key, graph in state.graphs():
                graphs.setdefault(key, {})[state.stack] = graph
            iam = state.iam() if state.stack in access else None
        except EksAccessError as error:
            access.get(state.stack, []).append(ClusterAccess("", not_evaluated=str(error)))
            continue
        if iam is not None:
            access[state.stack].append(_iam_drift(state, *iam, comparison.ignored))
    accounts = _Accounts()
    clusters = [key for key, own in graphs.items() if not access.keys().isdisjoint(own)]

    def drift(key: ClusterKey) -> ClusterAccess:
        own = graphs[key]
        others = comparison.shared.states.get((next(iter(own)), key.name), ())
        more = [state.graph(key.name) for state in others if state.stack not in own]
        unread = [stack for stack in comparison.shared.unread.get(key.name, ()) if stack not in own]
        missing = [*comparison.missing, *comparison.shared.unusable, *unread]
        return _drift(key, [*own.values(), *more], accounts, missing, comparison.ignored)

    with ThreadPoolExecutor(CLUSTERS_AT_ONCE) as pool:
        for key, found in zip(clusters, pool.map(drift, clusters), strict=True):
            for stack in graphs[key].keys() & access.keys():
                access[stack].append(found)
    return {stack: StackPreview(stack, access=tuple(found)) for stack, found in access.items()}


def _drift(
    key: ClusterKey, states: Sequence[AccessGraph], accounts: _Accounts, missing: Sequence[str], ignored: Sequence[str]
) -> ClusterAccess:
    def find() -> Drift:
        live, today = accounts.open(key), datetime.now(UTC).date()
        found = find_drift(states, live, today=today, ignored=ignored)
        if not missing or not found.unmanaged:
            return found
        reason = f"the state of {some(list(missing))} was not compared, and may declare it"
        undecided = [NotRead(f"whether {each.object} is in a state", reason) for each in found.unmanaged]
        decided = find_drift(states, live, today=today, ignored=["*"])
        not_evaluated = (*decided.difference.not_evaluated, *undecided)
        return replace(decided, difference=replace(decided.difference, not_evaluated=not_evaluated))

    return _access(key.name, find)


def _iam_drift(
    state: StackState, graph: AccessGraph, not_compared: Sequence[NotRead], ignored: Iterable[str]
) -> ClusterAccess:
    def find() -> Drift:
        found = find_iam_drift(graph, open_account(state), ignored=ignored)
        not_evaluated = (*found.difference.not_evaluated, *not_compared)
        return replace(found, difference=replace(found.difference, not_evaluated=not_evaluated))

    return _access("", find)


def _access(cluster: str, find: Callable[[], Drift]) -> ClusterAccess:
    try:
        found = find()
    except (EksAccessError, NotReadError) as error:
        return ClusterAccess(cluster, not_evaluated=str(error))
    return ClusterAccess(
        cluster, found.difference, unmanaged=found.unmanaged, expired=found.expired, restored=found.restored
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
