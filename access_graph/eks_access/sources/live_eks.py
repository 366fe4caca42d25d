"""EKS and EC2 of a living cluster: the cluster, access entries, Pod Identity associations, the agent and instances.

EKS lists only names and ids of access entries and associations, so each is described by requests of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eks_access.graph.aws_objects import Cluster, PodIdentityAssociation
from eks_access.graph.kubernetes_objects import ObjectKey
from eks_access.graph.tables import NotReadError, Part, Table
from eks_access.sources.live_accounts import Accounts, each
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Arn
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry

AGENT = "eks-pod-identity-agent"
_MAX_FILTER_VALUES = 200
"""Values of one filter of DescribeInstances."""
_INVALID_ARN = ("InvalidParameterException",)
"""EKS rejects an ARN that no access entry can have."""


@dataclass(frozen=True)
class Instance:
    """An EC2 instance of a node."""

    profile_arn: str | None
    hop_limit: int | None


class NoSuchClusterError(NotReadError):
    """EKS has no cluster of this name in the region and account."""


class LiveEks:
    """The tables of EKS."""

    def __init__(self, accounts: Accounts, name: str) -> None:
        self._accounts = accounts
        self._eks = accounts.api("eks")
        self._name = name
        self.description = Part(self._describe_cluster)
        """The response of DescribeCluster."""
        self.cluster = Part(self._read_cluster)
        self._entry_arns = Part(self._list_entry_arns)
        self.entries = Table(self._list_entries, self._get_entry, keys=self._entry_arns.get)
        self.associations = Table(self._list_associations, self._get_association)

    def _describe_cluster(self) -> Mapping[str, Any]:
        part = f"cluster {self._name}"
        response = self._eks.call(part, "describe_cluster", name=self._name)
        if response is None:
            account = self._accounts.cluster_account
            raise NoSuchClusterError(part, f"it does not exist in {self._accounts.region} of account {account}")
        cluster: Mapping[str, Any] = response["cluster"]
        return cluster

    def _read_cluster(self) -> Cluster:
        cluster = self.description.get()
        network = cluster.get("resourcesVpcConfig") or {}
        encrypted = [kind for each in cluster.get("encryptionConfig") or () for kind in each.get("resources") or ()]
        return Cluster(
            name=cluster["name"],
            arn=cluster["arn"],
            region=self._accounts.region,
            account=Arn.parse(cluster["arn"]).account,
            # Clusters that are older than access entries have no access config, and read only the ConfigMap.
            authentication_mode=(cluster.get("accessConfig") or {}).get("authenticationMode", "CONFIG_MAP"),
            issuer=((cluster.get("identity") or {}).get("oidc") or {}).get("issuer", ""),
            endpoint=cluster.get("endpoint", ""),
            has_public_endpoint=network.get("endpointPublicAccess"),
            public_access_cidrs=tuple(network.get("publicAccessCidrs") or ()),
            encrypts_secrets="secrets" in encrypted,
            certificate_authority=(cluster.get("certificateAuthority") or {}).get("data", ""),
            created_at=cluster.get("createdAt"),
        )

    def _has_entries(self) -> bool:
        """Return whether EKS may have access entries: it rejects requests for them in the mode CONFIG_MAP."""
        try:
            return self.cluster.get().authentication_mode != AuthenticationMode.CONFIG_MAP
        except NotReadError:
            return True

    def _list_entry_arns(self) -> list[str]:
        if not self._has_entries():
            return []
        pages = self._eks.pages("access entries", "list_access_entries", clusterName=self._name)
        return [arn for page in pages for arn in page["accessEntries"]]

    def _list_entries(self) -> dict[str, ExistingEntry]:
        found = each(self._get_entry, self._entry_arns.get())
        return {entry.principal_arn: entry for entry in found if entry is not None}

    def _get_entry(self, principal_arn: str) -> ExistingEntry | None:
        if not self._has_entries():
            return None
        part = f"access entry {principal_arn}"
        of_principal = {"clusterName": self._name, "principalArn": principal_arn}
        response = self._eks.call(part, "describe_access_entry", _INVALID_ARN, **of_principal)
        if response is None:
            return None
        entry = response["accessEntry"]
        pages = self._eks.pages(part, "list_associated_access_policies", **of_principal)
        return ExistingEntry(
            principal_arn=entry["principalArn"],
            username=entry.get("username", ""),
            groups=tuple(entry.get("kubernetesGroups", ())),
            type=entry.get("type", "STANDARD"),
            policies=tuple(
                AssociatedPolicy(policy["policyArn"], tuple(policy["accessScope"].get("namespaces", ())))
                for page in pages
                for policy in page["associatedAccessPolicies"]
            ),
            tags=entry.get("tags", {}),
            arn=entry["accessEntryArn"],
            created_at=entry.get("createdAt"),
        )

    def _list_associations(self) -> dict[ObjectKey, PodIdentityAssociation]:
        ids = self._association_ids("Pod Identity associations")
        found = [association for association in each(self._describe_association, ids) if association is not None]
        return {(association.namespace, association.service_account): association for association in found}

    def _get_association(self, key: ObjectKey) -> PodIdentityAssociation | None:
        namespace, service_account = key
        part = f"Pod Identity association of {namespace}/{service_account}"
        ids = self._association_ids(part, namespace=namespace, serviceAccount=service_account)
        return self._describe_association(ids[0]) if ids else None

    def _association_ids(self, part: str, **selection: str) -> list[str]:
        pages = self._eks.pages(part, "list_pod_identity_associations", clusterName=self._name, **selection)
        return [summary["associationId"] for page in pages for summary in page["associations"]]

    def _describe_association(self, id_: str) -> PodIdentityAssociation | None:
        response = self._eks.call(
            f"Pod Identity association {id_}",
            "describe_pod_identity_association",
            clusterName=self._name,
            associationId=id_,
        )
        if response is None:
            return None
        association = response["association"]
        policy = association.get("policy")
        return PodIdentityAssociation(
            id=id_,
            namespace=association["namespace"],
            service_account=association["serviceAccount"],
            role_arn=association["roleArn"],
            target_role_arn=association.get("targetRoleArn"),
            external_id=association.get("externalId"),
            disable_session_tags=association.get("disableSessionTags", False),
            owner_arn=association.get("ownerArn"),
            session_policy=json.loads(policy) if policy else None,
            tags=association.get("tags", {}),
        )

    def has_agent(self) -> bool:
        """Return whether EKS runs the Pod Identity Agent: as an add-on, or in EKS Auto Mode. Raises `NotReadError`."""
        addon = self._eks.call("Pod Identity Agent", "describe_addon", clusterName=self._name, addonName=AGENT)
        return addon is not None or bool((self.description.get().get("computeConfig") or {}).get("enabled"))

    def instances(self, ids: Sequence[str]) -> dict[str, Instance]:
        """Return the instances with these ids."""
        found: dict[str, Instance] = {}
        for start in range(0, len(ids), _MAX_FILTER_VALUES):
            chunk = list(ids[start : start + _MAX_FILTER_VALUES])
            filters = [{"Name": "instance-id", "Values": chunk}]
            for page in self._accounts.api("ec2").pages("EC2 instances", "describe_instances", Filters=filters):
                for reservation in page["Reservations"]:
                    found |= {item["InstanceId"]: _instance(item) for item in reservation["Instances"]}
        return found

    def role_of_profile(self, arn: str) -> str | None:
        """Return the ARN of the role in an instance profile, None if it has none."""
        name = arn.rpartition("/")[2]
        part = f"instance profile {name}"
        response = self._accounts.api("iam").call(part, "get_instance_profile", InstanceProfileName=name)
        roles = (response or {}).get("InstanceProfile", {}).get("Roles", [])
        return roles[0]["Arn"] if roles else None


def _instance(details: Mapping[str, Any]) -> Instance:
    options = details.get("MetadataOptions") or {}
    limit = options.get("HttpPutResponseHopLimit")
    return Instance((details.get("IamInstanceProfile") or {}).get("Arn"), limit)
