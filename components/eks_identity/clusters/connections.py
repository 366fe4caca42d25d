"""Checks the connection of a cluster, once: a thousand components may have been given the same one."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pulumi

from eks_identity.clusters.cluster import ClusterConnection
from eks_identity.errors import Problem, Problems
from eks_identity.inputs import Inputs, is_plain
from eks_identity.model import connections
from eks_identity.model.partitions import AWS, PARTITIONS, Partition

PARTITION = "partition"
_CHECKED = "_eks_identity_checked"


def require(inputs: Inputs, cluster: ClusterConnection) -> pulumi.Input[Partition]:
    """The cluster's partition. Plain values are refused with the component's own, each Output once in a program."""
    given: Mapping[str, Any] = cluster
    plain = {field: value for field, value in given.items() if is_plain(value)}
    inputs.require(*(problem.under("cluster") for problem in _problems(tuple(plain.items()))))
    late = {field: value for field, value in given.items() if field not in plain and _is_new(value)}
    for field, value in late.items():
        if field != PARTITION:
            inputs.later(value, connections.CHECKS[field], f"cluster.{field}")
    if not late.keys().isdisjoint(connections.IN_THE_ARN):
        together = {field: given[field] for field in connections.IN_THE_ARN}
        inputs.later(together, connections.require_one_cluster, "cluster")
    return inputs.take(f"cluster.{PARTITION}", given[PARTITION], connections.CHECKS[PARTITION])


@lru_cache(maxsize=64)
def _problems(plain: tuple[tuple[str, str], ...]) -> tuple[Problem, ...]:
    """What is wrong with these values of a connection, but for the partition's own."""
    problems = Problems()
    for field, value in plain:
        if field != PARTITION:
            problems.take(field, connections.CHECKS[field], value)
    known = {field: value for field, value in plain if field in connections.IN_THE_ARN}
    if not problems.found and "arn" in known and known.get(PARTITION, AWS.name) in PARTITIONS:
        problems.take("", connections.require_one_cluster, known)
    return tuple(problems.found)


def _is_new(value: Any) -> bool:
    """Whether this very Output was not checked before."""
    if not isinstance(value, pulumi.Output):
        return True
    own = vars(value)
    seen = own.setdefault(_CHECKED, False)
    own[_CHECKED] = True
    return not seen
