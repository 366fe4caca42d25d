"""Resource specs of EC2's security groups and their rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lab.plugins.aws.converters import Converter
from lab.plugins.aws.resource_spec import (
    Call,
    Id,
    Name,
    Property,
    ResourceSpec,
    Tags,
    Template,
    Update,
    Values,
    computed,
    input_,
)

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients

EC2_TAGS: Final = Tags(
    add=Call("create_tags", {"Resources": ["$id"], "Tags": "$tagList"}),
    remove=Call(
        "delete_tags",
        {"Resources": ["$id"], "Tags": lambda values: [{"Key": key} for key in values["tagKeys"]]},
    ),
)


def tag_specifications(kind: str) -> Template:
    """Return the template of a new resource's tags: EC2 requires the kind of resource with them."""

    def specifications(values: Values) -> list[dict[str, Any]] | None:
        tags = values.get("tagList")
        return [{"ResourceType": kind, "Tags": tags}] if tags else None

    return specifications


def _revoke_rules(clients: Clients, values: Values) -> None:
    """Revoke all rules if `revokeRulesOnDelete` is set: groups whose rules refer to each other cannot be deleted."""
    if not values.get("revokeRulesOnDelete"):
        return
    client = clients.client("ec2", values.get("region"))
    for group in client.describe_security_groups(GroupIds=[values["id"]])["SecurityGroups"]:
        if group["IpPermissions"]:
            client.revoke_security_group_ingress(GroupId=values["id"], IpPermissions=group["IpPermissions"])
        if group["IpPermissionsEgress"]:
            client.revoke_security_group_egress(GroupId=values["id"], IpPermissions=group["IpPermissionsEgress"])


_ALL_EGRESS: Final = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]

SECURITY_GROUP: Final = ResourceSpec(
    type="aws:ec2/securityGroup:SecurityGroup",
    service="ec2",
    name=Name(limit=255, prefix="namePrefix"),
    properties=(
        input_("name", "GroupName", computed=True, replaces=True),
        input_("namePrefix", computed=True, replaces=True),
        input_("description", "Description", default="Managed by Pulumi", replaces=True),
        input_("vpcId", "VpcId", computed=True, replaces=True),
        input_("revokeRulesOnDelete", default=False),
        computed("arn", "SecurityGroupArn"),
        computed("ownerId", "OwnerId"),
    ),
    not_covered={
        "ingress": "use aws.ec2.SecurityGroupRule or aws.vpc.SecurityGroupIngressRule",
        "egress": "use aws.ec2.SecurityGroupRule or aws.vpc.SecurityGroupEgressRule",
    },
    id=Id(answer="GroupId"),
    unique_by=("name", "vpcId"),
    create=Call(
        "create_security_group",
        {
            "GroupName": "$name",
            "Description": "$description",
            "VpcId": "$vpcId",
            "TagSpecifications": tag_specifications("security-group"),
        },
    ),
    # The official plugin revokes the default egress rule of a new group, so that a group has only declared rules.
    after_create=(
        Update(
            (),
            Call("revoke_security_group_egress", {"GroupId": "$id", "IpPermissions": lambda _values: _ALL_EGRESS}),
        ),
    ),
    read=Call("describe_security_groups", {"GroupIds": ["$id"]}, "SecurityGroups[0]"),
    before_delete=(_revoke_rules,),
    delete=Call("delete_security_group", {"GroupId": "$id"}),
    tags=EC2_TAGS,
)


def _permissions(values: Values) -> list[dict[str, Any]]:
    """Return all sources of one aws.ec2.SecurityGroupRule as one permission."""
    described = {"Description": values["description"]} if values.get("description") else {}
    groups = [values["securityGroupId"]] if values.get("self") else []
    groups += [values["sourceSecurityGroupId"]] if values.get("sourceSecurityGroupId") else []
    sources = {
        "IpRanges": [{"CidrIp": block, **described} for block in values.get("cidrBlocks") or ()],
        "Ipv6Ranges": [{"CidrIpv6": block, **described} for block in values.get("ipv6CidrBlocks") or ()],
        "PrefixListIds": [
            {"PrefixListId": prefix_list, **described} for prefix_list in values.get("prefixListIds") or ()
        ],
        "UserIdGroupPairs": [{"GroupId": group, **described} for group in groups],
    }
    every_port = str(values["protocol"]) == "-1"
    ports = {} if every_port else {"FromPort": values["fromPort"], "ToPort": values["toPort"]}
    return [{"IpProtocol": str(values["protocol"]), **ports, **{key: item for key, item in sources.items() if item}}]


_RULE: Final = {"GroupId": "$securityGroupId", "IpPermissions": _permissions}
_RULES: Final = "SecurityGroupRules"
_RULE_BY_ID: Final = Call("describe_security_group_rules", {"SecurityGroupRuleIds": ["$id"]}, f"{_RULES}[0]")


def _ports(value: Any) -> Any:
    # EC2 returns -1 for a rule of every protocol; the official plugin has 0.
    return 0 if value == -1 else value


_PORT: Final = Converter(show=_ports)

SECURITY_GROUP_RULE: Final = ResourceSpec(
    type="aws:ec2/securityGroupRule:SecurityGroupRule",
    service="ec2",
    # EC2 creates one rule for each source; the resource has the id of the first.
    properties=(
        input_("securityGroupId", "GroupId", required=True, replaces=True),
        input_("type", "IsEgress && 'egress' || 'ingress'", required=True, replaces=True),
        input_("protocol", "IpProtocol", required=True, replaces=True),
        input_("fromPort", "FromPort", required=True, replaces=True, converter=_PORT),
        input_("toPort", "ToPort", required=True, replaces=True, converter=_PORT),
        input_("cidrBlocks", replaces=True),
        input_("ipv6CidrBlocks", replaces=True),
        input_("prefixListIds", replaces=True),
        input_("self", replaces=True, default=False),
        input_("sourceSecurityGroupId", replaces=True, computed=True),
        # Not read: moto does not return the description of a rule for another group.
        input_("description"),
        computed("securityGroupRuleId", "SecurityGroupRuleId"),
    ),
    no_import="import the rules as aws.vpc.SecurityGroupIngressRule and SecurityGroupEgressRule, one for each source",
    id=Id(answer=f"{_RULES}[0].SecurityGroupRuleId"),
    create=Call("authorize_security_group_$type", _RULE),
    read=_RULE_BY_ID,
    updates=(Update(("description",), Call("update_security_group_rule_descriptions_$type", _RULE)),),
    delete=Call("revoke_security_group_$type", _RULE),
)


_RULE_MEMBERS: Final = {
    "IpProtocol": "$ipProtocol",
    "FromPort": "$fromPort",
    "ToPort": "$toPort",
    "CidrIpv4": "$cidrIpv4",
    "CidrIpv6": "$cidrIpv6",
    "PrefixListId": "$prefixListId",
    "ReferencedGroupId": "$referencedSecurityGroupId",
    "Description": "$description",
}


def _one_rule(kind: str, title: str) -> ResourceSpec:
    """Return the spec of aws.vpc's rules, which have one source each and their own tags."""
    sources: tuple[tuple[str, str, str, str], ...] = (
        ("cidrIpv4", "CidrIpv4", "IpRanges", "CidrIp"),
        ("cidrIpv6", "CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("prefixListId", "PrefixListId", "PrefixListIds", "PrefixListId"),
        ("referencedSecurityGroupId", "ReferencedGroupInfo.GroupId", "UserIdGroupPairs", "GroupId"),
    )

    def permission(values: Values) -> list[dict[str, Any]]:
        described = {"Description": values["description"]} if values.get("description") else {}
        ranges = {member: [{key: values[name], **described}] for name, _, member, key in sources if values.get(name)}
        ports = {
            member: values[name]
            for name, member in (("fromPort", "FromPort"), ("toPort", "ToPort"))
            if values.get(name) is not None
        }
        return [{"IpProtocol": str(values["ipProtocol"]), **ports, **ranges}]

    properties: list[Property] = [input_(name, path) for name, path, _, _ in sources]
    return ResourceSpec(
        type=f"aws:vpc/securityGroup{title}Rule:SecurityGroup{title}Rule",
        service="ec2",
        properties=(
            *properties,
            input_("securityGroupId", "GroupId", required=True, replaces=True),
            input_("ipProtocol", "IpProtocol", required=True),
            input_("fromPort", "FromPort", computed=True),
            input_("toPort", "ToPort", computed=True),
            input_("description"),
            computed("arn", "SecurityGroupRuleArn"),
            computed("securityGroupRuleId", "SecurityGroupRuleId"),
        ),
        id=Id(answer=f"{_RULES}[0].SecurityGroupRuleId"),
        create=Call(
            f"authorize_security_group_{kind}",
            {
                "GroupId": "$securityGroupId",
                "IpPermissions": permission,
                "TagSpecifications": tag_specifications("security-group-rule"),
            },
        ),
        read=_RULE_BY_ID,
        updates=(
            Update(
                (*(name for name, _, _, _ in sources), "ipProtocol", "fromPort", "toPort", "description"),
                Call(
                    "modify_security_group_rules",
                    {
                        "GroupId": "$securityGroupId",
                        "SecurityGroupRules": [{"SecurityGroupRuleId": "$id", "SecurityGroupRule": _RULE_MEMBERS}],
                    },
                ),
            ),
        ),
        delete=Call(
            f"revoke_security_group_{kind}",
            {"GroupId": "$securityGroupId", "SecurityGroupRuleIds": ["$id"]},
        ),
        tags=EC2_TAGS,
    )


SPECS: Final = (SECURITY_GROUP, SECURITY_GROUP_RULE, _one_rule("ingress", "Ingress"), _one_rule("egress", "Egress"))
