"""Operations for Pod Identity associations, which associate a service account with an IAM role."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from lab.cloud.eks import errors, roles
from lab.cloud.eks.idempotency import idempotent
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.records import AssociationRecord, new_association_id, now
from lab.cloud.eks.store import ClusterRecord
from lab.cloud.policy import PolicyError, parse

SERVICE = "pods.eks.amazonaws.com"
"""The service principal in the role's trust policy, and the audience of the tokens."""


class PodIdentityOperations(Operations):
    """The create, describe, update, delete and list operations of PodIdentityAssociation."""

    @idempotent
    def create_pod_identity_association(self) -> ActionResult:
        namespace, service_account = self.param("namespace"), self.param("serviceAccount")
        role_arn, target_role_arn = self.param("roleArn"), self.param("targetRoleArn")
        disable_session_tags = bool(self.param("disableSessionTags"))
        self.check_pod_role(role_arn)
        check_target_role(target_role_arn)
        check_policy(self.param("policy"), disable_session_tags=disable_session_tags)
        with self.store.lock:
            cluster = self.ready_cluster()
            association = self.add_association(
                cluster, namespace, service_account, role_arn, tags=dict(self.param("tags", {}))
            )
            association.disable_session_tags = disable_session_tags
            association.target_role_arn = target_role_arn
            association.external_id = external_id(cluster, association)
            association.policy = self.param("policy")
            description = association.describe()
        self.store.publish(cluster)
        return ActionResult({"association": description})

    def describe_pod_identity_association(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"association": self._find_association(self.cluster()).describe()})

    @idempotent
    def update_pod_identity_association(self) -> ActionResult:
        """Update the members that the request has. An empty target role or policy is removed."""
        changes = self._read_changes()
        with self.store.lock:
            cluster = self.ready_cluster()
            association = self._require_unowned(cluster)
            tags_disabled = changes.get("disable_session_tags", association.disable_session_tags)
            check_policy(changes.get("policy", association.policy), disable_session_tags=tags_disabled)
            for name, value in changes.items():
                setattr(association, name, value)
            association.external_id = external_id(cluster, association)
            association.modified_at = now()
            description = association.describe()
        self.store.publish(cluster)
        return ActionResult({"association": description})

    def delete_pod_identity_association(self) -> ActionResult:
        with self.store.lock:
            cluster = self.ready_cluster()
            association = self._require_unowned(cluster)
            del cluster.associations[association.association_id]
            description = association.describe()
        self.store.publish(cluster)
        return ActionResult({"association": description})

    def list_pod_identity_associations(self) -> ActionResult:
        namespace, service_account = self.param("namespace"), self.param("serviceAccount")
        with self.store.lock:
            summaries = {
                association.association_id: association.summary()
                for association in self.cluster().associations.values()
                if namespace in {None, association.namespace} and service_account in {None, association.service_account}
            }
            page, token = self.page(summaries)
        return ActionResult({"associations": page, "nextToken": token})

    def check_pod_role(self, role_arn: str) -> None:
        """Reject a role that does not exist, is of another account, or does not trust EKS Pod Identity."""
        role = roles.find(role_arn)
        if role is None:
            raise errors.InvalidParameterException(f"Role provided in the request does not exist: {role_arn}")
        if role.account != self.current_account:
            raise errors.InvalidParameterException(
                f"Role provided in the request must belong to the cluster's account {self.current_account}. "
                "Specify a role of another account as targetRoleArn."
            )
        if not role.trusts(SERVICE, ("sts:AssumeRole", "sts:TagSession")):
            raise errors.InvalidParameterException("Trust policy of the role provided is invalid")

    def add_association(
        self,
        cluster: ClusterRecord,
        namespace: str,
        service_account: str,
        role_arn: str,
        *,
        tags: dict[str, str] | None = None,
        owner_arn: str | None = None,
    ) -> AssociationRecord:
        """Create an association in `cluster`. Call this with the store's lock held.

        Raises:
            ResourceInUseException: the service account in the namespace already has an association.
        """
        existing = cluster.association_of(namespace, service_account)
        if existing is not None:
            raise errors.ResourceInUseException(
                f"Association already exists: {existing.association_id}", cluster=cluster.key.name
            )
        association_id = new_association_id()
        association = AssociationRecord(
            cluster_name=cluster.key.name,
            arn=self.arn("podidentityassociation", cluster.key.name, association_id),
            association_id=association_id,
            namespace=namespace,
            service_account=service_account,
            role_arn=role_arn,
            tags=dict(tags or {}),
            owner_arn=owner_arn,
        )
        cluster.associations[association_id] = association
        return association

    def _read_changes(self) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        if role_arn := self.param("roleArn"):
            self.check_pod_role(role_arn)
            changes["role_arn"] = role_arn
        if (target_role_arn := self.param("targetRoleArn")) is not None:
            check_target_role(target_role_arn)
            changes["target_role_arn"] = target_role_arn or None
        if (disable := self.param("disableSessionTags")) is not None:
            changes["disable_session_tags"] = disable
        if (policy := self.param("policy")) is not None:
            changes["policy"] = policy or None
        return changes

    def _find_association(self, cluster: ClusterRecord) -> AssociationRecord:
        association_id = self.param("associationId")
        association = cluster.associations.get(association_id)
        if association is None:
            raise errors.ResourceNotFoundException(
                f"No association found with ID: {association_id}", cluster=cluster.key.name
            )
        return association

    def _require_unowned(self, cluster: ClusterRecord) -> AssociationRecord:
        association = self._find_association(cluster)
        if association.owner_arn is not None:
            raise errors.InvalidRequestException(
                f"Association {association.association_id} is owned by {association.owner_arn}. "
                "Change it through its add-on.",
                cluster=cluster.key.name,
            )
        return association


def check_target_role(target_role_arn: str | None) -> None:
    """Reject an ARN that is not a role's. EKS cannot look up a role of another account or its trust policy."""
    if target_role_arn and not roles.ROLE_ARN.fullmatch(target_role_arn):
        raise errors.InvalidParameterException(f"targetRoleArn is not the ARN of a role: {target_role_arn}")


def check_policy(policy: str | None, *, disable_session_tags: bool) -> None:
    """Reject a policy that is not an IAM policy, or is combined with session tags. STS packs both into one limit."""
    if not policy:
        return
    if not disable_session_tags:
        raise errors.InvalidParameterException("disableSessionTags must be true to specify a policy")
    try:
        parse(policy, name="policy")
    except (PolicyError, ValueError, RecursionError) as error:
        raise errors.InvalidParameterException(f"policy is not a valid IAM policy: {error}") from error


def external_id(cluster: ClusterRecord, association: AssociationRecord) -> str | None:
    """Return the external id with which EKS assumes the target role, or None without a target role."""
    if association.target_role_arn is None:
        return None
    key = cluster.key
    return f"{key.region}/{key.account}/{key.name}/{association.namespace}/{association.service_account}"
