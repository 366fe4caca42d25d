"""Create the clusters of `lab up` through AWS's API, as a user with the aws command would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from lab.errors import StartError
from lab.interfaces import AuthenticationMode
from lab.lab_dir import LabDir
from lab.principals import client
from lab.progress import Timeline

DEFAULT_CLUSTERS = {"eks-clu": AuthenticationMode.CONFIG_MAP, "irsa": AuthenticationMode.API}
"""The clusters in the settings of the `lab` stack: one in the mode of old clusters, one in the mode of new ones."""
DEFAULT_MODE = AuthenticationMode.API_AND_CONFIG_MAP
CLUSTER_ROLE = "eks-lab-cluster"
NODE_ROLE = "eks-lab-node"
NODE_GROUP = "nodes"
_POLL = {"Delay": 0.1, "MaxAttempts": 900}


def ensure_clusters(home: LabDir, clusters: Mapping[str, AuthenticationMode], timeline: Timeline) -> None:
    """Create the missing clusters in parallel, each with one node. Existing clusters stay as they are.

    A cluster without a node group comes from an interrupted `up`: this call completes it.
    """
    eks = client(home, "eks")
    existing = set(eks.list_clusters()["clusters"])
    missing = [name for name in clusters if name not in existing or not _node_groups(eks, name)]
    if not missing:
        return
    roles = _ensure_roles(home)
    subnets = [subnet["SubnetId"] for subnet in client(home, "ec2").describe_subnets()["Subnets"]]

    def create(name: str) -> None:
        with timeline.part(f"cluster {name}"):
            _create(home, name, clusters[name], subnets, roles)

    with ThreadPoolExecutor(max_workers=len(missing)) as pool:
        for creation in [pool.submit(create, name) for name in missing]:
            creation.result()


def _node_groups(eks: Any, cluster: str) -> list[str]:
    groups: list[str] = eks.list_nodegroups(clusterName=cluster)["nodegroups"]
    return groups


def _create(home: LabDir, name: str, mode: AuthenticationMode, subnets: list[str], roles: dict[str, str]) -> None:
    eks = client(home, "eks")
    already_exists = eks.exceptions.ResourceInUseException
    try:
        with suppress(already_exists):
            eks.create_cluster(
                name=name,
                roleArn=roles[CLUSTER_ROLE],
                resourcesVpcConfig={"subnetIds": subnets},
                accessConfig={"authenticationMode": mode.value, "bootstrapClusterCreatorAdminPermissions": True},
            )
        eks.get_waiter("cluster_active").wait(name=name, WaiterConfig=_POLL)
        with suppress(already_exists):
            eks.create_addon(clusterName=name, addonName="eks-pod-identity-agent")
        eks.create_nodegroup(
            clusterName=name,
            nodegroupName=NODE_GROUP,
            nodeRole=roles[NODE_ROLE],
            subnets=subnets,
            scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 1},
        )
        eks.get_waiter("nodegroup_active").wait(clusterName=name, nodegroupName=NODE_GROUP, WaiterConfig=_POLL)
    except (ClientError, BotoCoreError) as error:
        raise StartError(
            "\n".join([f"cluster {name!r} did not come up: {error}", *_issues(error)]),
            fix=f"run `python -m lab{home.option} logs` to list the logs, then read the one of the cluster",
        ) from error


def _issues(error: Exception) -> list[str]:
    """Return the health issues that EKS reports for the cluster or node group: failed part, last output, fix."""
    if not isinstance(error, WaiterError):
        return []
    health = [part.get("health", {}) for part in error.last_response.values() if isinstance(part, dict)]
    return [issue["message"] for report in health for issue in report.get("issues", [])]


def _ensure_roles(home: LabDir) -> dict[str, str]:
    iam = client(home, "iam")
    role_policies = {
        CLUSTER_ROLE: ("eks.amazonaws.com", ["AmazonEKSClusterPolicy"]),
        NODE_ROLE: (
            "ec2.amazonaws.com",
            ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"],
        ),
    }
    return {name: _ensure_role(iam, name, service, policies) for name, (service, policies) in role_policies.items()}


def _ensure_role(iam: Any, name: str, service: str, policies: list[str]) -> str:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    try:
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        return str(iam.get_role(RoleName=name)["Role"]["Arn"])
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return arn
