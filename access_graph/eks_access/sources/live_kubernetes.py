"""The API server of a living cluster: RBAC, service accounts, pods, nodes and the ConfigMap aws-auth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import httpx2
from botocore.exceptions import BotoCoreError
from lightkube import Client
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.resources.apps_v1 import DaemonSet
from lightkube.resources.core_v1 import ConfigMap, Namespace, Node, Pod, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from eks_access.graph import kubernetes_objects as graph
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import NotReadError, Part, Table
from eks_access.sources import manifests
from eks_access.sources.live_connection import Connection, TokenRejectedError
from eks_access.sources.live_eks import AGENT, Instance, LiveEks
from eks_identity.evaluation.rbac import RoleKey

T = TypeVar("T")

PAGE = 500
"""Objects in one response of a listing."""
FAILURES = (TokenRejectedError, ApiError, httpx2.HTTPError, ConfigError, OSError, BotoCoreError)
"""Exceptions of a request to the API server."""
_FORBIDDEN, _NOT_FOUND = 403, 404
_SYSTEM = "kube-system"
_RESOURCES: Mapping[Any, str] = {
    ClusterRole: "clusterroles.rbac.authorization.k8s.io",
    ClusterRoleBinding: "clusterrolebindings.rbac.authorization.k8s.io",
    ConfigMap: "configmaps",
    DaemonSet: "daemonsets.apps",
    Namespace: "namespaces",
    Node: "nodes",
    Pod: "pods",
    Role: "roles.rbac.authorization.k8s.io",
    RoleBinding: "rolebindings.rbac.authorization.k8s.io",
    ServiceAccount: "serviceaccounts",
}


class LiveKubernetes:
    """The tables of Kubernetes."""

    def __init__(self, connection: Connection, eks: LiveEks) -> None:
        self._connection = connection
        self._eks = eks
        self.aws_auth = Part(self._read_aws_auth)
        self.rbac_roles = Table(self._list_roles, self._get_role)
        self.rbac_bindings = Table(self._list_bindings, self._get_binding)
        self.service_accounts = Table(self._list_service_accounts, self._get_service_account)
        self.pods = Table(self._list_pods, self._get_pod)
        self.nodes = Table(self._list_nodes, self._get_node)
        self.has_pod_identity_agent = Part(self._has_agent)

    def check(self) -> None:
        """Raise `NotReadError` if the API server cannot be reached, or does not accept the credentials."""
        try:
            self._get("API server", Namespace, _SYSTEM)
        except NotReadError as error:
            if not error.not_read.reason.startswith("Forbidden"):
                raise

    def _read_aws_auth(self) -> graph.AwsAuthConfigMap:
        found = self._get("ConfigMap kube-system/aws-auth", ConfigMap, "aws-auth", _SYSTEM)
        return graph.AwsAuthConfigMap() if found is None else manifests.aws_auth(found)

    def _list_roles(self) -> dict[RoleKey, graph.RbacRole]:
        roles = [*self._list(ClusterRole, manifests.rbac_role), *self._list(Role, manifests.rbac_role)]
        return {role.key: role for role in roles}

    def _get_role(self, key: RoleKey) -> graph.RbacRole | None:
        return _convert(manifests.rbac_role, self._get_rbac(key, ClusterRole, Role))

    def _list_bindings(self) -> dict[RoleKey, graph.RbacBinding]:
        convert = manifests.rbac_binding
        bindings = [*self._list(ClusterRoleBinding, convert), *self._list(RoleBinding, convert)]
        return {(binding.namespace, binding.name): binding for binding in bindings}

    def _get_binding(self, key: RoleKey) -> graph.RbacBinding | None:
        return _convert(manifests.rbac_binding, self._get_rbac(key, ClusterRoleBinding, RoleBinding))

    def _get_rbac(self, key: RoleKey, of_cluster: Any, of_namespace: Any) -> dict[str, Any] | None:
        namespace, name = key
        kind = of_cluster if namespace is None else of_namespace
        return self._get(
            f"{kind.__name__} {name if namespace is None else f'{namespace}/{name}'}", kind, name, namespace
        )

    def _list_service_accounts(self) -> dict[ObjectKey, graph.ServiceAccount]:
        accounts = self._list(ServiceAccount, manifests.service_account)
        return {(account.namespace, account.name): account for account in accounts}

    def _get_service_account(self, key: ObjectKey) -> graph.ServiceAccount | None:
        found = self._get(f"service account {'/'.join(key)}", ServiceAccount, key[1], key[0])
        return _convert(manifests.service_account, found)

    def _list_pods(self) -> dict[ObjectKey, graph.Pod]:
        return {(pod.namespace, pod.name): pod for pod in self._list(Pod, manifests.pod)}

    def _get_pod(self, key: ObjectKey) -> graph.Pod | None:
        return _convert(manifests.pod, self._get(f"pod {'/'.join(key)}", Pod, key[1], key[0]))

    def _list_nodes(self) -> dict[str, graph.Node]:
        return {node.name: node for node in self._with_instances(self._list(Node, manifests.node))}

    def _get_node(self, name: str) -> graph.Node | None:
        node = _convert(manifests.node, self._get(f"node {name}", Node, name))
        return None if node is None else self._with_instances([node])[0]

    def _with_instances(self, nodes: list[graph.Node]) -> list[graph.Node]:
        """Return the nodes with role and hop limit of their EC2 instances, where these can be read."""
        ids = [node.instance_id for node in nodes if node.instance_id]
        try:
            instances = self._eks.instances(ids) if ids else {}
            profiles = {instance.profile_arn for instance in instances.values() if instance.profile_arn}
            roles = {profile: self._eks.role_of_profile(profile) for profile in sorted(profiles)}
        except NotReadError as error:
            return [
                replace(node, instance_not_read=error.not_read.reason) if node.instance_id else node for node in nodes
            ]
        return [_with_instance(node, instances.get(node.instance_id), roles) for node in nodes]

    def _has_agent(self) -> bool:
        """Return whether the add-on, the DaemonSet or EKS Auto Mode runs the agent."""
        try:
            if self._eks.has_agent():
                return True
            failure = None
        except NotReadError as error:
            failure = error
        if self._get("Pod Identity Agent", DaemonSet, AGENT, _SYSTEM) is not None:
            return True
        if failure is not None:
            raise failure
        return False

    def _request(self, part: str, call: Callable[[Client], T]) -> T:
        try:
            return self._connection.request(call)
        except NotReadError as error:
            raise NotReadError(part, str(error)) from error

    def _list(self, kind: Any, convert: Callable[[dict[str, Any]], T]) -> list[T]:
        """Return all objects of a kind. They are converted one by one, because a manifest is large."""
        resource = _RESOURCES[kind]
        namespace = "*" if kind in (Role, RoleBinding, ServiceAccount, Pod) else None

        def read_pages(client: Client) -> list[T]:
            return [convert(found.to_dict()) for found in client.list(kind, namespace=namespace, chunk_size=PAGE)]

        try:
            return self._request(resource, read_pages)
        except FAILURES as error:
            raise NotReadError(resource.partition(".")[0], reason_of_failure(error, f"list {resource}")) from error

    def _get(self, part: str, kind: Any, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._request(
                part, lambda client: client.get(kind, name, namespace=namespace).to_dict()
            )
        except FAILURES as error:
            if isinstance(error, ApiError) and error.status.code == _NOT_FOUND:
                return None
            where = f" in namespace {namespace}" if namespace else ""
            raise NotReadError(part, reason_of_failure(error, f"get {_RESOURCES[kind]}{where}")) from error
        return found


def _convert(convert: Callable[[dict[str, Any]], T], manifest: dict[str, Any] | None) -> T | None:
    return None if manifest is None else convert(manifest)


def _with_instance(node: graph.Node, instance: Instance | None, roles: Mapping[str, str | None]) -> graph.Node:
    if instance is None:
        return replace(node, instance_not_read="EC2 has no such instance") if node.instance_id else node
    return replace(node, role_arn=roles.get(instance.profile_arn or ""), metadata_hop_limit=instance.hop_limit)


def reason_of_failure(error: Exception, request: str) -> str:
    """Return an error in one line, with verb and resource if RBAC denies the request."""
    if isinstance(error, TokenRejectedError):
        return f"Unauthorized: {error}"
    if not isinstance(error, ApiError):
        return f"{type(error).__name__}: {error}"
    if error.status.code == _FORBIDDEN:
        return f"Forbidden: {request}"
    return f"{error.status.code}: {error.status.message}"
