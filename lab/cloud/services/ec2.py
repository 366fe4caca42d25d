"""Enforced operations of Amazon EC2: networks, volumes, instances and launch templates that add-ons use."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.context import Values
from lab.cloud.services import ec2_resources
from lab.cloud.services.ec2_resources import fill
from lab.cloud.services.requirements import list_resources
from lab.cloud.services.rules import (
    PassedRole,
    Requirement,
    Service,
    any_of,
    members,
    names,
    tag_mapping,
)

_CREATED_TYPES: dict[str, tuple[str, ...]] = {
    "CreateFleet": ("fleet", "instance"),
    "CreateLaunchTemplate": ("launch-template",),
    "CreateNetworkInterface": ("network-interface",),
    "CreateSecurityGroup": ("security-group",),
    "CreateSnapshot": ("snapshot",),
    "CreateSubnet": ("subnet",),
    "CreateVolume": ("volume",),
    "CreateVpc": ("vpc",),
    "RunInstances": ("instance", "volume", "network-interface"),
}
"""The types of resources that an operation creates. AWS authorizes them on an ARN with `*` in place of the id."""


def _create(call: ApiCall) -> Iterator[Requirement]:
    """Yield the action on the resources that the call uses and on those that it creates, and ec2:CreateTags on these.

    The condition keys of request tags are those of the resource's type.
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    action = EC2.action_of(call.name)
    created_types = _CREATED_TYPES[call.name]
    tags_by_type = {
        str(entry.get("ResourceType")): tag_mapping(entry.get("Tags"))
        for entry in call.params.get("TagSpecifications") or ()
    }
    for kind in created_types:
        if kind == "network-interface" and call.find("NetworkInterfaces[].NetworkInterfaceId"):
            continue
        yield Requirement(action, fill(call, kind, "*"), _tag_values(tags_by_type.get(kind, {})), creates=True)
    for arn in dict.fromkeys(list_resources(EC2, call, action)):
        yield Requirement(action, arn)
    for kind, tags in tags_by_type.items():
        if tags and kind in created_types:
            values = {**_tag_values(tags), "ec2:CreateAction": call.name}
            yield Requirement("ec2:CreateTags", fill(call, kind, "*"), values, creates=True)
    if call.name in {"RunInstances", "CreateFleet"}:
        for profile in ec2_resources.profiles_of_templates(call):
            for role in ec2_resources.roles_of_profile(call, profile):
                yield Requirement("iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"})


def _tag_values(tags: dict[str, str]) -> Values:
    values: Values = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return values | ({"aws:TagKeys": tuple(tags)} if tags else {})


def _tag(call: ApiCall) -> Iterator[Requirement]:
    for arn in ec2_resources.tagged(call):
        yield Requirement(EC2.action_of(call.name), arn)


def _context(call: ApiCall, _requirement: Requirement) -> Values:
    values: Values = {"ec2:Region": call.region}
    profile = call.find("IamInstanceProfile.Arn")
    return values | ({"ec2:InstanceProfile": str(profile)} if profile else {})


_PROFILE = (
    PassedRole(
        "ec2.amazonaws.com", "[IamInstanceProfile.Arn, IamInstanceProfile.Name]", ec2_resources.roles_of_profile
    ),
)

EC2 = Service(
    name="ec2",
    prefix="ec2",
    signing_name="ec2",
    backend="ec2",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html",
    operations=names(
        "AssignIpv6Addresses AssignPrivateIpAddresses AssociateIamInstanceProfile AttachNetworkInterface AttachVolume "
        "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateFleet CreateLaunchTemplate "
        "CreateLaunchTemplateVersion CreateNetworkInterface CreateSecurityGroup CreateSnapshot CreateSubnet "
        "CreateTags CreateVolume CreateVpc DeleteLaunchTemplate DeleteNetworkInterface DeleteSecurityGroup "
        "DeleteSnapshot DeleteSubnet DeleteTags DeleteVolume DeleteVpc DescribeAccountAttributes DescribeAddresses "
        "DescribeAvailabilityZones DescribeIamInstanceProfileAssociations DescribeImages DescribeInstanceStatus "
        "DescribeInstanceTypeOfferings DescribeInstanceTypes DescribeInstances DescribeInternetGateways "
        "DescribeLaunchTemplateVersions DescribeLaunchTemplates DescribeNetworkAcls DescribeNetworkInterfaces "
        "DescribeRegions DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups DescribeSnapshots "
        "DescribeSpotPriceHistory DescribeSubnets DescribeTags DescribeVolumes "
        "DescribeVolumesModifications DescribeVpcAttribute DescribeVpcPeeringConnections DescribeVpcs "
        "DetachNetworkInterface DetachVolume DisassociateIamInstanceProfile ModifyNetworkInterfaceAttribute "
        "ModifySecurityGroupRules ModifySubnetAttribute ModifyVolume ModifyVpcAttribute "
        "ReplaceIamInstanceProfileAssociation RevokeSecurityGroupEgress RevokeSecurityGroupIngress RunInstances "
        "TerminateInstances UnassignPrivateIpAddresses UpdateSecurityGroupRuleDescriptionsEgress "
        "UpdateSecurityGroupRuleDescriptionsIngress"
    ),
    resources={
        "image": members(ImageId="ImageId"),
        "instance": any_of(
            members(InstanceId="[InstanceId, InstanceIds][]"),
            ec2_resources.attached("instance", "instance"),
            ec2_resources.associated_instances,
        ),
        "key-pair": members(KeyPairName="KeyName"),
        "launch-template": ec2_resources.launch_templates,
        "network-interface": any_of(
            members(NetworkInterfaceId="[NetworkInterfaceId, NetworkInterfaces[].NetworkInterfaceId][]"),
            ec2_resources.attached("network-interface", "id"),
        ),
        "security-group": ec2_resources.security_groups,
        "security-group-rule": members(
            SecurityGroupRuleId="[SecurityGroupRuleIds, SecurityGroupRules[].SecurityGroupRuleId][]"
        ),
        "snapshot": members(SnapshotId="[SnapshotId, BlockDeviceMappings[].Ebs.SnapshotId][]"),
        "subnet": members(SubnetId="[SubnetId, NetworkInterfaces[].SubnetId][]"),
        "volume": members(VolumeId="VolumeId"),
        "vpc": members(VpcId="VpcId"),
    },
    requirements={**dict.fromkeys(_CREATED_TYPES, _create), "CreateTags": _tag, "DeleteTags": _tag},
    condition_members={
        "ec2:InstanceType": "InstanceType",
        "ec2:MetadataHttpEndpoint": "MetadataOptions.HttpEndpoint",
        "ec2:MetadataHttpPutResponseHopLimit": "MetadataOptions.HttpPutResponseHopLimit",
        "ec2:MetadataHttpTokens": "MetadataOptions.HttpTokens",
        "ec2:VolumeType": "VolumeType",
        "ec2:VolumeSize": "Size",
        "ec2:Encrypted": "Encrypted",
    },
    context=_context,
    list_tags=ec2_resources.list_tags,
    passed_roles={
        "AssociateIamInstanceProfile": _PROFILE,
        "ReplaceIamInstanceProfileAssociation": _PROFILE,
        "RunInstances": _PROFILE,
    },
    invalid_arn=("InvalidParameterValue", 400),
)
