"""Operations for access policies, which are Kubernetes permissions that EKS manages and associates with entries."""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult

from lab.cloud.eks import access_entry_rules, eks_versions, errors
from lab.cloud.eks.access_entries import AccessEntryOperations
from lab.cloud.eks.records import PolicyAssociationRecord, now


class AccessPolicyOperations(AccessEntryOperations):
    """ListAccessPolicies, and the operations that associate access policies with access entries."""

    def list_access_policies(self) -> ActionResult:
        policies = {
            name: {"name": name, "arn": eks_versions.access_policy_arn(name, self.partition)}
            for name in eks_versions.ACCESS_POLICIES
        }
        page, token = self.page(policies)
        return ActionResult({"accessPolicies": page, "nextToken": token})

    def associate_access_policy(self) -> ActionResult:
        policy_arn, scope = self.param("policyArn"), self.param("accessScope")
        namespaces = scope.get("namespaces", [])
        with self.store.lock:
            cluster = self.cluster_with_access_entries()
            entry = self.entry(cluster)
            access_entry_rules.check_policy(entry.type, policy_arn, self.partition)
            association = entry.policies.get(policy_arn)
            if association is None:
                association = PolicyAssociationRecord(policy_arn, scope["type"], list(namespaces))
                entry.policies[policy_arn] = association
            else:
                association.scope, association.namespaces = scope["type"], list(namespaces)
                association.modified_at = now()
            result = {
                "clusterName": cluster.key.name,
                "principalArn": entry.principal.arn,
                "associatedAccessPolicy": association.describe(),
            }
        self.store.publish(cluster)
        return ActionResult(result)

    def disassociate_access_policy(self) -> ActionResult:
        with self.store.lock:
            cluster = self.cluster_with_access_entries()
            if self.entry(cluster).policies.pop(self.param("policyArn"), None) is None:
                raise errors.ResourceNotFoundException(
                    f"The policy {self.param('policyArn')} is not associated with the access entry",
                    cluster=cluster.key.name,
                )
        self.store.publish(cluster)
        return EmptyResult()

    def list_associated_access_policies(self) -> ActionResult:
        with self.store.lock:
            cluster = self.cluster_with_access_entries()
            entry = self.entry(cluster)
            page, token = self.page({arn: policy.describe() for arn, policy in entry.policies.items()})
            return ActionResult(
                {
                    "clusterName": cluster.key.name,
                    "principalArn": entry.principal.arn,
                    "associatedAccessPolicies": page,
                    "nextToken": token,
                }
            )
