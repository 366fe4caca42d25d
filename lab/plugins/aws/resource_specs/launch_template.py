"""Resource spec of EC2's launch templates, for the options of a managed node group."""

from __future__ import annotations

from typing import Any, Final

from lab.plugins.aws.converters import NESTED, Converter, lower, upper
from lab.plugins.aws.resource_spec import Call, Id, Name, ResourceSpec, Update, Values, computed, input_
from lab.plugins.aws.resource_specs.ec2 import EC2_TAGS, tag_specifications

_DATA: Final = "Version.LaunchTemplateData"
_PROCESSES: Final = "the lab's nodes are processes: it has no effect on them"
_NOT_COVERED: Final = (
    "capacityReservationSpecification",
    "cpuOptions",
    "creditSpecification",
    "defaultVersion",
    "disableApiStop",
    "disableApiTermination",
    "ebsOptimized",
    "enclaveOptions",
    "hibernationOptions",
    "iamInstanceProfile",
    "instanceInitiatedShutdownBehavior",
    "instanceMarketOptions",
    "instanceRequirements",
    "kernelId",
    "licenseSpecifications",
    "maintenanceOptions",
    "monitoring",
    "networkInterfaces",
    "networkPerformanceOptions",
    "placement",
    "privateDnsNameOptions",
    "ramDiskId",
    "secondaryInterfaces",
    "securityGroupNames",
)


def _specifications_sent(value: Any) -> Any:
    return [
        {
            "ResourceType": specification["resourceType"],
            "Tags": [{"Key": key, "Value": text} for key, text in (specification.get("tags") or {}).items()],
        }
        for specification in value or ()
    ]


def _specifications_shown(value: Any) -> Any:
    return [
        {
            "resourceType": specification["ResourceType"],
            "tags": {tag["Key"]: tag["Value"] for tag in specification.get("Tags", ())},
        }
        for specification in value or ()
    ] or None


def _latest(_values: Values) -> str:
    return "$Latest"  # EC2's name of the newest version


def _mappings_sent(value: Any) -> Any:
    """Return the block devices for EC2: the official plugin has some of EBS's booleans as strings."""
    return [
        {
            **upper({key: item for key, item in mapping.items() if key != "ebs"}),
            "Ebs": {
                key: item == "true" if item in _BOOLEANS else item
                for key, item in upper(mapping.get("ebs") or {}).items()
            },
        }
        for mapping in value or ()
    ]


def _mappings_shown(value: Any) -> Any:
    def text(item: Any) -> Any:
        return str(item).lower() if isinstance(item, bool) else item

    return [
        {**lower(mapping), "ebs": {key: text(item) for key, item in lower(mapping.get("Ebs") or {}).items()}}
        for mapping in value or ()
    ] or None


_BOOLEANS: Final = ("true", "false")
_BLOCK_DEVICES: Final = Converter(send=_mappings_sent, show=_mappings_shown)
_TAG_SPECIFICATIONS: Final = Converter(send=_specifications_sent, show=_specifications_shown)
_TEMPLATE_DATA: Final = {
    "BlockDeviceMappings": "$blockDeviceMappings",
    "ImageId": "$imageId",
    "InstanceType": "$instanceType",
    "KeyName": "$keyName",
    "MetadataOptions": "$metadataOptions",
    "SecurityGroupIds": "$vpcSecurityGroupIds",
    "TagSpecifications": "$tagSpecifications",
    "UserData": "$userData",
}
_VERSIONED: Final = (
    "blockDeviceMappings",
    "imageId",
    "instanceType",
    "keyName",
    "metadataOptions",
    "vpcSecurityGroupIds",
    "tagSpecifications",
    "userData",
    "description",
)

LAUNCH_TEMPLATE: Final = ResourceSpec(
    type="aws:ec2/launchTemplate:LaunchTemplate",
    service="ec2",
    name=Name(limit=125, prefix="namePrefix"),
    properties=(
        input_("name", "LaunchTemplateName", computed=True, replaces=True),
        input_("namePrefix", computed=True, replaces=True),
        input_("description", "Version.VersionDescription"),
        input_("blockDeviceMappings", f"{_DATA}.BlockDeviceMappings", converter=_BLOCK_DEVICES),
        input_("imageId", f"{_DATA}.ImageId"),
        input_("instanceType", f"{_DATA}.InstanceType"),
        input_("keyName", f"{_DATA}.KeyName"),
        input_("metadataOptions", f"{_DATA}.MetadataOptions", converter=NESTED, computed=True),
        input_("vpcSecurityGroupIds", f"{_DATA}.SecurityGroupIds"),
        # moto also returns the template's own tags.
        input_(
            "tagSpecifications",
            f"{_DATA}.TagSpecifications[?ResourceType!='launch-template']",
            converter=_TAG_SPECIFICATIONS,
        ),
        input_("userData", f"{_DATA}.UserData"),
        input_("updateDefaultVersion"),
        computed(
            "arn", "join('', ['arn:', Partition, ':ec2:', Region, ':', Account, ':launch-template/', LaunchTemplateId])"
        ),
        computed("latestVersion", "LatestVersionNumber", volatile=True),
    ),
    not_covered=dict.fromkeys(_NOT_COVERED, _PROCESSES),
    id=Id(answer="LaunchTemplate.LaunchTemplateId"),
    unique_by=("name",),
    create=Call(
        "create_launch_template",
        {
            "LaunchTemplateName": "$name",
            "VersionDescription": "$description",
            "LaunchTemplateData": _TEMPLATE_DATA,
            "TagSpecifications": tag_specifications("launch-template"),
        },
    ),
    read=Call("describe_launch_templates", {"LaunchTemplateIds": ["$id"]}, "LaunchTemplates[0]"),
    details=(
        # moto's describe_launch_templates returns the tags at creation.
        (
            "Tags",
            Call("describe_tags", {"Filters": [{"Name": "resource-id", "Values": ["$id"]}]}, "Tags"),
        ),
        (
            "Version",
            Call(
                "describe_launch_template_versions",
                {"LaunchTemplateId": "$id", "Versions": [_latest]},
                "LaunchTemplateVersions[0]",
            ),
        ),
    ),
    updates=(
        Update(
            _VERSIONED,
            Call(
                "create_launch_template_version",
                {
                    "LaunchTemplateId": "$id",
                    "VersionDescription": "$description",
                    "LaunchTemplateData": _TEMPLATE_DATA,
                },
            ),
        ),
    ),
    delete=Call("delete_launch_template", {"LaunchTemplateId": "$id"}),
    tags=EC2_TAGS,
)

SPECS: Final = (LAUNCH_TEMPLATE,)
