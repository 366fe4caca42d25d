"""Resource specs of EKS's clusters and add-ons."""

from __future__ import annotations

from typing import Any, Final

from lab.plugins.aws.converters import CREATE_ONLY, TAG_MAP, TIME, Converter, same_value
from lab.plugins.aws.resource_spec import Call, Id, Name, ResourceSpec, Tags, Update, Values, Waiter, computed, input_

_NOT_IN_LAB: Final = "the lab's EKS does not support it"


def eks_tags(arn: str) -> Tags:
    return Tags(
        add=Call("tag_resource", {"resourceArn": f"${arn}", "tags": "$tagsAll"}),
        remove=Call("untag_resource", {"resourceArn": f"${arn}", "tagKeys": "$tagKeys"}),
        found="tags",
        converter=TAG_MAP,
    )


_LOG_TYPES: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(values: Values) -> dict[str, Any] | None:
    """Return the logging setting: EKS requires every log type, enabled or disabled."""
    enabled_types = values.get("enabledClusterLogTypes")
    if enabled_types is None:
        return None
    on = [kind for kind in _LOG_TYPES if kind in enabled_types]
    on += [kind for kind in enabled_types if kind not in _LOG_TYPES]
    off = [kind for kind in _LOG_TYPES if kind not in enabled_types]
    setups = [{"types": kinds, "enabled": enabled} for kinds, enabled in ((on, True), (off, False)) if kinds]
    return {"clusterLogging": setups}


def _all_logging(values: Values) -> dict[str, Any] | None:
    return _logging({"enabledClusterLogTypes": values.get("enabledClusterLogTypes") or []})


_ENCRYPTION: Final = Converter(send=lambda value: [value] if value else None, show=lambda value: value or None)
_ACTIVE: Final = Waiter("cluster_active", {"name": "$id"})


def _config(name: str, request: Any) -> Update:
    """Return the update of one setting: EKS changes one setting at a time by UpdateClusterConfig."""
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
_VPC_SETTABLE: Final = (*_VPC_CHANGEABLE, "controlPlaneEgressMode")


def _vpc_sent(value: Any) -> Any:
    return {key: item for key, item in value.items() if key in _VPC_SETTABLE}


CLUSTER: Final = ResourceSpec(
    type="aws:eks/cluster:Cluster",
    service="eks",
    name=Name(limit=100),
    properties=(
        input_("name", "name", computed=True, replaces=True),
        input_("roleArn", "roleArn", required=True, replaces=True),
        input_("vpcConfig", "resourcesVpcConfig", required=True, converter=Converter(send=_vpc_sent)),
        input_("version", "version", computed=True),
        input_("accessConfig", "accessConfig", computed=True, create_only=("bootstrapClusterCreatorAdminPermissions",)),
        input_("enabledClusterLogTypes", "logging.clusterLogging[?enabled].types[]"),
        input_("encryptionConfig", "encryptionConfig[0]", converter=_ENCRYPTION, replaces=True),
        input_("kubernetesNetworkConfig", "kubernetesNetworkConfig", computed=True, replaces=True),
        input_("upgradePolicy", "upgradePolicy", computed=True),
        input_("zonalShiftConfig", "zonalShiftConfig"),
        input_("deletionProtection", "deletionProtection", computed=True),
        input_("computeConfig", "computeConfig"),
        input_("storageConfig", "storageConfig"),
        input_("bootstrapSelfManagedAddons", default=True, converter=CREATE_ONLY),
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
        "outpostConfig": _NOT_IN_LAB,
        "remoteNetworkConfig": _NOT_IN_LAB,
        "controlPlaneScalingConfig": _NOT_IN_LAB,
        "kubeApiServerConfig": _NOT_IN_LAB,
        "kubeControllerManagerConfig": _NOT_IN_LAB,
        "kubeSchedulerConfig": _NOT_IN_LAB,
        "defaultAddonsToRemoves": _NOT_IN_LAB,
        "forceUpdateVersion": _NOT_IN_LAB,
    },
    id=Id(("name",)),
    unique_by=("name",),
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
    """Compare the associations in any order."""
    return same_value(*(sorted(items or (), key=lambda item: str(item["serviceAccount"])) for items in (old, new)))


def _associations(values: Values) -> list[Any] | None:
    """Return all associations; an empty list removes the existing ones."""
    associations: list[Any] | None = values.get("podIdentityAssociations")
    return associations or ([] if values["before"].get("podIdentityAssociations") else None)


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
            converter=Converter(same=_same_associations),
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
    unique_by=("clusterName", "addonName"),
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

SPECS: Final = (CLUSTER, ADDON)
