"""Functions about EC2's networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lab.plugins.aws.functions.function import Arguments, Function, existing, picked
from lab.plugins.aws.resource_specs import ec2 as groups
from lab.plugins.aws.resource_specs import network as rows
from lab.plugins.errors import PluginError

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

_FILTERS: Final = {
    "cidrBlock": "cidr-block",
    "default": "is-default",
    "defaultForAz": "default-for-az",
    "dhcpOptionsId": "dhcp-options-id",
    "state": "state",
    "vpcId": "vpc-id",
    "availabilityZone": "availability-zone",
    "availabilityZoneId": "availability-zone-id",
    "name": "group-name",
}
"""Arguments of the functions, and EC2's filters for them."""


def _filters(arguments: Arguments) -> list[dict[str, Any]]:
    found = [
        {"Name": name, "Values": [str(arguments[key]).lower() if arguments[key] is True else str(arguments[key])]}
        for key, name in _FILTERS.items()
        if arguments.get(key) not in (None, False)
    ]
    found += [{"Name": each["name"], "Values": each["values"]} for each in arguments.get("filters") or ()]
    return found + [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]


def _request(arguments: Arguments, ids: str) -> dict[str, Any]:
    wanted = {ids: [arguments["id"]]} if arguments.get("id") else {}
    filters = _filters(arguments)
    return {**wanted, "Filters": filters} if filters else wanted


def _only(function: str, found: list[Any]) -> Any:
    if len(found) != 1:
        matches = "nothing matches" if not found else f"{len(found)} match, and it takes one"
        raise PluginError(f"{function}: {matches}", fix="name it by id, or by tags that only it has")
    return found[0]


def _vpc(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    found = _only("getVpc", client.describe_vpcs(**_request(arguments, "VpcIds"))["Vpcs"])
    state = existing(clients, rows.VPC, found["VpcId"], arguments.get("region"))
    return {
        **picked(
            state,
            "id",
            "arn",
            "cidrBlock",
            "dhcpOptionsId",
            "enableDnsHostnames",
            "enableDnsSupport",
            "instanceTenancy",
            "mainRouteTableId",
            "ownerId",
            "tags",
        ),
        "default": found["IsDefault"],
        "state": found["State"],
    }


def _subnets(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    region = arguments.get("region") or clients.region
    pages = clients.client("ec2", region).get_paginator("describe_subnets").paginate(**_request(arguments, "SubnetIds"))
    return {"id": region, "ids": [subnet["SubnetId"] for page in pages for subnet in page["Subnets"]]}


def _subnet(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    found = _only("getSubnet", client.describe_subnets(**_request(arguments, "SubnetIds"))["Subnets"])
    state = existing(clients, rows.SUBNET, found["SubnetId"], arguments.get("region"))
    names = ("id", "arn", "availabilityZone", "availabilityZoneId", "cidrBlock", "mapPublicIpOnLaunch", "ownerId")
    return {
        **picked(state, *names, "tags", "vpcId"),
        "availableIpAddressCount": found["AvailableIpAddressCount"],
        "defaultForAz": found["DefaultForAz"],
        "state": found["State"],
    }


def _security_group(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    found = _only(
        "getSecurityGroup", client.describe_security_groups(**_request(arguments, "GroupIds"))["SecurityGroups"]
    )
    state = existing(clients, groups.SECURITY_GROUP, found["GroupId"], arguments.get("region"))
    return picked(state, "id", "arn", "description", "name", "tags", "vpcId")


def _route_table(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    request = _request({key: value for key, value in arguments.items() if key != "subnetId"}, "RouteTableIds")
    if "subnetId" in arguments:
        by_subnet = {"Name": "association.subnet-id", "Values": [arguments["subnetId"]]}
        request["Filters"] = [*request.get("Filters", []), by_subnet]
    found = _only("getRouteTable", client.describe_route_tables(**request)["RouteTables"])
    return {
        "id": found["RouteTableId"],
        "routeTableId": found["RouteTableId"],
        "vpcId": found["VpcId"],
        "ownerId": found["OwnerId"],
        "tags": {tag["Key"]: tag["Value"] for tag in found["Tags"]},
        "routes": [
            {"cidrBlock": route.get("DestinationCidrBlock", ""), "gatewayId": route.get("GatewayId", "")}
            for route in found["Routes"]
        ],
    }


_ANY: Final = frozenset({"id", "filters", "tags", "region"})

FUNCTIONS: Final = (
    Function("aws:ec2/getVpc:getVpc", _vpc, _ANY | {"cidrBlock", "default", "dhcpOptionsId", "state"}),
    Function("aws:ec2/getSubnets:getSubnets", _subnets, _ANY - {"id"}),
    Function(
        "aws:ec2/getSubnet:getSubnet",
        _subnet,
        _ANY | {"availabilityZone", "availabilityZoneId", "cidrBlock", "defaultForAz", "state", "vpcId"},
    ),
    Function("aws:ec2/getRouteTable:getRouteTable", _route_table, _ANY - {"id"} | {"subnetId", "vpcId"}),
    Function("aws:ec2/getSecurityGroup:getSecurityGroup", _security_group, _ANY | {"name", "vpcId"}),
)
