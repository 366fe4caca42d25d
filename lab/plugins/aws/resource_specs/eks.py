"""EKS: clusters, add-ons, node groups, Fargate profiles."""

from __future__ import annotations

from typing import Any, Final

from lab.plugins.aws.converters import ONCE, PLAIN, TAG_MAP, TIME, WHOLE, Converter, same_value
from lab.plugins.aws.resource_spec import Call, Id, Name, ResourceSpec, Tags, Update, Values, Waiter, computed, input_

_OFFICIAL: Final = "the lab's EKS does not have it"


def eks_tags(arn: str) -> Tags:
    return Tags(
        add=Call("tag_resource", {"resourceArn": f"${arn}", "tags": "$tagsAll"}),
        remove=Call("untag_resource", {"resourceArn": f"${arn}", "tagKeys": "$tagKeys"}),
        found="tags",
        form=TAG_MAP,
    )


_LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(values: Values) -> dict[str, Any] | None:
    """EKS wants every log type said, on or off."""
    wanted = values.get("enabledClusterLogTypes")
    if wanted is None:
        return None
    on = [kind for kind in _LOG_TYPES if kind in wanted] + [kind for kind in wanted if kind not in _LOG_TYPES]
    off = [kind for kind in _LOG_TYPES if kind not in wanted]
    setups = [{"types": kinds, "enabled": enabled} for kinds, enabled in ((on, True), (off, False)) if kinds]
    return {"clusterLogging": setups}


def _all_logging(values: Values) -> dict[str, Any] | None:
    return _logging({"enabledClusterLogTypes": values.get("enabledClusterLogTypes") or []})


_ENCRYPTION: Final = Converter(send=lambda value: [value] if value else None, show=lambda value: value or None)
_ACTIVE: Final = Waiter("cluster_active", {"name": "$id"})


def _config(name: str, request: Any) -> Update:
    """EKS changes one kind of setting at a time, each through UpdateClusterConfig."""
    member, template = request
    return Update((name,), Call("update_cluster_config", {"name": "$id", member: template}))


def _vpc_changes(values: Values) -> dict[str, Any]:
    vpc = dict(values["vpcConfig"])
    return {key: vpc[key] for key in _VPC_CHANGEABLE if vpc.get(key) is not None}


_VPC_CHANGEABLE: Final = (
    "subnetIds",
    "securityGroupIds",
    "endpointPublicAccess",
    "endpointPrivateAccess",
    "publicAccessCidrs",
)
_VPC_TAKEN: Final = (*_VPC_CHANGEABLE, "controlPlaneEgressMode")


def _vpc_sent(value: Any) -> Any:
    return {key: item for key, item in value.items() if key in _VPC_TAKEN}


CLUSTER: Final = ResourceSpec(
    type="aws:eks/cluster:Cluster",
    service="eks",
    name=Name(limit=100),
    properties=(
        input_("name", "name", computed=True, replaces=True),
        input_("roleArn", "roleArn", required=True, replaces=True),
        input_("vpcConfig", "resourcesVpcConfig", required=True, form=Converter(send=_vpc_sent)),
        input_("version", "version", computed=True),
        input_("accessConfig", "accessConfig", computed=True, once=("bootstrapClusterCreatorAdminPermissions",)),
        input_("enabledClusterLogTypes", "logging.clusterLogging[?enabled].types[]"),
        input_("encryptionConfig", "encryptionConfig[0]", form=_ENCRYPTION, replaces=True),
        input_("kubernetesNetworkConfig", "kubernetesNetworkConfig", computed=True, replaces=True),
        input_("upgradePolicy", "upgradePolicy", computed=True),
        input_("zonalShiftConfig", "zonalShiftConfig"),
        input_("deletionProtection", "deletionProtection", computed=True),
        input_("computeConfig", "computeConfig"),
        input_("storageConfig", "storageConfig"),
        input_("bootstrapSelfManagedAddons", default=True, form=ONCE),
        computed("arn", "arn"),
        computed("certificateAuthority", "certificateAuthority"),
        computed("clusterId", "id"),
        computed("createdAt", "createdAt", TIME),
        computed("endpoint", "endpoint"),
        computed("identities", "identity && [{oidcs: [identity.oidc]}]"),
        computed("platformVersion", "platformVersion", volatile=True),
        computed("status", "status"),
    ),
    not_covered={
        "outpostConfig": _OFFICIAL,
        "remoteNetworkConfig": _OFFICIAL,
        "controlPlaneScalingConfig": _OFFICIAL,
        "kubeApiServerConfig": _OFFICIAL,
        "kubeControllerManagerConfig": _OFFICIAL,
        "kubeSchedulerConfig": _OFFICIAL,
        "defaultAddonsToRemoves": _OFFICIAL,
        "forceUpdateVersion": _OFFICIAL,
    },
    id=Id(("name",)),
    only_one=("name",),
    create=Call(
        "create_cluster",
        {
            "name": "$name",
            "roleArn": "$roleArn",
            "resourcesVpcConfig": "$vpcConfig",
            "version": "$version",
            "accessConfig": "$accessConfig",
            "logging": _logging,
            "encryptionConfig": "$encryptionConfig",
            "kubernetesNetworkConfig": "$kubernetesNetworkConfig",
            "upgradePolicy": "$upgradePolicy",
            "zonalShiftConfig": "$zonalShiftConfig",
            "deletionProtection": "$deletionProtection",
            "computeConfig": "$computeConfig",
            "storageConfig": "$storageConfig",
            "bootstrapSelfManagedAddons": "$bootstrapSelfManagedAddons",
            "tags": "$tagsAll",
        },
    ),
    read=Call("describe_cluster", {"name": "$id"}, "cluster"),
    updates=(
        Update(("version",), Call("update_cluster_version", {"name": "$id", "version": "$version"})),
        _config("vpcConfig", ("resourcesVpcConfig", _vpc_changes)),
        _config("accessConfig", ("accessConfig", {"authenticationMode": "$accessConfig.authenticationMode"})),
        _config("enabledClusterLogTypes", ("logging", _all_logging)),
        _config("upgradePolicy", ("upgradePolicy", "$upgradePolicy")),
        _config("zonalShiftConfig", ("zonalShiftConfig", "$zonalShiftConfig")),
        _config("deletionProtection", ("deletionProtection", "$deletionProtection")),
        Update(
            ("computeConfig", "storageConfig"),
            Call(
                "update_cluster_config",
                {"name": "$id", "computeConfig": "$computeConfig", "storageConfig": "$storageConfig"},
            ),
        ),
    ),
    delete=Call("delete_cluster", {"name": "$id"}),
    ready=_ACTIVE,
    deleted=Waiter("cluster_deleted", {"name": "$id"}),
    tags=eks_tags("arn"),
)

_ADDON_KEY: Final = {"clusterName": "$clusterName", "addonName": "$addonName"}


def _keep_running(values: Values) -> bool | None:
    return True if values.get("preserve") else None


def _same_associations(old: Any, new: Any) -> bool:
    """In any order."""
    return same_value(*(sorted(each or (), key=lambda item: str(item["serviceAccount"])) for each in (old, new)))


def _associations(values: Values) -> list[Any] | None:
    """All that there shall be; an empty list where there were some, which takes them away."""
    wanted: list[Any] | None = values.get("podIdentityAssociations")
    return wanted or ([] if values["before"].get("podIdentityAssociations") else None)


def _association_id(values: Values) -> str:
    return str(values["item"]).rpartition("/")[2]


ADDON: Final = ResourceSpec(
    type="aws:eks/addon:Addon",
    service="eks",
    properties=(
        input_("clusterName", "clusterName", required=True, replaces=True),
        input_("addonName", "addonName", required=True, replaces=True),
        input_("addonVersion", "addonVersion", computed=True),
        input_("configurationValues", "configurationValues", computed=True),
        input_("serviceAccountRoleArn", "serviceAccountRoleArn"),
        input_(
            "podIdentityAssociations",
            "Associations[].{serviceAccount: serviceAccount, roleArn: roleArn}",
            form=Converter(same=_same_associations),
        ),
        input_("namespaceConfig", "{namespace: namespace}", computed=True, replaces=True),
        input_("preserve"),
        input_("resolveConflictsOnCreate"),
        input_("resolveConflictsOnUpdate"),
        computed("arn", "addonArn"),
        computed("createdAt", "createdAt", TIME),
        computed("modifiedAt", "modifiedAt", TIME, volatile=True),
    ),
    id=Id(("clusterName", "addonName")),
    only_one=("clusterName", "addonName"),
    create=Call(
        "create_addon",
        {
            **_ADDON_KEY,
            "addonVersion": "$addonVersion",
            "configurationValues": "$configurationValues",
            "serviceAccountRoleArn": "$serviceAccountRoleArn",
            "podIdentityAssociations": "$podIdentityAssociations",
            "namespaceConfig": "$namespaceConfig",
            "resolveConflicts": "$resolveConflictsOnCreate",
            "tags": "$tagsAll",
        },
    ),
    read=Call("describe_addon", _ADDON_KEY, "addon"),
    details=(
        (
            "Associations",
            Call(
                "describe_pod_identity_association",
                {"clusterName": "$clusterName", "associationId": _association_id},
                "association",
                each="podIdentityAssociations",
            ),
        ),
    ),
    updates=(
        Update(
            ("addonVersion", "configurationValues", "serviceAccountRoleArn", "podIdentityAssociations"),
            Call(
                "update_addon",
                {
                    **_ADDON_KEY,
                    "addonVersion": "$addonVersion",
                    "configurationValues": "$configurationValues",
                    "serviceAccountRoleArn": "$serviceAccountRoleArn",
                    "podIdentityAssociations": _associations,
                    "resolveConflicts": "$resolveConflictsOnUpdate",
                },
            ),
        ),
    ),
    delete=Call("delete_addon", {**_ADDON_KEY, "preserve": _keep_running}),
    ready=Waiter("addon_active", _ADDON_KEY),
    deleted=Waiter("addon_deleted", _ADDON_KEY),
    tags=eks_tags("arn"),
)


def _label_changes(values: Values) -> dict[str, Any] | None:
    new, old = values.get("labels") or {}, values["before"].get("labels") or {}
    gone = [key for key in old if key not in new]
    changes = {"addOrUpdateLabels": new or None, "removeLabels": gone or None}
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
        input_("labels", "labels", form=WHOLE),
        input_("launchTemplate", "launchTemplate", form=_TEMPLATE, once=("id", "name")),
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
        "remoteAccess": "the lab's nodes are processes; nobody can log in",
        "warmPoolConfig": "the lab's nodes are processes; there is no pool of them",
    },
    id=Id(("clusterName", "nodeGroupName")),
    only_one=("clusterName", "nodeGroupName"),
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
        input_("selectors", "selectors", required=True, replaces=True, form=PLAIN),
        input_("fargateProfileName", "fargateProfileName", computed=True, replaces=True),
        input_("subnetIds", "subnets", computed=True, replaces=True),
        computed("arn", "fargateProfileArn"),
        computed("status", "status"),
    ),
    id=Id(("clusterName", "fargateProfileName")),
    only_one=("clusterName", "fargateProfileName"),
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

ROWS: Final = (
    CLUSTER,
    ADDON,
    NODE_GROUP,
    FARGATE_PROFILE,
)
