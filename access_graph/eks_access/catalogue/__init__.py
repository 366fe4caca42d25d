"""The kinds of findings. Ids are stable: a kind that is no longer found keeps its id."""

from __future__ import annotations

from types import ModuleType

from eks_access.catalogue import caller, changes, cluster_access, escalations, policies, services, workloads
from eks_access.findings import FindingKind


def _kinds(module: ModuleType) -> tuple[FindingKind, ...]:
    return tuple(value for value in vars(module).values() if isinstance(value, FindingKind))


CHAINS = {
    "Caller": _kinds(caller),
    "Cluster access": _kinds(cluster_access),
    "Workload identity": _kinds(workloads),
    "Services": _kinds(services),
    "Changes": _kinds(changes),
    "Escalations": _kinds(escalations),
    "Policies": policies.KINDS,
}
"""All kinds, by the chain that they belong to, in the order of its links."""
