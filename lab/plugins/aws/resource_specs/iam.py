"""Resource specs of IAM's roles, OIDC providers and instance profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.plugins.aws.converters import ISSUER, POLICY, TIME
from lab.plugins.aws.errors import call_unless_gone
from lab.plugins.aws.resource_spec import Call, Id, Members, Name, ResourceSpec, Tags, Update, Values, computed, input_

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients


def iam_tags(kind: str, key: str, value: str = "$id") -> Tags:
    """Return the tagging calls of a kind of resource: IAM has a pair for each, such as `tag_role` and `untag_role`."""
    return Tags(
        add=Call(f"tag_{kind}", {key: value, "Tags": "$tagList"}),
        remove=Call(f"untag_{kind}", {key: value, "TagKeys": "$tagKeys"}),
    )


def _detach_policies(clients: Clients, values: Values) -> None:
    """Detach all policies if `forceDetachPolicies` is set: IAM deletes no role with policies."""
    if not values.get("forceDetachPolicies"):
        return
    client = clients.client("iam")
    role = {"RoleName": values["id"]}
    for page in client.get_paginator("list_attached_role_policies").paginate(**role):
        for policy in page["AttachedPolicies"]:
            call_unless_gone(client.detach_role_policy, **role, PolicyArn=policy["PolicyArn"])
    for page in client.get_paginator("list_role_policies").paginate(**role):
        for name in page["PolicyNames"]:
            call_unless_gone(client.delete_role_policy, **role, PolicyName=name)


def _leave_instance_profiles(clients: Clients, values: Values) -> None:
    client = clients.client("iam")
    for page in client.get_paginator("list_instance_profiles_for_role").paginate(RoleName=values["id"]):
        for profile in page["InstanceProfiles"]:
            call_unless_gone(
                client.remove_role_from_instance_profile,
                InstanceProfileName=profile["InstanceProfileName"],
                RoleName=values["id"],
            )


_BOUNDARY: Final = "PermissionsBoundary.PermissionsBoundaryArn"
_SEPARATE_POLICIES: Final = "use aws.iam.RolePolicy, which the official provider recommends"
_SEPARATE_ATTACHMENTS: Final = "use aws.iam.RolePolicyAttachment, which the official provider recommends"

ROLE: Final = ResourceSpec(
    type="aws:iam/role:Role",
    service="iam",
    scope="global",
    name=Name(limit=64, prefix="namePrefix"),
    properties=(
        input_("assumeRolePolicy", "AssumeRolePolicyDocument", required=True, converter=POLICY),
        input_("name", "RoleName", computed=True, replaces=True),
        input_("namePrefix", computed=True, replaces=True),
        input_("path", "Path", default="/", replaces=True),
        input_("description", "Description"),
        input_("maxSessionDuration", "MaxSessionDuration", default=3600),
        input_("permissionsBoundary", _BOUNDARY),
        input_("forceDetachPolicies", default=False),
        computed("arn", "Arn"),
        computed("createDate", "CreateDate", TIME),
        computed("uniqueId", "RoleId"),
    ),
    not_covered={"inlinePolicies": _SEPARATE_POLICIES, "managedPolicyArns": _SEPARATE_ATTACHMENTS},
    id=Id(("name",)),
    unique_by=("name",),
    create=Call(
        "create_role",
        {
            "RoleName": "$name",
            "AssumeRolePolicyDocument": "$assumeRolePolicy",
            "Path": "$path",
            "Description": "$description",
            "MaxSessionDuration": "$maxSessionDuration",
            "PermissionsBoundary": "$permissionsBoundary",
            "Tags": "$tagList",
        },
    ),
    read=Call("get_role", {"RoleName": "$id"}, "Role"),
    updates=(
        Update(
            ("assumeRolePolicy",),
            Call("update_assume_role_policy", {"RoleName": "$id", "PolicyDocument": "$assumeRolePolicy"}),
        ),
        Update(
            ("description", "maxSessionDuration"),
            Call(
                "update_role",
                {
                    "RoleName": "$id",
                    "Description": lambda values: values.get("description") or "",
                    "MaxSessionDuration": "$maxSessionDuration",
                },
            ),
        ),
        Update(
            ("permissionsBoundary",),
            Call("put_role_permissions_boundary", {"RoleName": "$id", "PermissionsBoundary": "$permissionsBoundary"}),
            remove=Call("delete_role_permissions_boundary", {"RoleName": "$id"}),
        ),
    ),
    before_delete=(_detach_policies, _leave_instance_profiles),
    delete=Call("delete_role", {"RoleName": "$id"}),
    # The engine may delete a role and its attachments at once, after an interrupted replacement of the role.
    delete_again_after="DeleteConflict",
    tags=iam_tags("role", "RoleName"),
)

OIDC_PROVIDER: Final = ResourceSpec(
    type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    service="iam",
    scope="global",
    properties=(
        # The official plugin keeps the URL without its scheme, and accepts it with or without.
        input_("url", "Url", required=True, replaces=True, converter=ISSUER),
        input_("clientIdLists", "ClientIDList", required=True),
        input_("thumbprintLists", "ThumbprintList", computed=True),
        computed("arn", "Id"),
    ),
    id=Id(answer="OpenIDConnectProviderArn"),
    create=Call(
        "create_open_id_connect_provider",
        {"Url": "$url", "ClientIDList": "$clientIdLists", "ThumbprintList": "$thumbprintLists", "Tags": "$tagList"},
    ),
    read=Call("get_open_id_connect_provider", {"OpenIDConnectProviderArn": "$id"}),
    updates=(
        Update(
            ("thumbprintLists",),
            Call(
                "update_open_id_connect_provider_thumbprint",
                {"OpenIDConnectProviderArn": "$id", "ThumbprintList": "$thumbprintLists"},
            ),
        ),
    ),
    members=(
        Members(
            "clientIdLists",
            add=Call(
                "add_client_id_to_open_id_connect_provider",
                {"OpenIDConnectProviderArn": "$id", "ClientID": "$item"},
            ),
            remove=Call(
                "remove_client_id_from_open_id_connect_provider",
                {"OpenIDConnectProviderArn": "$id", "ClientID": "$item"},
            ),
        ),
    ),
    delete=Call("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "$id"}),
    tags=iam_tags("open_id_connect_provider", "OpenIDConnectProviderArn"),
)

INSTANCE_PROFILE: Final = ResourceSpec(
    type="aws:iam/instanceProfile:InstanceProfile",
    service="iam",
    scope="global",
    name=Name(limit=128, prefix="namePrefix"),
    properties=(
        input_("name", "InstanceProfileName", computed=True, replaces=True),
        input_("namePrefix", computed=True, replaces=True),
        input_("path", "Path", default="/", replaces=True),
        input_("role", "Roles[0].RoleName"),
        computed("arn", "Arn"),
        computed("createDate", "CreateDate", TIME),
        computed("uniqueId", "InstanceProfileId"),
    ),
    id=Id(("name",)),
    unique_by=("name",),
    create=Call("create_instance_profile", {"InstanceProfileName": "$name", "Path": "$path", "Tags": "$tagList"}),
    read=Call("get_instance_profile", {"InstanceProfileName": "$id"}, "InstanceProfile"),
    members=(
        Members(
            "role",
            add=Call("add_role_to_instance_profile", {"InstanceProfileName": "$id", "RoleName": "$item"}),
            remove=Call("remove_role_from_instance_profile", {"InstanceProfileName": "$id", "RoleName": "$item"}),
            at_create=True,
            at_delete=True,
        ),
    ),
    delete=Call("delete_instance_profile", {"InstanceProfileName": "$id"}),
    tags=iam_tags("instance_profile", "InstanceProfileName"),
)

SPECS: Final = (ROLE, OIDC_PROVIDER, INSTANCE_PROFILE)
