"""Functions that query EKS."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from lab.plugins.aws.functions.function import Arguments, Function, existing, selected
from lab.plugins.aws.resource_specs import eks as specs
from lab.plugins.aws.resource_specs import eks_access as access
from lab.plugins.errors import PluginError

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

_TOKEN_SECONDS: Final = 60
"""Seconds until the presigned URL expires; EKS accepts its token for 15 minutes."""


def _cluster(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    cluster = existing(clients, specs.CLUSTER, arguments["name"], arguments.get("region"))
    lists = {
        "accessConfigs": "accessConfig",
        "certificateAuthorities": "certificateAuthority",
        "kubernetesNetworkConfigs": "kubernetesNetworkConfig",
        "upgradePolicies": "upgradePolicy",
        "zonalShiftConfigs": "zonalShiftConfig",
    }
    return {
        "deletionProtection": False,
        "enabledClusterLogTypes": [],
        **selected(
            cluster,
            "id",
            "arn",
            "clusterId",
            "createdAt",
            "deletionProtection",
            "enabledClusterLogTypes",
            "endpoint",
            "identities",
            "name",
            "platformVersion",
            "roleArn",
            "status",
            "tags",
            "version",
            "vpcConfig",
        ),
        **{output: [cluster[name]] if cluster.get(name) else [] for output, name in lists.items()},
    }


def _clusters(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    region = arguments.get("region") or clients.region
    pages = clients.client("eks", region).get_paginator("list_clusters").paginate()
    return {"id": region, "names": [name for page in pages for name in page["clusters"]]}


def _cluster_auth(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    """Return a token like that of `aws eks get-token`: a presigned GetCallerIdentity request."""
    from botocore.signers import RequestSigner  # noqa: PLC0415

    name, region = arguments["name"], str(arguments.get("region") or clients.region)
    session: Any = clients.session
    service = clients.client("sts", region).meta.service_model.service_id
    signer = RequestSigner(service, region, "sts", "v4", session.get_credentials(), session.events)
    suffix = "amazonaws.com.cn" if clients.partition == "aws-cn" else "amazonaws.com"
    request = {
        "method": "GET",
        "url": f"https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": name},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name=region, expires_in=_TOKEN_SECONDS, operation_name="")
    encoded = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    return {"id": name, "token": f"k8s-aws-v1.{encoded}"}


def _addon_version(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    addon, kubernetes = arguments["addonName"], arguments["kubernetesVersion"]
    most_recent = bool(arguments.get("mostRecent"))
    client = clients.client("eks", arguments.get("region"))
    pages = client.get_paginator("describe_addon_versions").paginate(addonName=addon, kubernetesVersion=kubernetes)
    versions = [version for page in pages for addon_info in page["addons"] for version in addon_info["addonVersions"]]
    for version in versions:
        default = any(entry.get("defaultVersion") for entry in version.get("compatibilities", ()))
        if most_recent or default:
            return {"id": addon, "version": version["addonVersion"], "mostRecent": most_recent}
    raise PluginError(f"getAddonVersion: no version of the add-on {addon!r} supports Kubernetes {kubernetes}")


def _access_entry(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    entry_id = f"{arguments['clusterName']}:{arguments['principalArn']}"
    entry = existing(clients, access.ACCESS_ENTRY, entry_id, arguments.get("region"))
    names = (prop.name for prop in access.ACCESS_ENTRY.all_properties)
    return {"kubernetesGroups": [], **selected(entry, "id", *names)}


def _addon(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    entry_id = f"{arguments['clusterName']}:{arguments['addonName']}"
    addon = existing(clients, specs.ADDON, entry_id, arguments.get("region"))
    return {
        "configurationValues": "",
        "serviceAccountRoleArn": "",
        "podIdentityAssociations": [],
        **selected(
            addon,
            "id",
            "arn",
            "addonName",
            "addonVersion",
            "clusterName",
            "configurationValues",
            "createdAt",
            "modifiedAt",
            "serviceAccountRoleArn",
            "tags",
        ),
    }


_IN_CLUSTER: Final = frozenset({"clusterName", "region"})

FUNCTIONS: Final = (
    Function("aws:eks/getCluster:getCluster", _cluster, frozenset({"name", "region"})),
    Function("aws:eks/getClusters:getClusters", _clusters, frozenset({"region"})),
    Function(
        "aws:eks/getClusterAuth:getClusterAuth",
        _cluster_auth,
        frozenset({"name", "region"}),
        frozenset({"token"}),
    ),
    Function(
        "aws:eks/getAddonVersion:getAddonVersion",
        _addon_version,
        frozenset({"addonName", "kubernetesVersion", "mostRecent", "region"}),
    ),
    Function("aws:eks/getAccessEntry:getAccessEntry", _access_entry, _IN_CLUSTER | {"principalArn"}),
    Function("aws:eks/getAddon:getAddon", _addon, _IN_CLUSTER | {"addonName"}),
)
