"""Validation and defaults of a node group's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.cloud.eks import eks_versions, roles
from lab.cloud.eks.compute_records import NodegroupRecord
from lab.cloud.eks.errors import InvalidParameterException
from lab.cloud.eks.network import DEFAULT_HOP_LIMIT, LaunchTemplate
from lab.cloud.eks.records import new_uuid

EC2_SERVICE = "ec2.amazonaws.com"

DEFAULT_SCALING = {"minSize": 1, "maxSize": 2, "desiredSize": 2}


def check_node_role(arn: str, account: str) -> None:
    """Reject a role that does not exist in this account, or that EC2 instances cannot assume."""
    role = roles.require_own(arn, account)
    if not role.trusts(EC2_SERVICE):
        raise InvalidParameterException(
            f"Following required service principals [{EC2_SERVICE}] were not found in the trust relationships "
            f"of nodeRole {arn}"
        )


def initial_scaling(scaling_config: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes of a new node group. Missing sizes get defaults that fit the others."""
    if not scaling_config:
        return dict(DEFAULT_SCALING)
    desired = scaling_config.get("desiredSize", scaling_config.get("minSize", 1))
    defaults = {"minSize": min(1, desired), "maxSize": max(1, desired), "desiredSize": desired}
    return merge_scaling(defaults, scaling_config)


def merge_scaling(current: Mapping[str, int], change: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes after `change`.

    Raises:
        InvalidParameterException: not minSize <= desiredSize <= maxSize.
    """
    scaling = {**current, **change}
    if scaling["desiredSize"] < scaling["minSize"]:
        raise InvalidParameterException(
            f"Minimum capacity {scaling['minSize']} can't be greater than desired size {scaling['desiredSize']}"
        )
    if scaling["desiredSize"] > scaling["maxSize"]:
        raise InvalidParameterException(
            f"Desired capacity {scaling['desiredSize']} can't be greater than max size {scaling['maxSize']}"
        )
    return scaling


def check_version(version: str | None) -> None:
    if version not in {None, eks_versions.KUBERNETES_VERSION}:
        raise InvalidParameterException(
            f"Requested Nodegroup version {version} is not supported: the lab runs {eks_versions.KUBERNETES_VERSION}"
        )


def check_template_use(params: Mapping[str, Any]) -> None:
    """Reject members that must be in the launch template if the node group has one."""
    if "launchTemplate" not in params:
        return
    if "diskSize" in params:
        raise InvalidParameterException("Disk size must be specified within the launch template.")


def new_nodegroup(arn: str, params: Mapping[str, Any], template: LaunchTemplate | None) -> NodegroupRecord:
    """Return the record of a new node group from CreateNodegroup's validated input."""
    name = params["nodegroupName"]
    settings: dict[str, Any] = {
        "version": eks_versions.KUBERNETES_VERSION,
        "releaseVersion": params.get("releaseVersion", eks_versions.AMI_RELEASE_VERSION),
        "capacityType": params.get("capacityType", "ON_DEMAND"),
        "amiType": params.get("amiType", "AL2023_x86_64_STANDARD"),
        "subnets": list(params["subnets"]),
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{new_uuid()}"}]},
        "updateConfig": params.get("updateConfig", {"maxUnavailable": 1}),
        **({"instanceTypes": params["instanceTypes"]} if "instanceTypes" in params else {}),
    }
    if template is None:
        settings["diskSize"] = params.get("diskSize", 20)
        settings.setdefault("instanceTypes", ["t3.medium"])
    else:
        settings["launchTemplate"] = template.specification
    return NodegroupRecord(
        cluster_name=params["clusterName"],
        name=name,
        arn=arn,
        node_role_arn=params["nodeRole"],
        scaling=initial_scaling(params.get("scalingConfig", {})),
        hop_limit=template.hop_limit if template else DEFAULT_HOP_LIMIT,
        labels=dict(params.get("labels", {})),
        taints=[dict(taint) for taint in params.get("taints", [])],
        tags=dict(params.get("tags", {})),
        settings=settings,
    )
