"""Resource specs of EKS's managed node groups and Fargate profiles."""

from __future__ import annotations

from typing import Any, Final

from lab.plugins.aws.converters import EXACT, PLAIN, Converter
from lab.plugins.aws.resource_spec import Call, Id, Name, ResourceSpec, Update, Values, Waiter, computed, input_
from lab.plugins.aws.resource_specs.eks import eks_tags


def _label_changes(values: Values) -> dict[str, Any] | None:
    new, old = values.get("labels") or {}, values["before"].get("labels") or {}
    removed = [key for key in old if key not in new]
    changes = {"addOrUpdateLabels": new or None, "removeLabels": removed or None}
    return {key: value for key, value in changes.items() if value} or None


_GROUP_KEY: Final = {"clusterName": "$clusterName", "nodegroupName": "$nodeGroupName"}
_TEMPLATE: Final = Converter(send=lambda value: {key: str(item) for key, item in value.items() if item is not None})

NODE_GROUP: Final = ResourceSpec(
    type="aws:eks/nodeGroup:NodeGroup",
    service="eks",
    name=Name("nodeGroupName", limit=63, prefix="nodeGroupNamePrefix"),
    properties=(
        input_("clusterName", "clusterName", required=True, replaces=True),
        input_("nodeRoleArn", "nodeRole", required=True, replaces=True),
        input_("subnetIds", "subnets", required=True, replaces=True),
        input_("scalingConfig", "scalingConfig", required=True),
        input_("nodeGroupName", "nodegroupName", computed=True, replaces=True),
        input_("nodeGroupNamePrefix", computed=True, replaces=True),
        input_("amiType", "amiType", computed=True, replaces=True),
        input_("capacityType", "capacityType", computed=True, replaces=True),
        input_("diskSize", "diskSize", computed=True, replaces=True),
        input_("instanceTypes", "instanceTypes", computed=True, replaces=True),
        input_("labels", "labels", converter=EXACT),
        input_("launchTemplate", "launchTemplate", converter=_TEMPLATE, create_only=("id", "name")),
        input_("releaseVersion", "releaseVersion", computed=True),
        input_("taints", "taints", replaces=True),
        input_("updateConfig", "updateConfig", computed=True),
        input_("version", "version", computed=True),
        computed("arn", "nodegroupArn"),
        computed("status", "status"),
        computed(
            "resources",
            "resources && [{autoscalingGroups: resources.autoScalingGroups, "
            "remoteAccessSecurityGroupId: resources.remoteAccessSecurityGroup}]",
        ),
    ),
    not_covered={
        "forceUpdateVersion": "the lab's nodes have one version",
        "nodeRepairConfig": "the lab's nodes are processes; they are not repaired",
        "remoteAccess": "the lab's nodes are processes; remote access is not possible",
        "warmPoolConfig": "the lab's nodes are processes; there is no warm pool",
    },
    id=Id(("clusterName", "nodeGroupName")),
    unique_by=("clusterName", "nodeGroupName"),
    create=Call(
        "create_nodegroup",
        {
            **_GROUP_KEY,
            "nodeRole": "$nodeRoleArn",
            "subnets": "$subnetIds",
            "scalingConfig": "$scalingConfig",
            "amiType": "$amiType",
            "capacityType": "$capacityType",
            "diskSize": "$diskSize",
            "instanceTypes": "$instanceTypes",
            "labels": "$labels",
            "launchTemplate": "$launchTemplate",
            "releaseVersion": "$releaseVersion",
            "taints": "$taints",
            "updateConfig": "$updateConfig",
            "version": "$version",
            "tags": "$tagsAll",
        },
    ),
    read=Call("describe_nodegroup", _GROUP_KEY, "nodegroup"),
    updates=(
        Update(
            ("scalingConfig", "updateConfig"),
            Call(
                "update_nodegroup_config",
                {**_GROUP_KEY, "scalingConfig": "$scalingConfig", "updateConfig": "$updateConfig"},
            ),
        ),
        Update(
            ("labels",),
            Call("update_nodegroup_config", {**_GROUP_KEY, "labels": _label_changes}),
        ),
        Update(
            ("launchTemplate", "releaseVersion", "version"),
            Call(
                "update_nodegroup_version",
                {
                    **_GROUP_KEY,
                    "launchTemplate": "$launchTemplate",
                    "releaseVersion": "$releaseVersion",
                    "version": "$version",
                },
            ),
        ),
    ),
    delete=Call("delete_nodegroup", _GROUP_KEY),
    ready=Waiter("nodegroup_active", _GROUP_KEY),
    deleted=Waiter("nodegroup_deleted", _GROUP_KEY),
    tags=eks_tags("arn"),
)


_PROFILE_KEY: Final = {"clusterName": "$clusterName", "fargateProfileName": "$fargateProfileName"}

FARGATE_PROFILE: Final = ResourceSpec(
    type="aws:eks/fargateProfile:FargateProfile",
    service="eks",
    name=Name("fargateProfileName", limit=100),
    properties=(
        input_("clusterName", "clusterName", required=True, replaces=True),
        input_("podExecutionRoleArn", "podExecutionRoleArn", required=True, replaces=True),
        input_("selectors", "selectors", required=True, replaces=True, converter=PLAIN),
        input_("fargateProfileName", "fargateProfileName", computed=True, replaces=True),
        input_("subnetIds", "subnets", computed=True, replaces=True),
        computed("arn", "fargateProfileArn"),
        computed("status", "status"),
    ),
    id=Id(("clusterName", "fargateProfileName")),
    unique_by=("clusterName", "fargateProfileName"),
    create=Call(
        "create_fargate_profile",
        {
            **_PROFILE_KEY,
            "podExecutionRoleArn": "$podExecutionRoleArn",
            "selectors": "$selectors",
            "subnets": "$subnetIds",
            "tags": "$tagsAll",
        },
    ),
    read=Call("describe_fargate_profile", _PROFILE_KEY, "fargateProfile"),
    delete=Call("delete_fargate_profile", _PROFILE_KEY),
    ready=Waiter("fargate_profile_active", _PROFILE_KEY),
    deleted=Waiter("fargate_profile_deleted", _PROFILE_KEY),
    tags=eks_tags("arn"),
)

SPECS: Final = (NODE_GROUP, FARGATE_PROFILE)
