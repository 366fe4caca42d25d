"""Functions that query EC2's networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lab.plugins.aws.functions.function import Arguments, Function, existing, selected
from lab.plugins.aws.resource_specs import ec2 as security_groups
from lab.plugins.aws.resource_specs import network as specs
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
"""The functions' arguments, and EC2's filters for them."""


def _filters(arguments: Arguments) -> list[dict[str, Any]]:
    filters = [
        {"Name": name, "Values": [str(arguments[key]).lower() if arguments[key] is True else str(arguments[key])]}
        for key, name in _FILTERS.items()
        if arguments.get(key) not in (None, False)
    ]
    filters += [{"Name": custom["name"], "Values": custom["values"]} for custom in arguments.get("filters") or ()]
    return filters + [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]


def _request(arguments: Arguments, ids: str) -> dict[str, Any]:
    by_id = {ids: [arguments["id"]]} if arguments.get("id") else {}
    filters = _filters(arguments)
    return {**by_id, "Filters": filters} if filters else by_id


def _single(function: str, matches: list[Any]) -> Any:
    if len(matches) != 1:
        count = "no resource matches" if not matches else f"{len(matches)} resources match, one is required"
        raise PluginError(f"{function}: {count}", fix="select it by id, or by tags that only it has")
    return matches[0]


def _vpc(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    vpc = _single("getVpc", client.describe_vpcs(**_request(arguments, "VpcIds"))["Vpcs"])
    state = existing(clients, specs.VPC, vpc["VpcId"], arguments.get("region"))
    return {
        **selected(
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
        "default": vpc["IsDefault"],
        "state": vpc["State"],
    }


def _subnets(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    region = arguments.get("region") or clients.region
    pages = clients.client("ec2", region).get_paginator("describe_subnets").paginate(**_request(arguments, "SubnetIds"))
    return {"id": region, "ids": [subnet["SubnetId"] for page in pages for subnet in page["Subnets"]]}


def _subnet(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    subnet = _single("getSubnet", client.describe_subnets(**_request(arguments, "SubnetIds"))["Subnets"])
    state = existing(clients, specs.SUBNET, subnet["SubnetId"], arguments.get("region"))
    names = ("id", "arn", "availabilityZone", "availabilityZoneId", "cidrBlock", "mapPublicIpOnLaunch", "ownerId")
    return {
        **selected(state, *names, "tags", "vpcId"),
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "defaultForAz": subnet["DefaultForAz"],
        "state": subnet["State"],
    }


def _security_group(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    group = _single(
        "getSecurityGroup", client.describe_security_groups(**_request(arguments, "GroupIds"))["SecurityGroups"]
    )
    state = existing(clients, security_groups.SECURITY_GROUP, group["GroupId"], arguments.get("region"))
    return selected(state, "id", "arn", "description", "name", "tags", "vpcId")


def _route_table(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    client = clients.client("ec2", arguments.get("region"))
    request = _request({key: value for key, value in arguments.items() if key != "subnetId"}, "RouteTableIds")
    if "subnetId" in arguments:
        by_subnet = {"Name": "association.subnet-id", "Values": [arguments["subnetId"]]}
        request["Filters"] = [*request.get("Filters", []), by_subnet]
    table = _single("getRouteTable", client.describe_route_tables(**request)["RouteTables"])
    return {
        "id": table["RouteTableId"],
        "routeTableId": table["RouteTableId"],
        "vpcId": table["VpcId"],
        "ownerId": table["OwnerId"],
        "tags": {tag["Key"]: tag["Value"] for tag in table["Tags"]},
        "routes": [
            {"cidrBlock": route.get("DestinationCidrBlock", ""), "gatewayId": route.get("GatewayId", "")}
            for route in table["Routes"]
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
