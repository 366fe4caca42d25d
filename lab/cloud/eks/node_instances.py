"""The EC2 instances and instance profiles of managed node groups. EKS creates them in the account of the cluster.

The nodes' instances run in the control planes, not in moto: EC2 describes them, and no operation changes them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from lab.cloud.eks.compute_records import NodegroupRecord
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.store import ClusterRecord, Store
from lab.interfaces import NodeInstance


def list_instances(account: str, region: str) -> list[dict[str, Any]]:
    """Return the instances of all nodes in an account and region, as DescribeInstances describes them."""
    return [
        _describe(cluster, group, instance)
        for cluster, group in _groups(account)
        if cluster.key.region == region and cluster.control_plane is not None
        for instance in cluster.control_plane.list_instances(group.name)
    ]


def find_group(account: str, profile_name: str) -> NodegroupRecord | None:
    """Return the node group whose instances have an instance profile, None if the profile is of no node group."""
    return next((group for _, group in _groups(account) if _profile_name(group) == profile_name), None)


def instance_profile(group: NodegroupRecord, roles: Sequence[Any]) -> dict[str, Any]:
    """Return the instance profile of a node group, as GetInstanceProfile describes it."""
    return {
        "Path": "/",
        "InstanceProfileName": _profile_name(group),
        "InstanceProfileId": _profile_id(group),
        "Arn": _profile_arn(group),
        "CreateDate": group.created_at,
        "Roles": list(roles),
    }


def _groups(account: str) -> Iterator[tuple[ClusterRecord, NodegroupRecord]]:
    store: Store | None = getattr(Operations, "store", None)
    if store is None:
        return
    with store.lock:
        clusters = [cluster for cluster in store.clusters.values() if cluster.key.account == account]
        groups = [(cluster, group) for cluster in clusters for group in cluster.nodegroups.values()]
    yield from groups


def _describe(cluster: ClusterRecord, group: NodegroupRecord, instance: NodeInstance) -> dict[str, Any]:
    tags = {
        f"kubernetes.io/cluster/{cluster.key.name}": "owned",
        "aws:eks:cluster-name": cluster.key.name,
        "eks:cluster-name": cluster.key.name,
        "eks:nodegroup-name": group.name,
    }
    return {
        "InstanceId": instance.instance_id,
        "InstanceType": "t3.medium",
        "State": {"Code": 16, "Name": "running"},
        "LaunchTime": instance.launched,
        "PrivateDnsName": instance.private_dns_name,
        "Placement": {"AvailabilityZone": instance.zone, "Tenancy": "default"},
        "IamInstanceProfile": {"Arn": _profile_arn(group), "Id": _profile_id(group)},
        "MetadataOptions": {
            "State": "applied",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": group.hop_limit,
            "HttpEndpoint": "enabled",
        },
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _profile_name(group: NodegroupRecord) -> str:
    return f"eks-{uuid.uuid5(uuid.NAMESPACE_URL, group.arn)}"


def _profile_id(group: NodegroupRecord) -> str:
    return f"AIPA{uuid.uuid5(uuid.NAMESPACE_URL, group.arn).hex[:17].upper()}"


def _profile_arn(group: NodegroupRecord) -> str:
    _, partition, _, _, account, _ = group.arn.split(":", 5)
    return f"arn:{partition}:iam::{account}:instance-profile/{_profile_name(group)}"
