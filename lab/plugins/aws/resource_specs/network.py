"""Resource specs of EC2's VPCs and subnets."""

from __future__ import annotations

from typing import Final

from lab.plugins.aws.resource_spec import Call, Id, ResourceSpec, Update, computed, input_
from lab.plugins.aws.resource_specs.ec2 import EC2_TAGS, tag_specifications

_NO_IPV6: Final = "the lab's networks have IPv4 only"
_NO_IPAM: Final = "set cidrBlock: the lab has no IP address manager"


def _vpc_attribute(member: str) -> Call:
    name = member[:1].lower() + member[1:]
    return Call("describe_vpc_attribute", {"VpcId": "$id", "Attribute": name}, f"{member}.Value")


VPC: Final = ResourceSpec(
    type="aws:ec2/vpc:Vpc",
    service="ec2",
    properties=(
        input_("cidrBlock", "CidrBlock", required=True, replaces=True),
        input_("instanceTenancy", "InstanceTenancy", default="default", replaces=True),
        input_("enableDnsSupport", "EnableDnsSupport", default=True),
        input_("enableDnsHostnames", "EnableDnsHostnames", default=False),
        computed("arn", "join('', ['arn:', Partition, ':ec2:', Region, ':', OwnerId, ':vpc/', VpcId])"),
        computed("ownerId", "OwnerId"),
        computed("dhcpOptionsId", "DhcpOptionsId"),
        computed("mainRouteTableId", "MainRouteTable"),
        computed("defaultRouteTableId", "MainRouteTable"),
        computed("defaultSecurityGroupId", "DefaultSecurityGroup"),
        computed("defaultNetworkAclId", "DefaultNetworkAcl"),
    ),
    not_covered={
        "assignGeneratedIpv6CidrBlock": _NO_IPV6,
        "ipv6CidrBlock": _NO_IPV6,
        "ipv6CidrBlockNetworkBorderGroup": _NO_IPV6,
        "ipv6IpamPoolId": _NO_IPV6,
        "ipv6NetmaskLength": _NO_IPV6,
        "ipv6AssociationId": _NO_IPV6,
        "ipv4IpamPoolId": _NO_IPAM,
        "ipv4NetmaskLength": _NO_IPAM,
        "enableNetworkAddressUsageMetrics": "the lab has no metrics",
    },
    id=Id(answer="Vpc.VpcId"),
    create=Call(
        "create_vpc",
        {
            "CidrBlock": "$cidrBlock",
            "InstanceTenancy": "$instanceTenancy",
            "TagSpecifications": tag_specifications("vpc"),
        },
    ),
    after_create=(
        Update(
            ("enableDnsSupport",),
            Call("modify_vpc_attribute", {"VpcId": "$id", "EnableDnsSupport": {"Value": "$enableDnsSupport"}}),
        ),
        Update(
            ("enableDnsHostnames",),
            Call("modify_vpc_attribute", {"VpcId": "$id", "EnableDnsHostnames": {"Value": "$enableDnsHostnames"}}),
        ),
    ),
    read=Call("describe_vpcs", {"VpcIds": ["$id"]}, "Vpcs[0]"),
    details=(
        ("EnableDnsSupport", _vpc_attribute("EnableDnsSupport")),
        ("EnableDnsHostnames", _vpc_attribute("EnableDnsHostnames")),
        (
            "MainRouteTable",
            Call(
                "describe_route_tables",
                {"Filters": [{"Name": "vpc-id", "Values": ["$id"]}, {"Name": "association.main", "Values": ["true"]}]},
                "RouteTables[0].RouteTableId",
            ),
        ),
        (
            "DefaultSecurityGroup",
            Call(
                "describe_security_groups",
                {"Filters": [{"Name": "vpc-id", "Values": ["$id"]}, {"Name": "group-name", "Values": ["default"]}]},
                "SecurityGroups[0].GroupId",
            ),
        ),
        (
            "DefaultNetworkAcl",
            Call(
                "describe_network_acls",
                {"Filters": [{"Name": "vpc-id", "Values": ["$id"]}, {"Name": "default", "Values": ["true"]}]},
                "NetworkAcls[0].NetworkAclId",
            ),
        ),
    ),
    updates=(
        Update(
            ("enableDnsSupport",),
            Call("modify_vpc_attribute", {"VpcId": "$id", "EnableDnsSupport": {"Value": "$enableDnsSupport"}}),
        ),
        Update(
            ("enableDnsHostnames",),
            Call("modify_vpc_attribute", {"VpcId": "$id", "EnableDnsHostnames": {"Value": "$enableDnsHostnames"}}),
        ),
    ),
    delete=Call("delete_vpc", {"VpcId": "$id"}),
    tags=EC2_TAGS,
)

_PUBLIC: Final = Update(
    ("mapPublicIpOnLaunch",),
    Call("modify_subnet_attribute", {"SubnetId": "$id", "MapPublicIpOnLaunch": {"Value": "$mapPublicIpOnLaunch"}}),
)
_NO_DNS_CHOICE: Final = "the lab has no resolver"

SUBNET: Final = ResourceSpec(
    type="aws:ec2/subnet:Subnet",
    service="ec2",
    properties=(
        input_("vpcId", "VpcId", required=True, replaces=True),
        input_("cidrBlock", "CidrBlock", required=True, replaces=True),
        input_("availabilityZone", "AvailabilityZone", computed=True, replaces=True),
        input_("availabilityZoneId", "AvailabilityZoneId", computed=True, replaces=True),
        input_("mapPublicIpOnLaunch", "MapPublicIpOnLaunch", default=False),
        computed("arn", "SubnetArn"),
        computed("ownerId", "OwnerId"),
    ),
    not_covered={
        "assignIpv6AddressOnCreation": _NO_IPV6,
        "enableDns64": _NO_IPV6,
        "ipv6CidrBlock": _NO_IPV6,
        "ipv6CidrBlockAssociationId": _NO_IPV6,
        "ipv6IpamPoolId": _NO_IPV6,
        "ipv6Native": _NO_IPV6,
        "ipv6NetmaskLength": _NO_IPV6,
        "ipv4IpamPoolId": _NO_IPAM,
        "ipv4NetmaskLength": _NO_IPAM,
        "customerOwnedIpv4Pool": "the lab has no Outposts",
        "mapCustomerOwnedIpOnLaunch": "the lab has no Outposts",
        "outpostArn": "the lab has no Outposts",
        "enableLniAtDeviceIndex": "the lab has no Outposts",
        "enableResourceNameDnsARecordOnLaunch": _NO_DNS_CHOICE,
        "enableResourceNameDnsAaaaRecordOnLaunch": _NO_DNS_CHOICE,
        "privateDnsHostnameTypeOnLaunch": _NO_DNS_CHOICE,
    },
    id=Id(answer="Subnet.SubnetId"),
    unique_by=("vpcId", "cidrBlock"),
    create=Call(
        "create_subnet",
        {
            "VpcId": "$vpcId",
            "CidrBlock": "$cidrBlock",
            "AvailabilityZone": "$availabilityZone",
            "AvailabilityZoneId": "$availabilityZoneId",
            "TagSpecifications": tag_specifications("subnet"),
        },
    ),
    after_create=(_PUBLIC,),
    read=Call("describe_subnets", {"SubnetIds": ["$id"]}, "Subnets[0]"),
    updates=(_PUBLIC,),
    delete=Call("delete_subnet", {"SubnetId": "$id"}),
    tags=EC2_TAGS,
)

SPECS: Final = (VPC, SUBNET)
