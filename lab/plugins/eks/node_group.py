"""eks.ManagedNodeGroup: a node group of EKS, with a launch template where IMDSv2 is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.options import check_node_group
from lab.plugins.eks.resources import ExistingComponent, Resource

_SAME: Final = (
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
    """A node group in the cluster of an eks.Cluster, or of its core data."""

    def __init__(self, name: str, arguments: Mapping[str, Any], options: pulumi.ResourceOptions) -> None:
        check_node_group(name, arguments)
        super().__init__("eks:index:ManagedNodeGroup", name, {}, options)
        core = pulumi.Output.from_input(arguments["cluster"]).apply(
            lambda cluster: cluster.output("core") if isinstance(cluster, ExistingComponent) else cluster,
        )
        inputs = {key: arguments[key] for key in _SAME if key in arguments}
        inputs["clusterName"] = arguments.get("clusterName") or core.apply(
            lambda found: found["cluster"].output("name")
        )
        inputs["nodeRoleArn"] = self._role_arn(arguments, core)
        inputs["subnetIds"] = arguments.get("subnetIds") or core.apply(lambda found: found["subnetIds"])
        inputs["scalingConfig"] = pulumi.Output.from_input(arguments.get("scalingConfig")).apply(
            lambda given: {**_SIZE, **{key: value for key, value in (given or {}).items() if value is not None}},
        )
        if "enableIMDSv2" in arguments:
            inputs["launchTemplate"] = self._launch_template(name, tokens_required=bool(arguments["enableIMDSv2"]))
            inputs.pop("diskSize", None)
        ignored = ["scalingConfig.desiredSize"] if arguments.get("ignoreScalingChanges") else []
        own = pulumi.ResourceOptions(parent=self, ignore_changes=ignored)
        # EKS itself writes the node role into aws-auth: the component's own ConfigMap must be there before.
        inputs["clusterName"] = pulumi.Output.all(inputs["clusterName"], core.apply(_aws_auth)).apply(
            lambda both: both[0]
        )
        group = Resource("aws:eks/nodeGroup:NodeGroup", name, inputs, own)
        self.state: dict[str, Any] = {"nodeGroup": group, "placementGroupName": ""}
        self.register_outputs(self.state)

    def _role_arn(self, arguments: Mapping[str, Any], core: pulumi.Output[Any]) -> Any:
        if "nodeRoleArn" in arguments:
            return arguments["nodeRoleArn"]
        if "nodeRole" in arguments:
            return pulumi.Output.from_input(arguments["nodeRole"]).apply(lambda role: role.output("arn"))
        return core.apply(lambda found: found["instanceRoles"][0].output("arn"))

    def _launch_template(self, name: str, *, tokens_required: bool) -> dict[str, Any]:
        options = {
            "httpTokens": "required" if tokens_required else "optional",
            "httpPutResponseHopLimit": 2,
            "httpEndpoint": "enabled",
        }
        template = Resource(
            "aws:ec2/launchTemplate:LaunchTemplate",
            f"{name}-launchTemplate",
            {"metadataOptions": options},
            pulumi.ResourceOptions(parent=self),
        )
        return {"id": template.id, "version": template.output("latestVersion").apply(lambda found: str(int(found)))}


def _aws_auth(core: Mapping[str, Any]) -> Any:
    config_map = core.get("eksNodeAccess")
    return config_map.urn if isinstance(config_map, pulumi.Resource) else ""
