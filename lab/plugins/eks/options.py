"""The arguments of the components: covered and uncovered ones, and checks of their combinations."""

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
    "creationRoleProvider": "the official plugin supports it in Node.js programs only",
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
"""Arguments that decide which resources are registered."""
MODES: Final = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")


def reads_config_map(mode: str | None) -> bool:
    """Return whether the cluster reads aws-auth. EKS's default mode is CONFIG_MAP."""
    return mode in (None, "CONFIG_MAP", "API_AND_CONFIG_MAP")


def reads_access_entries(mode: str | None) -> bool:
    return mode in ("API", "API_AND_CONFIG_MAP")


def check_cluster(name: str, arguments: Mapping[str, Any]) -> None:
    """Reject arguments that are not covered, or that the official component rejects.

    Raises:
        InvalidInputError: with all problems, each with its fix.
    """
    problems = _not_covered(arguments, CLUSTER_COVERED, CLUSTER_NOT_COVERED)
    skips = arguments.get("skipDefaultNodeGroup") is True or bool(arguments.get("fargate")) or is_auto(arguments)
    if not skips:
        problems.append(f"skipDefaultNodeGroup is not true: {_NO_INSTANCES}")
    cni = arguments.get("vpcCniOptions")
    if isinstance(cni, Mapping):
        unsupported = sorted(cni.keys() - CNI_COVERED)
        supported = ", ".join(sorted(CNI_COVERED))
        problems += [
            f"vpcCniOptions.{key} is not covered by the lab's stand-in, which supports {supported}"
            for key in unsupported
        ]
    mode = arguments.get("authenticationMode")
    if isinstance(mode, pulumi.Output):
        problems.append(
            "authenticationMode must be a plain value, not an output: it decides which resources are registered"
        )
    elif mode is not None and mode not in MODES:
        problems.append(f"authenticationMode is {mode!r}: it must be one of {', '.join(MODES)}")
    else:
        problems += _not_in_mode(mode, arguments)
    problems += [
        f"{key} must have keys that are resolved before the update: they name the registered resources"
        for key in _PLAIN
        if isinstance(arguments.get(key), pulumi.Output)
    ]
    if "instanceRole" in arguments and "instanceRoles" in arguments:
        problems.append("instanceRole and instanceRoles are both set: set one of them")
    if "subnetIds" in arguments and arguments.keys() & {"publicSubnetIds", "privateSubnetIds"}:
        problems.append("subnetIds is set together with publicSubnetIds or privateSubnetIds: remove one of them")
    if problems:
        raise InvalidInputError(f"eks.Cluster {name!r}", problems)


def check_node_group(name: str, arguments: Mapping[str, Any]) -> None:
    """Reject the same arguments of a managed node group. Raises `InvalidInputError`."""
    problems = _not_covered(arguments, NODE_GROUP_COVERED, NODE_GROUP_NOT_COVERED)
    if "cluster" not in arguments:
        problems.append("cluster is required, and must be set")
    if "nodeRole" in arguments and "nodeRoleArn" in arguments:
        problems.append("nodeRole and nodeRoleArn are both set: set one of them")
    if not arguments.keys() & {"nodeRole", "nodeRoleArn"}:
        problems.append("nodeRole and nodeRoleArn are both missing: set an IAM role or its ARN")
    if "launchTemplate" in arguments and "enableIMDSv2" in arguments:
        problems.append("enableIMDSv2 is set together with launchTemplate: set the metadata options of that template")
    if problems:
        raise InvalidInputError(f"eks.ManagedNodeGroup {name!r}", problems)


def _not_in_mode(mode: str | None, arguments: Mapping[str, Any]) -> list[str]:
    problems = []
    if not reads_config_map(mode):
        problems += [
            f"{key} is set in authentication mode {mode}, which does not read aws-auth: use accessEntries"
            for key in ("roleMappings", "userMappings", "instanceRoles")
            if not isinstance(value := arguments.get(key), pulumi.Output) and value not in (None, [])
        ]
    entries = arguments.get("accessEntries")
    if not reads_access_entries(mode) and not isinstance(entries, pulumi.Output) and entries:
        current_mode = mode or "CONFIG_MAP (the default)"
        problems.append(f"accessEntries is set in authentication mode {current_mode}: use API or API_AND_CONFIG_MAP")
    if not reads_access_entries(mode) and is_auto(arguments):
        problems.append(
            "autoMode is enabled, and needs access entries: use authentication mode API or API_AND_CONFIG_MAP"
        )
    return problems


def _not_covered(arguments: Mapping[str, Any], covered: Collection[str], reasons: Mapping[str, str]) -> list[str]:
    problems = []
    for key, value in arguments.items():
        if key in covered or value is False:
            continue
        reason = reasons.get(key) or f"it has no such argument; it has {', '.join(sorted(covered))}"
        problems.append(f"{key} is not covered by the lab's stand-in: {reason}")
    return problems
