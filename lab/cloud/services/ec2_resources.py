"""Resources of Amazon EC2 calls: ids in the input, names that stand for ids, new resources, and instance profiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from moto.ec2.models import ec2_backends

from lab.cloud import iam_lookup
from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType, resource_types
from lab.cloud.services.rules import InvalidArnError, Resolver, call_variables, members

ID_PREFIXES = {
    "acl": "network-acl",
    "ami": "image",
    "eni": "network-interface",
    "fleet": "fleet",
    "i": "instance",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
}
"""Resource types by the prefix of their ids. CreateTags and DeleteTags name resources of any type by their ids."""


def backend(call: ApiCall) -> Any:
    return ec2_backends[call.account][call.region]


def fill(call: ApiCall, kind: str, resource_id: str) -> str:
    """Return the ARN of an EC2 resource of this account by its id."""
    resource_type = resource_types("ec2")[kind]
    (variable,) = {part for part in ("Id", "Name") if f"{part}}}" in resource_type.arn_format}
    name = resource_type.arn_format.rpartition("${")[2].removesuffix("}")
    assert name.endswith(variable)
    return resource_type.fill({**call_variables(call), name: resource_id})


def tagged(call: ApiCall) -> Iterator[str]:
    """Yield the resources of CreateTags and DeleteTags."""
    for resource_id in call.params.get("Resources") or ():
        kind = ID_PREFIXES.get(str(resource_id).partition("-")[0])
        if kind is None:
            raise InvalidArnError(f"The lab has no tags of the resource {resource_id}")
        yield fill(call, kind, str(resource_id))


def security_groups(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the security groups of a call, by their ids or names."""
    yield from members(SecurityGroupId="[GroupId, Groups, SecurityGroupIds, NetworkInterfaces[].Groups[]][][]")(
        call, resource_type
    )
    for name in call.find_all("[GroupName, SecurityGroups][]"):
        if call.name != "CreateSecurityGroup":
            group = backend(call).get_security_group_from_name(name)
            yield fill(call, "security-group", group.id if group else name)


def launch_templates(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    """Yield the launch templates of a call, by their ids or names."""
    if call.name == "CreateLaunchTemplate":
        return
    for entry in _template_references(call):
        template = _find_template(call, entry)
        named = entry.get("LaunchTemplateId") or entry.get("LaunchTemplateName")
        if named:
            yield fill(call, "launch-template", template.id if template else str(named))


def _template_references(call: ApiCall) -> Iterator[Mapping[str, Any]]:
    yield call.params
    yield call.params.get("LaunchTemplate") or {}
    yield from call.find("LaunchTemplateConfigs[].LaunchTemplateSpecification") or ()


def _find_template(call: ApiCall, reference: Mapping[str, Any]) -> Any:
    templates = list(backend(call).launch_templates.values())
    template_id, name = reference.get("LaunchTemplateId"), reference.get("LaunchTemplateName")
    return next((template for template in templates if template.id == template_id or template.name == name), None)


def attached(collection: str, attribute: str) -> Resolver:
    """Return a resolver for the instance or network interface of an attachment, which a call names by its id."""

    def resolve(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
        attachment = call.params.get("AttachmentId") or call.find("Attachment.AttachmentId")
        if not attachment:
            return
        for interface in list(backend(call).enis.values()):
            if getattr(interface, "attachment_id", None) == attachment:
                resource = interface if attribute == "id" else interface.instance
                if resource is not None:
                    yield fill(call, collection, str(resource.id))

    return resolve


def associated_instances(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    """Yield the instance of an association with an instance profile, which a call names by its id."""
    association_id = call.params.get("AssociationId")
    associations = list(backend(call).iam_instance_profile_associations.values()) if association_id else ()
    for association in associations:
        if association.id == association_id:
            yield fill(call, "instance", str(association.instance.id))


def roles_of_profile(call: ApiCall, profile: str) -> Iterable[str]:
    """Return the roles of an instance profile, which a call names by its ARN or its name."""
    iam = iam_lookup.find_backend(call.account, call.partition)
    profiles = list(iam.instance_profiles.values()) if iam else []
    return [str(role.arn) for entry in profiles if profile in {entry.arn, entry.name} for role in entry.roles]


def profiles_of_templates(call: ApiCall) -> Iterator[str]:
    """Yield the instance profiles in the launch templates of a call that starts instances."""
    for reference in _template_references(call):
        template = _find_template(call, reference)
        if template is None:
            continue
        version = str(reference.get("Version") or "$Default")
        numbers = {"$Default": template.default_version_number, "$Latest": len(template.versions)}
        number = str(numbers.get(version, version))
        profiles = [entry.data.get("IamInstanceProfile") for entry in template.versions if str(entry.number) == number]
        for profile in filter(None, profiles):
            yield from (str(value) for value in profile.values())


def list_tags(arn: str) -> Mapping[str, str]:
    """Return the tags of an EC2 resource."""
    _, _, _, region, account, resource = arn.split(":", 5)
    accounts = [account] if account else list(ec2_backends)
    resource_id = resource.partition("/")[2]
    for owner in accounts:
        if owner in list(ec2_backends) and region in ec2_backends[owner]:
            tags = ec2_backends[owner][region].tags.get(resource_id)
            if tags:
                return dict(tags)
    return {}
