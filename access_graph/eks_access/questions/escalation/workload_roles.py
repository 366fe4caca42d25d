"""Service accounts, with what their pods have: a role in AWS, a node. And the pods that run now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from eks_access.graph import AccessGraph
from eks_access.graph.kubernetes_objects import Node, ObjectKey, Pod, ServiceAccount
from eks_access.graph.tables import NotReadError
from eks_access.questions.chain import read_or
from eks_access.questions.escalation.actors import Edge, principal
from eks_access.questions.escalation.scopes import Scope, in_scope
from eks_access.questions.escalation.trusts import Trusts, possible_conditions
from eks_access.questions.workloads import sts_calls
from eks_access.questions.workloads.accounts import find_identity
from eks_access.questions.workloads.workload import Identity, Method, Workload, is_role
from eks_identity.evaluation.iam import Policies, evaluate
from eks_identity.model.arns import account_of
from eks_identity.model.subjects import Subject

_IMDS_HOPS = 2


class WorkloadRoles:
    """The service accounts, pods and nodes of a cluster. A part that was not read is empty; the graph lists it."""

    def __init__(self, graph: AccessGraph, trusts: Trusts) -> None:
        self.graph = graph
        self.trusts = trusts
        self.not_evaluated: list[str] = []
        self.accounts: list[ObjectKey] = list(read_or(graph.service_accounts.all, dict[ObjectKey, ServiceAccount]()))
        self.pods: list[Pod] = list(read_or(graph.pods.all, dict[ObjectKey, Pod]()).values())
        self.nodes: dict[str, Node] = dict(read_or(graph.nodes.all, dict[str, Node]()))
        self._by_namespace: dict[str, list[ObjectKey]] = {}
        for key in self.accounts:
            self._by_namespace.setdefault(key[0], []).append(key)
        self._running: dict[str, dict[ObjectKey, None]] = {}
        self._on_node: dict[str, dict[ObjectKey, None]] = {}
        for pod in self.pods:
            key = (pod.namespace, pod.service_account)
            self._running.setdefault(pod.namespace, {})[key] = None
            self._on_node.setdefault(pod.node, {})[key] = None
        self._trusted: dict[tuple[str, ObjectKey | None], tuple[str, ...] | None] = {}
        self._roles: dict[ObjectKey, list[Edge]] = {}

    def in_scope(self, scope: Scope) -> Iterator[ObjectKey]:
        """Yield the service accounts of namespaces."""
        return (key for name in _namespaces(self._by_namespace, scope) for key in self._by_namespace[name])

    def namespaces(self, scope: Scope) -> Iterable[str]:
        """Return the namespaces that have a service account."""
        return _namespaces(self._by_namespace, scope)

    def running(self, scope: Scope) -> Iterable[ObjectKey]:
        """Return the service accounts of running pods in namespaces."""
        return (key for name in _namespaces(self._running, scope) for key in self._running[name])

    def on_node(self, name: str) -> Iterable[ObjectKey]:
        """Return the service accounts of the pods on a node."""
        return self._on_node.get(name, ())

    def node_role(self, node: Node) -> str | None:
        """Return the role of a node, which pods on it can reach; None for Fargate, or if it was not read."""
        if node.is_fargate:
            return None
        if node.role_arn is None and node.instance_not_read:
            self.not_evaluated.append(f"role of node {node.name}: {node.instance_not_read}")
        return node.role_arn

    @staticmethod
    def is_metadata_reachable(node: Node) -> bool:
        """Return whether pods without host network reach the metadata service of a node."""
        return node.metadata_hop_limit is not None and node.metadata_hop_limit >= _IMDS_HOPS

    def roles(self, key: ObjectKey) -> list[Edge]:
        """Return the roles that the pods of a service account have."""
        if key not in self._roles:
            try:
                self._roles[key] = list(self._find_roles(Workload(self.graph, *key)))
            except NotReadError as error:
                self.not_evaluated.append(f"role of service account {'/'.join(key)}: {error}")
                self._roles[key] = []
        return self._roles[key]

    def _find_roles(self, workload: Workload) -> Iterator[Edge]:
        identity = find_identity(workload)
        if identity is None or not is_role(identity.role_arn):
            return
        trust = self.trusts.policies.get(identity.role_arn)
        if trust is None:
            return
        conditions = self._conditions(workload, identity)
        if conditions is None:
            return
        yield Edge(principal(identity.role_arn), words=f"has this role by {identity.method}", conditions=conditions)
        target = identity.target_role_arn
        if target is not None and target in self.trusts.policies:
            decision = sts_calls.target_call(workload, identity, target).evaluate(
                self.trusts.roles[target].trust_policy  # type: ignore[arg-type]  # parsed: it is a document
            )
            more = possible_conditions(decision)
            if more is not None:
                words = "has this target role by Pod Identity"
                yield Edge(principal(target), words=words, conditions=tuple(dict.fromkeys((*conditions, *more))))

    def _conditions(self, workload: Workload, identity: Identity) -> tuple[str, ...] | None:
        if identity.method is Method.IRSA:
            arn = workload.issuer.provider_arn(workload.partition, account_of(identity.role_arn))
            if read_or(lambda: self.graph.oidc_providers.get(arn), arn) is None:
                return None
        return self._decide(sts_calls.first_call(workload, identity))

    def trusts_subject(self, role_arn: str, namespace: str, name: str) -> tuple[str, ...] | None:
        """Return the conditions under which a role trusts a service account by IRSA; None if it does not.

        A trust policy without patterns decides alike on all service accounts that it does not name.
        """
        words = self.trusts.names_in(role_arn)
        is_named = words is None or {namespace, name} <= words
        key = (role_arn, (namespace, name) if is_named else None)
        if key not in self._trusted:
            self._trusted[key] = self._trusts_subject(role_arn, namespace, name)
        return self._trusted[key]

    def _trusts_subject(self, role_arn: str, namespace: str, name: str) -> tuple[str, ...] | None:
        workload = Workload(self.graph, namespace, name)
        identity = Identity(Method.IRSA, role_arn)
        audience = workload.partition.sts_audience
        call = sts_calls.irsa_call(workload, identity, subject=Subject(namespace, name), audience=audience)
        return self._decide(call)

    def _decide(self, call: sts_calls.StsCall) -> tuple[str, ...] | None:
        policies = Policies(resource=self.trusts.policies[call.role_arn], is_resource_policy_required=True)
        conditions: list[str] = []
        for action in call.actions:
            possible = possible_conditions(evaluate(call.request(action), policies))
            if possible is None:
                return None
            conditions += possible
        return tuple(dict.fromkeys(conditions))


def _namespaces(existing: Mapping[str, object], scope: Scope) -> Iterable[str]:
    """Return the existing namespaces of a scope."""
    if scope and not any("*" in name for name in scope):
        return (name for name in scope if name in existing)
    return (name for name in existing if in_scope(scope, name))
