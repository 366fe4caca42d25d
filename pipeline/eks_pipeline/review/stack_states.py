"""The exported states of a fleet, and which of them declare access to the same cluster.

Stacks may name one cluster with different credentials, and clusters of several accounts by the same name. So the ARN
decides: that of the state, else that of the living cluster, read with the credentials of the stack.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import msgspec

from eks_access.errors import EksAccessError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.sources.pulumi.iam import GROUP, OIDC_PROVIDER, POLICY, ROLE, USER
from eks_access.sources.pulumi.resources import describe
from eks_access.sources.state import clusters_of_state, graph_of_state
from eks_pipeline.review.access import DECIDING

P = ParamSpec("P")
R = TypeVar("R")
Environment = tuple[tuple[str, str], ...]
"""Variables and their values, sorted."""

_IAM = "aws:iam/"
"""Types of resources whose access no cluster decides."""
_COMPARED = frozenset((ROLE, USER, GROUP, POLICY, OIDC_PROVIDER))
CLUSTERS_AT_ONCE = 8
"""Clusters that one process reads at the same time."""


@dataclass(frozen=True)
class ClusterKey:
    """A cluster as a state names it, and the AWS profile that reads it."""

    name: str
    region: str
    profile: str | None

    def open(self) -> AccessGraph:
        """Return the graph of the living cluster. Raises `EksAccessError` or `NotReadError`."""
        from eks_access.sources.live import open_live  # noqa: PLC0415 - imports boto3 and lightkube

        return open_live(self.name, region=self.region or None, profile=self.profile)


def open_account(state: StackState) -> AccessGraph:
    """Return the graph of the living account of a stack. Raises `EksAccessError`."""
    from eks_access.sources import live  # noqa: PLC0415 - imports boto3 and lightkube

    return live.open_account(region=state.region, profile=state.profile)


@dataclass(frozen=True)
class StackState:
    """The exported state of a stack, and what reads its clusters."""

    stack: str
    file: Path
    environment: Environment = ()
    profile: str | None = None
    """The AWS profile in the settings of the stack."""
    region: str | None = None
    """The region in the settings of the stack."""

    def iam(self, shared: Collection[str] = ()) -> tuple[AccessGraph, list[NotRead]] | None:
        """Return the graph of a state that names no cluster, and declares only IAM; None for other states.

        The list has the resources that neither the graph has, nor another stack with a user, role or group of the names
        `shared`. Raises `EksAccessError` for a state that cannot be compared.
        """
        export = self._export()
        deciding = _deciding(export)
        if not deciding or clusters_of_state(export) or any(not each["type"].startswith(_IAM) for each in deciding):
            return None
        graph = graph_of_state(export)
        names = {arn.rpartition("/")[2] for arn in graph.principals.all()} | graph.groups.all().keys()
        names |= set(shared)
        reason = "not compared: its role, user or group is in no state that was read"
        return graph, [NotRead(describe(each["urn"]), reason) for each in deciding if not _is_compared(each, names)]

    def graphs(self) -> Iterator[tuple[ClusterKey, AccessGraph]]:
        """Yield the graph of each cluster. Raises `EksAccessError` for a state that cannot be compared."""
        export = self._export()
        names = clusters_of_state(export)
        if not names and not all(each["type"].startswith(_IAM) for each in _deciding(export)):
            message = "the stack names no cluster, and declares what may decide access"
            raise EksAccessError(message, "declare the access to a cluster in the stack of the cluster's name")
        for name in names:
            graph = graph_of_state(export, name)
            yield ClusterKey(name, graph.cluster.get().region, self.profile), graph

    def graph(self, cluster: str) -> AccessGraph:
        """Return the graph of one cluster."""
        return graph_of_state(self._export(), cluster)

    def any_graph(self) -> AccessGraph:
        """Return the graph of the first cluster, or without one: all of them have the same IAM.

        Raises `EksAccessError` for a state that cannot be read.
        """
        export = self._export()
        return graph_of_state(export, next(iter(clusters_of_state(export)), None))

    def _export(self) -> dict[str, Any]:
        export: dict[str, Any] = msgspec.json.decode(self.file.read_bytes())
        return export


def _deciding(export: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the resources of a state that decide access. A component decides none: its children do."""
    resources = (export.get("deployment") or {}).get("resources") or []
    return [each for each in resources if each["type"].startswith(DECIDING) and each.get("custom", True)]


def _is_compared(resource: Mapping[str, Any], names: Collection[str]) -> bool:
    """Return whether the graph has a resource of IAM: by itself, or as a part of one of these principals and groups."""
    inputs = resource.get("inputs") or {}
    holders = [str(inputs[kind]).rpartition("/")[2] for kind in ("role", "user", "group") if inputs.get(kind)]
    return resource["type"] in _COMPARED or any(holder in names for holder in holders)


def run_in(environment: Environment, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    """Return the result of a function in a new process, which has these environment variables in addition."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _set_environment, (environment,)) as pool:
        return pool.submit(function, *arguments, **options).result()


def _set_environment(environment: Environment) -> None:
    os.environ.update(environment)


_Reader = tuple[Environment, ClusterKey]
"""A cluster, and the credentials that read it."""


@dataclass(frozen=True)
class SharedClusters:
    """The clusters that stacks with different credentials name."""

    states: Mapping[tuple[str, str], Sequence[StackState]] = field(default_factory=dict)
    """The states of all stacks of a cluster, by each of these stacks and the name of the cluster."""
    unread: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The stacks of which it is not known whether they are of a cluster of this name, because it cannot be read."""
    unusable: Sequence[str] = ()
    """The stacks whose state cannot be compared, so that it is not known to which clusters they declare access."""


def shared_clusters(states: Iterable[StackState], concurrency: int = 1) -> SharedClusters:
    """Return the clusters that stacks with different credentials name, each with the states of all its stacks."""
    stacks: dict[_Reader, dict[str, StackState]] = {}
    arns: dict[_Reader, str] = {}
    unusable: list[str] = []
    for state in states:
        try:
            for key, graph in state.graphs():
                reader = (state.environment, key)
                stacks.setdefault(reader, {})[state.stack] = state
                if isinstance(arn := graph.cluster.get().arn, str):
                    arns[reader] = arn
        except EksAccessError:  # the comparison reports it
            unusable.append(state.stack)
    readers_of_name = Counter(key.name for _, key in stacks)
    shared = [reader for reader in stacks if readers_of_name[reader[1].name] > 1]
    arns |= _living_arns((reader for reader in shared if reader not in arns), concurrency)
    by_arn: dict[str, dict[str, StackState]] = {}
    unread: dict[str, list[str]] = {}
    for reader in shared:
        if reader in arns:
            by_arn.setdefault(arns[reader], {}).update(stacks[reader])
        else:
            unread.setdefault(reader[1].name, []).extend(stacks[reader])
    return SharedClusters(
        {
            (stack, reader[1].name): tuple(by_arn[arns[reader]].values())
            for reader in shared
            if reader in arns
            for stack in stacks[reader]
        },
        unread,
        unusable,
    )


def _living_arns(readers: Iterable[_Reader], concurrency: int) -> dict[_Reader, str]:
    """Return the ARNs of the living clusters that can be read."""
    keys: dict[Environment, list[ClusterKey]] = {}
    for environment, key in readers:
        keys.setdefault(environment, []).append(key)
    with ThreadPoolExecutor(concurrency) as pool:
        found = pool.map(lambda item: run_in(item[0], read_arns, item[1]), keys.items())
        return {
            (environment, key): arn
            for (environment, own), own_arns in zip(keys.items(), found, strict=True)
            for key, arn in zip(own, own_arns, strict=True)
            if arn is not None
        }


def read_arns(keys: Sequence[ClusterKey]) -> list[str | None]:
    """Return the ARN of each living cluster, read with the credentials of this process; None if it cannot be read."""

    def read(key: ClusterKey) -> str | None:
        try:
            arn = key.open().cluster.get().arn
        except (EksAccessError, NotReadError):
            return None
        return arn if isinstance(arn, str) else None

    with ThreadPoolExecutor(CLUSTERS_AT_ONCE) as pool:
        return list(pool.map(read, keys))
