"""The inputs of aws.eks.Cluster for the arguments of the official component. Pure, except for outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from lab.plugins.eks.auto_mode import is_auto
from lab.plugins.errors import PluginError


def control_plane(name: str, arguments: Mapping[str, Any], group: Any, subnet_ids: Any) -> dict[str, Any]:
    """Return the inputs except the role and those of Auto Mode."""
    mode = arguments.get("authenticationMode")
    key_arn = arguments.get("encryptionConfigKeyArn")
    auto = is_auto(arguments)
    all_tags = pulumi.Output.from_input([arguments.get("clusterTags"), arguments.get("tags")])
    has_network = auto or arguments.keys() & {"kubernetesServiceIpAddressRange", "ipFamily"}
    return {
        "name": arguments.get("name"),
        "bootstrapSelfManagedAddons": False if auto else arguments.get("bootstrapSelfManagedAddons", True),
        "vpcConfig": {
            "securityGroupIds": [group.id] if group else None,
            "subnetIds": subnet_ids,
            "endpointPrivateAccess": arguments.get("endpointPrivateAccess"),
            "endpointPublicAccess": arguments.get("endpointPublicAccess"),
            "publicAccessCidrs": _public_access_cidrs(arguments),
        },
        "version": arguments.get("version"),
        "enabledClusterLogTypes": arguments.get("enabledClusterLogTypes"),
        "tags": all_tags.apply(lambda tags: {"Name": f"{name}-eksCluster", **(tags[0] or {}), **(tags[1] or {})}),
        "encryptionConfig": {"provider": {"keyArn": key_arn}, "resources": ["secrets"]} if key_arn else None,
        "kubernetesNetworkConfig": _network(arguments, auto=auto) if has_network else None,
        "accessConfig": {"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": True} if mode else None,
        "upgradePolicy": arguments.get("upgradePolicy"),
        "deletionProtection": arguments.get("deletionProtection"),
    }


def _public_access_cidrs(arguments: Mapping[str, Any]) -> Any:
    if "publicAccessCidrs" not in arguments:
        return None

    def allowed(resolved: list[Any]) -> Any:
        cidrs, is_public = resolved
        if is_public is False and cidrs:
            raise PluginError("`publicAccessCidrs` can only be set when `endpointPublicAccess` is true")
        return cidrs

    options = [arguments["publicAccessCidrs"], arguments.get("endpointPublicAccess")]
    return pulumi.Output.from_input(options).apply(allowed)


def _network(arguments: Mapping[str, Any], *, auto: bool) -> Any:
    def network(resolved: list[Any]) -> dict[str, Any]:
        family = resolved[1] or "ipv4"
        return {
            **({"serviceIpv4Cidr": resolved[0]} if resolved[0] and family == "ipv4" else {}),
            "ipFamily": family,
            **({"elasticLoadBalancing": {"enabled": True}} if auto else {}),
        }

    options = [arguments.get("kubernetesServiceIpAddressRange"), arguments.get("ipFamily")]
    return pulumi.Output.from_input(options).apply(network)
