"""The arguments of the components: which are covered, which are not and why, and what they mean together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.auto_mode import is_auto
from lab.plugins.eks.children import CNI_COVERED
from lab.plugins.errors import InvalidInputError

_NO_INSTANCES: Final = (
    "the lab has no instances for a default node group; set skip_default_node_group and use a ManagedNodeGroup"
)
_NODES_ARE_PROCESSES: Final = "the lab's nodes are processes: it has no effect on them"

CLUSTER_NOT_COVERED: Final = {
    "createOidcProvider": (
        "the official component opens a TLS connection to the issuer for it; use an aws.iam.OpenIdConnectProvider"
    ),
    "creationRoleProvider": "the official plugin takes it from Node.js programs only",
    "proxy": "the lab's proxy is in the environment",
    **dict.fromkeys(
        (
            "desiredCapacity",
            "gpu",
            "instanceProfileName",
            "instanceType",
            "maxSize",
            "minSize",
            "nodeAmiId",
            "nodeAssociatePublicIpAddress",
            "nodeGroupOptions",
            "nodePublicKey",
            "nodeRootVolumeEncrypted",
            "nodeRootVolumeSize",
            "nodeSubnetIds",
            "nodeUserData",
        ),
        _NO_INSTANCES,
    ),
}
CLUSTER_COVERED: Final = frozenset(
    {
        "accessEntries",
        "authenticationMode",
        "autoMode",
        "bootstrapSelfManagedAddons",
        "clusterSecurityGroup",
        "clusterSecurityGroupTags",
        "clusterTags",
        "corednsAddonOptions",
        "createInstanceRole",
        "deletionProtection",
        "enableConfigMapMutable",
        "enabledClusterLogTypes",
        "encryptionConfigKeyArn",
        "endpointPrivateAccess",
        "endpointPublicAccess",
        "fargate",
        "instanceRole",
        "instanceRoles",
        "ipFamily",
        "kubeProxyAddonOptions",
        "kubernetesServiceIpAddressRange",
        "name",
        "nodeSecurityGroupTags",
        "privateSubnetIds",
        "providerCredentialOpts",
        "publicAccessCidrs",
        "publicSubnetIds",
        "roleMappings",
        "serviceRole",
        "skipDefaultNodeGroup",
        "skipDefaultSecurityGroups",
        "storageClasses",
        "subnetIds",
        "tags",
        "upgradePolicy",
        "useDefaultVpcCni",
        "userMappings",
        "version",
        "vpcCniOptions",
        "vpcId",
    },
)
NODE_GROUP_NOT_COVERED: Final = dict.fromkeys(
    (
        "amiId",
        "bootstrapExtraArgs",
        "bottlerocketSettings",
        "enableEfaSupport",
        "gpu",
        "kubeletExtraArgs",
        "nodeadmExtraOptions",
        "operatingSystem",
        "placementGroupAvailabilityZone",
        "remoteAccess",
        "userData",
        "forceUpdateVersion",
    ),
    _NODES_ARE_PROCESSES,
)
NODE_GROUP_COVERED: Final = frozenset(
    {
        "amiType",
        "capacityType",
        "cluster",
        "clusterName",
        "diskSize",
        "enableIMDSv2",
        "ignoreScalingChanges",
        "instanceTypes",
        "labels",
        "launchTemplate",
        "nodeGroupName",
        "nodeGroupNamePrefix",
        "nodeRole",
        "nodeRoleArn",
        "releaseVersion",
        "scalingConfig",
        "subnetIds",
        "tags",
        "taints",
        "version",
    },
)
_PLAIN: Final = (
    "accessEntries",
    "autoMode",
    "corednsAddonOptions",
    "fargate",
    "kubeProxyAddonOptions",
    "storageClasses",
    "vpcCniOptions",
)
"""Arguments that decide what is registered."""
MODES: Final = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")


def reads_config_map(mode: str | None) -> bool:
    """Whether the cluster reads aws-auth: EKS's default mode is CONFIG_MAP."""
    return mode in (None, "CONFIG_MAP", "API_AND_CONFIG_MAP")


def reads_access_entries(mode: str | None) -> bool:
    return mode in ("API", "API_AND_CONFIG_MAP")


def check_cluster(name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that are not covered, or that the official component refuses.

    Raises:
        InvalidInputError: with every fault, each with its way out.
    """
    found = _not_covered(arguments, CLUSTER_COVERED, CLUSTER_NOT_COVERED)
    skips = arguments.get("skipDefaultNodeGroup") is True or bool(arguments.get("fargate")) or is_auto(arguments)
    if not skips:
        found.append(f"skipDefaultNodeGroup is not true: {_NO_INSTANCES}")
    cni = arguments.get("vpcCniOptions")
    if isinstance(cni, Mapping):
        others = sorted(cni.keys() - CNI_COVERED)
        takes = ", ".join(sorted(CNI_COVERED))
        found += [f"vpcCniOptions.{key} is not covered by the lab's stand-in, which takes {takes}" for key in others]
    mode = arguments.get("authenticationMode")
    if isinstance(mode, pulumi.Output):
        found.append("authenticationMode is an output: give a plain value, which decides what is registered")
    elif mode is not None and mode not in MODES:
        found.append(f"authenticationMode is {mode!r}: it is one of {', '.join(MODES)}")
    else:
        found += _not_in_mode(mode, arguments)
    found += [
        f"{key} is not known before the update: its keys must be, for they name what is registered"
        for key in _PLAIN
        if isinstance(arguments.get(key), pulumi.Output)
    ]
    if "instanceRole" in arguments and "instanceRoles" in arguments:
        found.append("instanceRole and instanceRoles are both given: give one of them")
    if "subnetIds" in arguments and arguments.keys() & {"publicSubnetIds", "privateSubnetIds"}:
        found.append("subnetIds is given beside publicSubnetIds or privateSubnetIds: give either way, not both")
    if found:
        raise InvalidInputError(f"eks.Cluster {name!r}", found)


def check_node_group(name: str, arguments: Mapping[str, Any]) -> None:
    """The same for a managed node group."""
    found = _not_covered(arguments, NODE_GROUP_COVERED, NODE_GROUP_NOT_COVERED)
    if "cluster" not in arguments:
        found.append("cluster is required, and is not given")
    if "nodeRole" in arguments and "nodeRoleArn" in arguments:
        found.append("nodeRole and nodeRoleArn are both given: give one of them")
    if not arguments.keys() & {"nodeRole", "nodeRoleArn"}:
        found.append("nodeRole and nodeRoleArn are both left out: an IAM role, or its ARN, must be provided")
    if "launchTemplate" in arguments and "enableIMDSv2" in arguments:
        found.append("enableIMDSv2 is given beside launchTemplate: set the metadata options of that template")
    if found:
        raise InvalidInputError(f"eks.ManagedNodeGroup {name!r}", found)


def _not_in_mode(mode: str | None, arguments: Mapping[str, Any]) -> list[str]:
    found = []
    if not reads_config_map(mode):
        found += [
            f"{key} is given in authentication mode {mode}, which does not read aws-auth: use accessEntries"
            for key in ("roleMappings", "userMappings", "instanceRoles")
            if not isinstance(given := arguments.get(key), pulumi.Output) and given not in (None, [])
        ]
    entries = arguments.get("accessEntries")
    if not reads_access_entries(mode) and not isinstance(entries, pulumi.Output) and entries:
        was = mode or "CONFIG_MAP (the default)"
        found.append(f"accessEntries is given in authentication mode {was}: use API or API_AND_CONFIG_MAP")
    if not reads_access_entries(mode) and is_auto(arguments):
        found.append("autoMode is enabled, and needs access entries: use authentication mode API or API_AND_CONFIG_MAP")
    return found


def _not_covered(arguments: Mapping[str, Any], covered: Collection[str], known: Mapping[str, str]) -> list[str]:
    found = []
    for key, value in arguments.items():
        if key in covered or value is False:
            continue
        reason = known.get(key) or f"it has no such argument; it has {', '.join(sorted(covered))}"
        found.append(f"{key} is not covered by the lab's stand-in: {reason}")
    return found
