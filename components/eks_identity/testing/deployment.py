"""The resources that a program registers, and the access that they grant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from eks_identity.errors import MalformedDocumentError
from eks_identity.evaluation.rbac import Request
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.testing.cloud import Cloud
from eks_identity.testing.verdict import Answer, Verdict


@dataclass
class RegisteredResource:
    """A resource that the program registers."""

    type: str
    """Its type token, such as `aws:iam/role:Role`."""
    name: str
    """Its logical name."""
    inputs: dict[str, Any]
    """Its inputs, secrets decrypted."""
    request: Any
    """The registration that the engine receives, options included."""
    state: dict[str, Any] = field(default_factory=dict)
    """The state that the plugin returns. In an update it has ARN and name."""
    urn: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    """The outputs that a component registers, secrets decrypted."""
    registered_outputs: Any = None
    """The outputs that the engine receives, secrets marked."""

    @property
    def kind(self) -> str:
        """The last part of its type token: `Role`."""
        return self.type.rpartition(":")[2]


@dataclass
class Deployment:
    """The resources that a program registers, and its return value with resolved Outputs (None if unknown)."""

    resources: list[RegisteredResource]
    value: Any = None
    cloud: Cloud = field(default_factory=Cloud)

    def of(self, *types: str) -> list[RegisteredResource]:
        """Return the resources of these types, in the order of registration."""
        return [resource for resource in self.resources if resource.type in types]

    def one(self, type_: str) -> RegisteredResource:
        """Return the only resource of this type. Raises `ValueError` if there are none or several."""
        (resource,) = self.of(type_)
        return resource

    @property
    def names(self) -> list[tuple[str, str]]:
        """Type and logical name of each resource."""
        return [(resource.type, resource.name) for resource in self.resources]

    def cluster_of(self, resource: RegisteredResource) -> str | None:
        """Return the cluster of a Kubernetes object by its provider's kubeconfig, None if that has no cluster name."""
        provider = resource.request.provider.rpartition("::")[0]
        for candidate in self.resources:
            if candidate.urn and candidate.urn == provider:
                return cluster_in(candidate.inputs.get("kubeconfig"))
        return None

    def can(
        self,
        principal: str,
        verb: str,
        resource: str,
        namespace: str | None = None,
        api_group: str = "",
        *,
        name: str | None = None,
        cluster: str | None = None,
    ) -> Verdict:
        """Return whether an IAM principal is allowed a request to the Kubernetes API, and by which chain.

        The check reads the program's resources and the default ClusterRoles (`view`, `edit`, `admin`,
        `cluster-admin`). It does not read mappings and bindings that other programs create in the same cluster.

        Args:
            principal: The ARN of an IAM user or role, path included.
            verb: `get`, `list`, `create` …
            resource: The plural name, with its subresource (`pods/log`), or a path (`/healthz`).
            namespace: The namespace. None is a request for all namespaces.
            api_group: The API group, such as `apps`. The core group is `""`.
            name: The object's name, for rules with resource names.
            cluster: The cluster's name. Required if the program has several clusters.
        """
        from eks_identity.testing.cluster_access import verdict  # noqa: PLC0415 - that module imports this one

        return verdict(self, principal, Request(verb, resource, namespace, api_group, name), cluster)

    def assert_can(self, principal: str, verb: str, resource: str, *where: str | None, **how: Any) -> None:
        """Raise `AssertionError` with the broken link unless `can` returns yes."""
        self.can(principal, verb, resource, *where, **how).require(Answer.YES)  # type: ignore[arg-type]

    def assert_cannot(self, principal: str, verb: str, resource: str, *where: str | None, **how: Any) -> None:
        """Raise `AssertionError` with the chain unless `can` returns no."""
        self.can(principal, verb, resource, *where, **how).require(Answer.NO)  # type: ignore[arg-type]

    def pod_can(
        self,
        namespace: str,
        service_account: str,
        action: str,
        resource: str = "*",
        *,
        cluster: str | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Verdict:
        """Return whether pods of a service account are allowed an AWS action, and by which chain.

        The check evaluates trust policy, permissions policies and permissions boundary of the role. It does not
        evaluate resource policies, SCPs and session policies. The document of a managed policy that the program does
        not declare is unknown unless `Cloud(policies=…)` has it.

        Args:
            namespace: The service account's namespace.
            service_account: The service account's name.
            action: The action, such as `s3:GetObject`.
            resource: The ARN of the resource.
            cluster: The cluster's name. Required if the program has several clusters.
            context: Condition keys of the request: `{"aws:ResourceTag/team": "shop"}`.
        """
        from eks_identity.testing.workloads import verdict  # noqa: PLC0415 - see `can`

        return verdict(self, namespace, service_account, action, resource, cluster=cluster, context=context or {})

    def assert_pod_can(self, namespace: str, service_account: str, action: str, *on: str, **how: Any) -> None:
        """Raise `AssertionError` with the broken link unless `pod_can` returns yes."""
        self.pod_can(namespace, service_account, action, *on, **how).require(Answer.YES)

    def assert_pod_cannot(self, namespace: str, service_account: str, action: str, *on: str, **how: Any) -> None:
        """Raise `AssertionError` with the chain unless `pod_can` returns no."""
        self.pod_can(namespace, service_account, action, *on, **how).require(Answer.NO)


def cluster_in(kubeconfig: Any) -> str | None:
    """Return the cluster that the exec command of a kubeconfig gets its tokens for."""
    text = json.dumps(kubeconfig) if isinstance(kubeconfig, Mapping) else kubeconfig
    if not isinstance(text, str):
        return None
    try:
        users = kubeconfigs.loads(text).get("users") or []
    except MalformedDocumentError:
        return None
    for user in users:
        for flag, value in pairwise(((user.get("user") or {}).get("exec") or {}).get("args") or []):
            if flag in {"--cluster-name", "-i"}:
                return str(value)
    return None


def select_cluster(clusters: set[str | None], requested: str | None) -> str | None:
    """Return the cluster of a check. Raises `ValueError` if the program has several and none is requested."""
    named = {cluster for cluster in clusters if cluster is not None}
    if requested is None and len(named) > 1:
        raise ValueError(f"the program has several clusters; fix: pass cluster=, one of {', '.join(sorted(named))}")
    return requested or next(iter(named), None)


def is_in(cluster: str | None, resource_cluster: str | None) -> bool:
    """Return whether a resource belongs to `cluster`. A resource of an unknown cluster belongs to every cluster."""
    return cluster is None or resource_cluster is None or cluster == resource_cluster
