"""Resource specs of IAM's policies: managed and inline ones, and their attachments to roles and users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.plugins.aws.converters import POLICY
from lab.plugins.aws.errors import call_unless_gone
from lab.plugins.aws.resource_spec import Call, Id, Name, ResourceSpec, Update, Values, computed, input_
from lab.plugins.aws.resource_specs.iam import iam_tags

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients


def inline_policy(owner: str) -> ResourceSpec:
    """Return the resource spec of an inline policy of a `role` or a `user`."""
    key = f"{owner.title()}Name"
    put = Call(f"put_{owner}_policy", {key: f"${owner}", "PolicyName": "$name", "PolicyDocument": "$policy"})
    return ResourceSpec(
        type=f"aws:iam/{owner}Policy:{owner.title()}Policy",
        service="iam",
        scope="global",
        name=Name(limit=128, prefix="namePrefix"),
        properties=(
            input_(owner, key, required=True, replaces=True),
            input_("policy", "PolicyDocument", required=True, converter=POLICY),
            input_("name", "PolicyName", computed=True, replaces=True),
            input_("namePrefix", computed=True, replaces=True),
        ),
        id=Id((owner, "name")),
        unique_by=(owner, "name"),
        create=put,
        read=Call(f"get_{owner}_policy", {key: f"${owner}", "PolicyName": "$name"}),
        updates=(Update(("policy",), put),),
        delete=Call(f"delete_{owner}_policy", {key: f"${owner}", "PolicyName": "$name"}),
    )


def policy_attachment(owner: str) -> ResourceSpec:
    """Return the resource spec of a managed policy's attachment to a `role` or a `user`."""
    key = f"{owner.title()}Name"
    return ResourceSpec(
        type=f"aws:iam/{owner}PolicyAttachment:{owner.title()}PolicyAttachment",
        service="iam",
        scope="global",
        properties=(
            input_(owner, required=True, replaces=True),
            input_("policyArn", "PolicyArn", required=True, replaces=True),
        ),
        id=Id((owner, "policyArn"), separator="/"),
        create=Call(f"attach_{owner}_policy", {key: f"${owner}", "PolicyArn": "$policyArn"}),
        read=Call(
            f"list_attached_{owner}_policies",
            {key: f"${owner}"},
            "AttachedPolicies[?PolicyArn==$policyArn] | [0]",
        ),
        delete=Call(f"detach_{owner}_policy", {key: f"${owner}", "PolicyArn": "$policyArn"}),
    )


def _delete_old_versions(clients: Clients, values: Values) -> None:
    """Delete all versions except the default one: IAM deletes no policy with several versions."""
    client = clients.client("iam")
    for page in client.get_paginator("list_policy_versions").paginate(PolicyArn=values["id"]):
        for version in page["Versions"]:
            if not version["IsDefaultVersion"]:
                call_unless_gone(client.delete_policy_version, PolicyArn=values["id"], VersionId=version["VersionId"])


ROLE_POLICY: Final = inline_policy("role")
USER_POLICY: Final = inline_policy("user")
ROLE_POLICY_ATTACHMENT: Final = policy_attachment("role")
USER_POLICY_ATTACHMENT: Final = policy_attachment("user")

MANAGED_POLICY: Final = ResourceSpec(
    type="aws:iam/policy:Policy",
    service="iam",
    scope="global",
    name=Name(limit=128, prefix="namePrefix"),
    properties=(
        input_("policy", "Version.PolicyVersion.Document", required=True, converter=POLICY),
        input_("name", "PolicyName", computed=True, replaces=True),
        input_("namePrefix", computed=True, replaces=True),
        input_("path", "Path", default="/", replaces=True),
        input_("description", "Description", replaces=True),
        computed("arn", "Arn"),
        computed("policyId", "PolicyId"),
        computed("attachmentCount", "AttachmentCount", volatile=True),
    ),
    not_covered={"delayAfterPolicyCreationInMs": "remove it: a policy of the lab takes effect at once"},
    id=Id(answer="Policy.Arn"),
    unique_by=("name", "path"),
    create=Call(
        "create_policy",
        {
            "PolicyName": "$name",
            "PolicyDocument": "$policy",
            "Path": "$path",
            "Description": "$description",
            "Tags": "$tagList",
        },
    ),
    read=Call("get_policy", {"PolicyArn": "$id"}, "Policy"),
    details=(("Version", Call("get_policy_version", {"PolicyArn": "$id", "VersionId": "$answer.DefaultVersionId"})),),
    # IAM allows five versions of a policy: old versions are deleted before a new one is created.
    before_update=(_delete_old_versions,),
    updates=(
        Update(
            ("policy",),
            Call("create_policy_version", {"PolicyArn": "$id", "PolicyDocument": "$policy", "SetAsDefault": True}),
        ),
    ),
    before_delete=(_delete_old_versions,),
    delete=Call("delete_policy", {"PolicyArn": "$id"}),
    tags=iam_tags("policy", "PolicyArn"),
)

SPECS: Final = (ROLE_POLICY, USER_POLICY, ROLE_POLICY_ATTACHMENT, USER_POLICY_ATTACHMENT, MANAGED_POLICY)
