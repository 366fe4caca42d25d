"""eks.ManagedNodeGroup: a managed node group of EKS, with a launch template for the IMDSv2 option."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.options import check_node_group, reads_access_entries
from lab.plugins.eks.resources import ExistingComponent, Resource
from lab.plugins.errors import PluginError

_UNCHANGED: Final = (
    "amiType",
    "capacityType",
    "diskSize",
    "instanceTypes",
    "labels",
    "launchTemplate",
    "nodeGroupName",
    "nodeGroupNamePrefix",
    "releaseVersion",
    "tags",
    "taints",
    "version",
)
_SIZE: Final = {"desiredSize": 2, "minSize": 1, "maxSize": 2}


class ManagedNodeGroup(pulumi.ComponentResource):
    """A managed node group of an eks.Cluster, or of its core data."""

    def __init__(self, name: str, arguments: Mapping[str, Any], options: pulumi.ResourceOptions) -> None:
        check_node_group(name, arguments)
        super().__init__("eks:index:ManagedNodeGroup", name, {}, options)
        core = pulumi.Output.from_input(arguments["cluster"]).apply(
            lambda cluster: cluster.output("core") if isinstance(cluster, ExistingComponent) else cluster,
        )
        inputs = {key: arguments[key] for key in _UNCHANGED if key in arguments}
        if not arguments.keys() & {"version", "launchTemplate"}:
            inputs["version"] = core.apply(lambda data: data["cluster"].output("version"))
        inputs["clusterName"] = arguments.get("clusterName") or core.apply(lambda data: data["cluster"].output("name"))
        inputs["nodeRoleArn"] = pulumi.Output.all(_role_arn(arguments), core.apply(_instance_roles)).apply(
            lambda both: check_node_role(name, *both)
        )
        inputs["subnetIds"] = arguments.get("subnetIds") or core.apply(lambda data: data["subnetIds"])
        inputs["scalingConfig"] = pulumi.Output.from_input(arguments.get("scalingConfig")).apply(
            lambda size: {**_SIZE, **{key: value for key, value in (size or {}).items() if value is not None}},
        )
        if "enableIMDSv2" in arguments:
            inputs["launchTemplate"] = self._launch_template(name, arguments)
            inputs.pop("diskSize", None)
        ignored = ["scalingConfig.desiredSize"] if arguments.get("ignoreScalingChanges") else []
        own = pulumi.ResourceOptions(parent=self, ignore_changes=ignored)
        # EKS itself adds the node role to aws-auth, so the component's own ConfigMap must exist before.
        inputs["clusterName"] = pulumi.Output.all(inputs["clusterName"], core.apply(_aws_auth)).apply(
            lambda both: both[0]
        )
        group = Resource("aws:eks/nodeGroup:NodeGroup", name, inputs, own)
        self.state: dict[str, Any] = {"nodeGroup": group, "placementGroupName": ""}
        self.register_outputs(self.state)

    def _launch_template(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        options = {
            "httpTokens": "required" if arguments["enableIMDSv2"] else "optional",
            "httpPutResponseHopLimit": 2,
            "httpEndpoint": "enabled",
        }
        inputs: dict[str, Any] = {"metadataOptions": options}
        if arguments.get("diskSize"):
            # EKS rejects a disk size with a launch template.
            device = pulumi.Output.from_input(arguments.get("amiType")).apply(_device)
            inputs["blockDeviceMappings"] = [{"deviceName": device, "ebs": {"volumeSize": arguments["diskSize"]}}]
        template = Resource(
            "aws:ec2/launchTemplate:LaunchTemplate",
            f"{name}-launchTemplate",
            inputs,
            pulumi.ResourceOptions(parent=self),
        )
        return {"id": template.id, "version": template.output("latestVersion").apply(lambda version: str(int(version)))}


def _role_arn(arguments: Mapping[str, Any]) -> Any:
    if "nodeRoleArn" in arguments:
        return arguments["nodeRoleArn"]
    return pulumi.Output.from_input(arguments["nodeRole"]).apply(lambda role: role.output("arn"))


def _instance_roles(core: Mapping[str, Any]) -> Any:
    """Return the ARNs of the instance roles in aws-auth; None if EKS creates access entries for other roles itself."""
    arns = pulumi.Output.from_input(core.get("instanceRoles") or []).apply(
        lambda roles: [role.output("arn") for role in roles]
    )
    access = core["cluster"].output("accessConfig")
    return pulumi.Output.all(access, arns).apply(
        lambda resolved: None if reads_access_entries((resolved[0] or {}).get("authenticationMode")) else resolved[1]
    )


def check_node_role(name: str, role_arn: str, instance_roles: list[str] | None) -> str:
    """Return `role_arn`. Raises `PluginError` if only `instance_roles` have access and it is not one of them."""
    if instance_roles is not None and role_arn not in instance_roles:
        raise PluginError(
            f"eks.ManagedNodeGroup {name!r}: a managed node group cannot be created without first setting its role in "
            "the cluster's instanceRoles",
            fix="add the role to instance_roles, or use authentication mode API or API_AND_CONFIG_MAP",
        )
    return role_arn


def _device(ami_type: str | None) -> str:
    return "/dev/xvdb" if (ami_type or "").startswith("BOTTLEROCKET") else "/dev/xvda"


def _aws_auth(core: Mapping[str, Any]) -> Any:
    config_map = core.get("eksNodeAccess")
    return config_map.urn if isinstance(config_map, pulumi.Resource) else ""
