"""Objects of Kubernetes in the graph: RBAC roles and bindings, service accounts, pods, nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from eks_access.graph.aws_objects import Unknown
from eks_access.graph.tables import NotRead
from eks_identity.evaluation.rbac import Binding as EvaluatedBinding
from eks_identity.evaluation.rbac import RoleKey
from eks_identity.evaluation.rbac import Subject as EvaluatedSubject
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.rbac import Rule
from eks_identity.model.subjects import Subject as ServiceAccountSubject

ObjectKey = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class RbacRole:
    """A Role or ClusterRole."""

    namespace: str | None
    """None for a ClusterRole."""
    name: str
    rules: tuple[Rule, ...] = ()
    """Of an aggregated ClusterRole: the rules that its controller wrote, or will write for a stack's resources."""
    aggregates: tuple[Mapping[str, str], ...] = ()
    """Labels of the ClusterRoles whose rules an aggregated ClusterRole takes; one selector each."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: tuple[str, ...] = ()
    """Keys of its annotations, except kubectl's copy of the object."""

    @property
    def key(self) -> RoleKey:
        return (self.namespace, self.name)

    def __str__(self) -> str:
        return f"ClusterRole {self.name}" if self.namespace is None else f"Role {self.namespace}/{self.name}"


@dataclass(frozen=True)
class BindingSubject:
    """A subject of a binding as written, whether or not it matches anybody."""

    kind: str
    """`User`, `Group` or `ServiceAccount`."""
    name: str
    namespace: str | None = None
    """Of a service account."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class RbacBinding:
    """A RoleBinding or ClusterRoleBinding."""

    namespace: str | None
    """None for a ClusterRoleBinding."""
    name: str
    role_kind: str
    """`Role` or `ClusterRole`."""
    role_name: str
    subjects: tuple[BindingSubject, ...] = ()
    labels: tuple[str, ...] = ()
    """Keys of its labels."""
    annotations: tuple[str, ...] = ()
    """Keys of its annotations, except kubectl's copy of the object."""

    @property
    def key(self) -> RoleKey:
        return (self.namespace, self.name)

    @property
    def role(self) -> RoleKey:
        """Key of the role that it refers to."""
        return (self.namespace if self.role_kind == "Role" else None, self.role_name)

    def evaluated(self) -> EvaluatedBinding:
        """Return the binding as RBAC evaluates it. A service account is a user."""
        return EvaluatedBinding(self.role, frozenset(map(self._evaluated_subject, self.subjects)))

    def _evaluated_subject(self, subject: BindingSubject) -> EvaluatedSubject:
        if subject.kind != "ServiceAccount":
            return EvaluatedSubject(subject.kind, subject.name)
        return EvaluatedSubject(
            "User", str(ServiceAccountSubject(subject.namespace or self.namespace or "", subject.name))
        )

    def __str__(self) -> str:
        kind = "ClusterRoleBinding" if self.namespace is None else "RoleBinding"
        return f"{kind} {self.name}" if self.namespace is None else f"{kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class AwsAuthConfigMap:
    """The ConfigMap kube-system/aws-auth."""

    data: Mapping[str, str] = field(default_factory=dict)
    resource_version: str = ""
    """Version of the ConfigMap that was read; commands that write it name the version. Empty if it does not exist."""
    gaps: NotRead | None = None
    """Why it may have more entries than `data`; None if these are all."""
    removed_arns: tuple[str, ...] = ()
    """ARNs whose entry a preview removes: with `gaps`, only these are known to have none."""
    unread: tuple[NotRead, ...] = ()
    """Entries that the source has and cannot add to `data`: their cluster, or a value of them, is not known."""
    unread_arns: tuple[str, ...] = ()
    """ARNs of these entries, as far as they are known."""

    def not_read(self, arn: str) -> NotRead | None:
        """Return why an entry of an ARN that `data` lacks may exist; None if it does not exist."""
        return None if arn.lower() in map(str.lower, self.removed_arns) else self.gaps

    @cached_property
    def document(self) -> AwsAuth:
        """The data as the authenticator reads it."""
        return AwsAuth.parse(self.data)


@dataclass(frozen=True)
class ServiceAccount:
    """A service account."""

    namespace: str
    name: str
    annotations: Mapping[str, str | Unknown] = field(default_factory=dict)
    """Annotations of EKS, and those that are meant to be."""
    labels: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    """Keys of its other annotations, and of fields that a service account seldom has, such as `imagePullSecrets`."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Container:
    """A container of a pod, with the environment variables that decide its AWS identity.

    Access keys are left out. `AWS_ACCESS_KEY_ID` has the value `set`: with it, SDKs use no other identity.
    """

    name: str
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pod:
    """A pod, as far as its AWS identity depends on it."""

    namespace: str
    name: str
    service_account: str = "default"
    created_at: datetime | None = None
    node: str = ""
    """Name of its node; empty before it is scheduled."""
    host_network: bool = False
    containers: tuple[Container, ...] = ()
    token_audiences: tuple[str, ...] = ()
    """Audiences of its projected service account tokens."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    """Kind and name of the workload that creates it, as in `deployment/app`; empty for a pod without one."""
    is_declared: bool = False
    """Whether it is a pod as a stack declares it: webhooks change it when Kubernetes creates it."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Node:
    """A node of the cluster; of a stack, the nodes of a node group or a Fargate profile that it declares."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    instance_id: str = ""
    """EC2 instance, from the provider id."""
    is_fargate: bool = False
    operating_system: str = "linux"
    role_arn: str | None = None
    """Role of its instance profile, or of a declared Fargate profile; None if it was not read."""
    metadata_hop_limit: int | None = None
    """Hop limit of its metadata service (IMDS): pods without host network reach it with 2 or more. None: not read."""
    instance_not_read: str = ""
    """Why role and hop limit were not read: `AccessDenied: ec2:DescribeInstances`."""
