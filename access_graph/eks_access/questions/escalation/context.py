"""What techniques read of a graph: the permissions of actors, workloads and trusts, and the sets of actors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import Node
from eks_access.graph.tables import NotReadError
from eks_access.questions.escalation.actors import Actor, ActorKind, Edge, principal, service_account
from eks_access.questions.escalation.aws_permissions import AwsPermissions
from eks_access.questions.escalation.cluster_permissions import ClusterPermissions
from eks_access.questions.escalation.scopes import Scope, scope_words
from eks_access.questions.escalation.trusts import Trusts
from eks_access.questions.escalation.workload_roles import WorkloadRoles


class Context:
    """A graph as techniques read it. A changed graph shares what the change does not touch."""

    def __init__(self, graph: AccessGraph, base: Context | None = None) -> None:
        self.graph = graph
        self.base = base
        self.aws: AwsPermissions = AwsPermissions(graph, base.aws if base else None)
        self.sets: dict[str, list[Edge]] = base.sets if base else {}
        """The members of each set, which no cut changes."""

    @cached_property
    def cluster(self) -> ClusterPermissions | None:
        """Permissions in the cluster; None if bindings were not read."""
        base = self.base.cluster if self.base else None
        if self.base and _same(self.graph, self.base.graph):
            return base
        try:
            return ClusterPermissions(self.graph, base)
        except NotReadError:
            return None

    @cached_property
    def trusts(self) -> Trusts | None:
        """Trust policies; None if IAM was not read."""
        if self.base:
            return self.base.trusts
        try:
            return Trusts(self.graph)
        except NotReadError:
            return None

    @cached_property
    def workloads(self) -> WorkloadRoles | None:
        """Service accounts and pods, with their roles; None if IAM was not read."""
        if self.base:
            return self.base.workloads
        return None if self.trusts is None else WorkloadRoles(self.graph, self.trusts)

    def set_of(self, name: str, members: Callable[[], Iterable[Edge]]) -> Actor:
        """Return the set of a name, whose members are computed once."""
        if name not in self.sets:
            self.sets[name] = list(members())
        return Actor(ActorKind.SET, name)

    def accounts(self, scope: Scope) -> Actor:
        """Return the set of the service accounts of namespaces."""
        name = f"the service accounts of {scope_words(scope)}"
        keys = self.workloads.in_scope if self.workloads else lambda _: ()
        return self.set_of(name, lambda: (Edge(service_account(*key)) for key in keys(scope)))

    def running(self, scope: Scope) -> Actor:
        """Return the set of the service accounts of running pods in namespaces."""
        name = f"the service accounts of the running pods of {scope_words(scope)}"
        keys = self.workloads.running if self.workloads else lambda _: ()
        return self.set_of(name, lambda: (Edge(service_account(*key)) for key in keys(scope)))

    def nodes(self) -> list[Node]:
        """Return the nodes that are EC2 instances."""
        return [node for node in self.workloads.nodes.values() if not node.is_fargate] if self.workloads else []

    def all_nodes(self) -> Actor:
        """Return the set of the nodes."""
        return self.set_of("the nodes", lambda: (Edge(Actor(ActorKind.NODE, node.name)) for node in self.nodes()))

    def roles(self, name: str, arns: Iterable[tuple[str, tuple[str, ...]]]) -> Actor:
        """Return a set of roles or users, each with the conditions."""
        return self.set_of(name, lambda: (Edge(principal(arn), conditions=conditions) for arn, conditions in arns))


def _same(one: AccessGraph, other: AccessGraph) -> bool:
    parts = ("rbac_roles", "rbac_bindings", "entries", "aws_auth")
    return all(getattr(one, part) is getattr(other, part) for part in parts)
