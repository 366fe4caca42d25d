"""Operations for access entries, which map IAM principals to Kubernetes usernames and groups."""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult

from lab.cloud import identity
from lab.cloud.eks import access_entry_rules, errors
from lab.cloud.eks.idempotency import idempotent
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.records import AccessEntryRecord, now
from lab.cloud.eks.store import ClusterRecord
from lab.interfaces import AuthenticationMode


class AccessEntryOperations(Operations):
    """CreateAccessEntry, DescribeAccessEntry, UpdateAccessEntry, DeleteAccessEntry and ListAccessEntries."""

    @idempotent
    def create_access_entry(self) -> ActionResult:
        arn, entry_type = self.param("principalArn"), self.param("type") or access_entry_rules.STANDARD
        username, groups = self.param("username"), self.param("kubernetesGroups", [])
        with self.store.lock:
            self.cluster_with_access_entries()
        access_entry_rules.check_type(entry_type, arn, self.current_account)
        access_entry_rules.check_standard_members(entry_type, username, groups)
        principal = identity.find_principal(arn)
        if principal is None:
            raise errors.InvalidParameterException("The specified principalArn is invalid: invalid principal.")
        with self.store.lock:
            cluster = self.cluster_with_access_entries()
            if arn in cluster.access_entries:
                raise errors.ResourceInUseException(
                    "The specified access entry resource is already in use on this cluster.", cluster=cluster.key.name
                )
            entry = access_entry_rules.create_entry(
                cluster, principal, entry_type=entry_type, username=username, groups=groups, tags=self.param("tags")
            )
            description = entry.describe()
        self.store.publish(cluster)
        return ActionResult({"accessEntry": description})

    def describe_access_entry(self) -> ActionResult:
        with self.store.lock:
            return ActionResult({"accessEntry": self.entry(self.cluster_with_access_entries()).describe()})

    @idempotent
    def update_access_entry(self) -> ActionResult:
        username, groups = self.param("username"), self.param("kubernetesGroups")
        with self.store.lock:
            cluster = self.cluster_with_access_entries()
            entry = self.entry(cluster)
            access_entry_rules.check_standard_members(entry.type, username, groups)
            if username is not None:
                entry.username = username
            if groups is not None:
                entry.kubernetes_groups = list(groups)
            entry.modified_at = now()
            description = entry.describe()
        self.store.publish(cluster)
        return ActionResult({"accessEntry": description})

    def delete_access_entry(self) -> ActionResult:
        with self.store.lock:
            cluster = self.cluster_with_access_entries()
            del cluster.access_entries[self.entry(cluster).principal.arn]
        self.store.publish(cluster)
        return EmptyResult()

    def list_access_entries(self) -> ActionResult:
        policy = self.param("associatedPolicyArn")
        with self.store.lock:
            arns = {
                arn: arn
                for arn, entry in self.cluster_with_access_entries().access_entries.items()
                if policy is None or policy in entry.policies
            }
            page, token = self.page(arns)
        return ActionResult({"accessEntries": page, "nextToken": token})

    def cluster_with_access_entries(self) -> ClusterRecord:
        """Return the request's cluster, which must be running in an authentication mode with access entries."""
        cluster = self.ready_cluster()
        if cluster.authentication_mode is AuthenticationMode.CONFIG_MAP:
            raise errors.InvalidRequestException(
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] "
                "to perform this operation.",
                cluster=cluster.key.name,
            )
        return cluster

    def entry(self, cluster: ClusterRecord) -> AccessEntryRecord:
        entry = cluster.access_entries.get(self.param("principalArn"))
        if entry is None:
            raise errors.ResourceNotFoundException(
                "The specified principalArn could not be found. "
                "You can view your available access entries with 'list-access-entries'.",
                cluster=cluster.key.name,
            )
        return entry
