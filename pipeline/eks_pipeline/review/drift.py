"""The drift of a fleet: the states of its stacks compared with the living clusters and accounts. It only reads.

Stacks with the same environment variables are compared in one process, which has these variables and reads the IAM of
each account once. A cluster is compared with the states of all stacks of the fleet that declare access to it: once for
each of the credentials that they read it with. A stack that names no cluster, and declares only IAM, is compared with
the account. A user, role or group to which several stacks of the fleet add policies is compared with all of these.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from eks_access.errors import EksAccessError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions.drift.cross_stack_policies import CrossStackPolicies
from eks_access.questions.drift.find_drift import Drift, find_drift
from eks_access.questions.drift.find_iam_drift import find_iam_drift
from eks_access.questions.drift.unmanaged import is_policy_of
from eks_pipeline.review.cross_stack import CrossStack, cross_stack_policies
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

_Find = Callable[[Sequence[str], Sequence[CrossStackPolicies]], Drift]
"""Finds the drift of stacks with the patterns of what is ignored, and the policies that other stacks declare, too."""


@dataclass(frozen=True)
class FleetStates:
    """The exported states of a fleet."""

    states: Sequence[StackState]
    left_out: Collection[str] = ()
    """Stacks that are not compared. What they declare is in a state."""
    missing: Sequence[str] = ()
    """Stacks whose state could not be exported. They may declare access to any cluster, and policies of any role."""
    has_fleet_file: bool = True
    """Whether a fleet file names the stacks. Without one, there may be others."""


def drift_of_fleet(fleet: FleetStates, ignored: Sequence[str] = (), concurrency: int = 1) -> dict[str, StackPreview]:
    """Return the drift of each stack. `ignored` are patterns of access in no state that is not reported.

    `concurrency` is the number of environments that are compared at the same time.
    """
    groups: dict[Environment, list[StackState]] = {}
    for state in fleet.states:
        groups.setdefault(state.environment, []).append(state)
    shared, cross = shared_clusters(fleet.states, concurrency), cross_stack_policies(fleet.states)
    compared = [
        (environment, Comparison(members, fleet.left_out, shared, cross, fleet.missing, ignored, fleet.has_fleet_file))
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
    cross: CrossStack = field(default_factory=CrossStack)
    """Policies that stacks add to users, roles and groups of other ones."""
    missing: Sequence[str] = ()
    ignored: Sequence[str] = ()
    has_fleet_file: bool = True

    def decided(self, stacks: Collection[str], missing: Sequence[str], find: _Find) -> Drift:
        """Return what `find` finds for some stacks. What the state of another stack may declare is not evaluated."""
        shared = self.cross.of(stacks)

        def reason(name: str) -> str:
            if missing:
                return f"the state of {some(list(missing))} was not compared, and may declare it"
            unsure = [each.added_in for each in shared if each.may_declare(name)]
            return f"the state of {some(unsure)} may declare it, but lacks its account or its ARN" if unsure else ""

        found = find(self.ignored, shared)
        undecided = {each.object: why for each in found.unmanaged if (why := reason(each.object))}
        if undecided:
            found = find([*self.ignored, *map(glob.escape, undecided)], shared)
        parts = [NotRead(f"whether {name} is in a state", why) for name, why in undecided.items()]
        if not self.has_fleet_file:
            outside = "no fleet file (--fleet) names the other stacks, and one of them may declare it"
            policies = (each.object for each in found.unmanaged if is_policy_of(each.object))
            parts += (NotRead(f"whether {name} is in the state of another stack", outside) for name in policies)
        return _with_not_evaluated(found, parts)


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
            iam = state.iam(comparison.cross.names_of(state.stack)) if state.stack in access else None
        except EksAccessError as error:
            access.get(state.stack, []).append(ClusterAccess("", not_evaluated=str(error)))
            continue
        if iam is not None:
            access[state.stack].append(_iam_drift(state, *iam, comparison))
    accounts = _Accounts()
    clusters = [key for key, own in graphs.items() if not access.keys().isdisjoint(own)]

    def drift(key: ClusterKey) -> ClusterAccess:
        own = graphs[key]
        others = comparison.shared.states.get((next(iter(own)), key.name), ())
        more = [state.graph(key.name) for state in others if state.stack not in own]
        unread = [stack for stack in comparison.shared.unread.get(key.name, ()) if stack not in own]
        missing = [*comparison.missing, *comparison.shared.unusable, *unread]
        stacks = {*own, *(state.stack for state in others)}

        def drift_of_cluster() -> Drift:
            live, today = accounts.open(key), datetime.now(UTC).date()

            def find(ignored: Sequence[str], shared: Sequence[CrossStackPolicies]) -> Drift:
                return find_drift([*own.values(), *more], live, today=today, ignored=ignored, shared=shared)

            return comparison.decided(stacks, missing, find)

        return _access(key.name, drift_of_cluster)

    with ThreadPoolExecutor(CLUSTERS_AT_ONCE) as pool:
        for key, found in zip(clusters, pool.map(drift, clusters), strict=True):
            for stack in graphs[key].keys() & access.keys():
                access[stack].append(found)
    return {stack: StackPreview(stack, access=tuple(found)) for stack, found in access.items()}


def _iam_drift(
    state: StackState, graph: AccessGraph, not_compared: Sequence[NotRead], comparison: Comparison
) -> ClusterAccess:
    missing = [*comparison.missing, *comparison.cross.unread]

    def drift() -> Drift:
        live = open_account(state)

        def find(ignored: Sequence[str], shared: Sequence[CrossStackPolicies]) -> Drift:
            return find_iam_drift(graph, live, ignored=ignored, shared=shared)

        return _with_not_evaluated(comparison.decided([state.stack], missing, find), not_compared)

    return _access("", drift)


def _with_not_evaluated(drift: Drift, parts: Sequence[NotRead]) -> Drift:
    not_evaluated = (*drift.difference.not_evaluated, *parts)
    return replace(drift, difference=replace(drift.difference, not_evaluated=not_evaluated))


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
