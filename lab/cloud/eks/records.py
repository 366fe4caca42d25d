"""The mutable records of EKS resources. They are read and changed with the store's lock held.

`describe()` returns a record in the form of the API. `identity()` returns the immutable value of `lab.interfaces` for
the control plane, if it uses the resource.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lab.interfaces import AccessEntry, AssociatedAccessPolicy, IamPrincipal, PodIdentityAssociation

_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def now() -> datetime:
    return datetime.now(UTC)


def new_uuid() -> str:
    return str(uuid.uuid4())


def new_association_id() -> str:
    """Return a new id in EKS's form: `a-` and 17 lower-case letters and digits."""
    return "a-" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(17))


@dataclass
class PolicyAssociationRecord:
    """The association of an access policy with an access entry. `scope` is `cluster` or `namespace`."""

    policy_arn: str
    scope: str
    namespaces: list[str]
    associated_at: datetime = field(default_factory=now)
    modified_at: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        return {
            "policyArn": self.policy_arn,
            "accessScope": {"type": self.scope, "namespaces": list(self.namespaces)},
            "associatedAt": self.associated_at,
            "modifiedAt": self.modified_at,
        }


@dataclass
class AccessEntryRecord:
    """An access entry. `principal` has the unique id that the user or role had when the entry was created."""

    cluster_name: str
    arn: str
    principal: IamPrincipal
    username: str
    kubernetes_groups: list[str]
    type: str
    tags: dict[str, str]
    policies: dict[str, PolicyAssociationRecord] = field(default_factory=dict)
    created_at: datetime = field(default_factory=now)
    modified_at: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        return {
            "clusterName": self.cluster_name,
            "principalArn": self.principal.arn,
            "kubernetesGroups": list(self.kubernetes_groups),
            "accessEntryArn": self.arn,
            "createdAt": self.created_at,
            "modifiedAt": self.modified_at,
            "tags": dict(self.tags),
            "username": self.username,
            "type": self.type,
        }

    def identity(self) -> AccessEntry:
        return AccessEntry(
            principal=self.principal,
            username=self.username,
            kubernetes_groups=tuple(self.kubernetes_groups),
            type=self.type,
            policies=tuple(
                AssociatedAccessPolicy(policy.policy_arn, tuple(policy.namespaces)) for policy in self.policies.values()
            ),
        )


@dataclass
class AssociationRecord:
    """A Pod Identity association. `owner_arn` is the add-on that created it; only this add-on can change it."""

    cluster_name: str
    arn: str
    association_id: str
    namespace: str
    service_account: str
    role_arn: str
    tags: dict[str, str]
    owner_arn: str | None = None
    disable_session_tags: bool = False
    target_role_arn: str | None = None
    external_id: str | None = None
    policy: str | None = None
    created_at: datetime = field(default_factory=now)
    modified_at: datetime = field(default_factory=now)

    def summary(self) -> dict[str, Any]:
        return {
            "clusterName": self.cluster_name,
            "namespace": self.namespace,
            "serviceAccount": self.service_account,
            "associationArn": self.arn,
            "associationId": self.association_id,
            "ownerArn": self.owner_arn,
        }

    def describe(self) -> dict[str, Any]:
        return {
            **self.summary(),
            "roleArn": self.role_arn,
            "tags": dict(self.tags),
            "createdAt": self.created_at,
            "modifiedAt": self.modified_at,
            "disableSessionTags": self.disable_session_tags,
            "targetRoleArn": self.target_role_arn,
            "externalId": self.external_id,
            "policy": self.policy,
        }

    def identity(self) -> PodIdentityAssociation:
        return PodIdentityAssociation(
            association_id=self.association_id,
            namespace=self.namespace,
            service_account=self.service_account,
            role_arn=self.role_arn,
            target_role_arn=self.target_role_arn,
            disable_session_tags=self.disable_session_tags,
        )


@dataclass
class AddonRecord:
    """An add-on with its version, role and Pod Identity associations. The lab does not run its pods."""

    cluster_name: str
    name: str
    arn: str
    version: str
    namespace: str
    tags: dict[str, str]
    status: str = "CREATING"
    service_account_role_arn: str | None = None
    configuration_values: str | None = None
    association_arns: list[str] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    modified_at: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        return {
            "addonName": self.name,
            "clusterName": self.cluster_name,
            "status": self.status,
            "addonVersion": self.version,
            "health": {"issues": list(self.issues)},
            "addonArn": self.arn,
            "createdAt": self.created_at,
            "modifiedAt": self.modified_at,
            "serviceAccountRoleArn": self.service_account_role_arn,
            "tags": dict(self.tags),
            "publisher": "eks",
            "owner": "aws",
            "configurationValues": self.configuration_values,
            "podIdentityAssociations": list(self.association_arns),
            "namespaceConfig": {"namespace": self.namespace},
        }


@dataclass
class UpdateRecord:
    """An update of a cluster, a node group or an add-on. Its status is InProgress, then Successful or Failed."""

    id: str
    type: str
    params: list[dict[str, str]]
    status: str = "InProgress"
    errors: list[dict[str, Any]] = field(default_factory=list)
    nodegroup: str | None = None
    addon: str | None = None
    created_at: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": self.status,
            "type": self.type,
            "params": [dict(param) for param in self.params],
            "createdAt": self.created_at,
            "errors": [dict(error) for error in self.errors],
        }
