"""Functions that query the caller, the region and the partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lab.plugins.aws.functions.function import Arguments, Function
from lab.plugins.errors import PluginError

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients


def _endpoints(clients: Clients) -> dict[str, Any]:
    """Return botocore's description of the provider's partition: DNS suffix, regions."""
    partitions = clients.session._session.get_data("endpoints")["partitions"]  # noqa: SLF001 - boto3 has no public access to it
    return next(dict(partition) for partition in partitions if partition["partition"] == clients.partition)


def _partition(clients: Clients, _arguments: Arguments) -> dict[str, Any]:
    suffix = str(_endpoints(clients)["dnsSuffix"])
    return {
        "id": clients.partition,
        "partition": clients.partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _region(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    name = arguments.get("region") or arguments.get("name") or clients.region
    data = _endpoints(clients)
    if name not in data["regions"]:
        raise PluginError(f"getRegion: {clients.partition} has no region {name}")
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": data["regions"][name]["description"],
        "endpoint": f"ec2.{name}.{data['dnsSuffix']}",
    }


def _caller_identity(clients: Clients, _arguments: Arguments) -> dict[str, Any]:
    caller = clients.client("sts").get_caller_identity()
    account = caller["Account"]
    return {"id": account, "accountId": account, "arn": caller["Arn"], "userId": caller["UserId"]}


def _availability_zones(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    region = arguments.get("region") or clients.region
    zones = clients.client("ec2", region).describe_availability_zones()["AvailabilityZones"]
    state = arguments.get("state")
    excluded = {*(arguments.get("excludeNames") or ()), *(arguments.get("excludeZoneIds") or ())}
    selected = sorted(
        (zone["ZoneName"], zone["ZoneId"])
        for zone in zones
        if state in (None, zone["State"]) and not {zone["ZoneName"], zone["ZoneId"]} & excluded
    )
    return {
        "id": region,
        "names": [name for name, _ in selected],
        "zoneIds": [zone_id for _, zone_id in selected],
        "groupNames": sorted({zone.get("GroupName") or region for zone in zones}),
    }


def _default_tags(clients: Clients, _arguments: Arguments) -> dict[str, Any]:
    return {"id": clients.partition, "tags": clients.settings.default_tags()}


def _service_principal(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    region = arguments.get("region") or clients.region
    service = arguments["serviceName"]
    return {
        "id": f"{service}.{region}.amazonaws.com",
        "name": f"{service}.amazonaws.com",
        "suffix": "amazonaws.com",
    }


FUNCTIONS: Final = (
    Function("aws:index/getPartition:getPartition", _partition),
    Function("aws:index/getRegion:getRegion", _region, frozenset({"name", "region"})),
    Function("aws:index/getCallerIdentity:getCallerIdentity", _caller_identity),
    Function(
        "aws:index/getAvailabilityZones:getAvailabilityZones",
        _availability_zones,
        frozenset({"state", "excludeNames", "excludeZoneIds", "region"}),
    ),
    Function("aws:index/getDefaultTags:getDefaultTags", _default_tags),
    Function(
        "aws:index/getServicePrincipal:getServicePrincipal",
        _service_principal,
        frozenset({"serviceName", "region"}),
    ),
)
