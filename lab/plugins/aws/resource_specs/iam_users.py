"""Resource specs of IAM's users and groups.

The official plugin renames a user or group in place. The stand-in replaces it for a new name or path, because Pulumi
cannot change the id of a resource in an update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.plugins.aws.converters import TIME
from lab.plugins.aws.errors import call_unless_gone
from lab.plugins.aws.resource_spec import Call, Id, Members, Name, ResourceSpec, Update, Values, computed, input_
from lab.plugins.aws.resource_specs.iam import iam_tags

if TYPE_CHECKING:
    from lab.plugins.aws.session import Clients


def _leave_groups(clients: Clients, values: Values) -> None:
    client = clients.client("iam")
    for page in client.get_paginator("list_groups_for_user").paginate(UserName=values["id"]):
        for group in page["Groups"]:
            call_unless_gone(client.remove_user_from_group, UserName=values["id"], GroupName=group["GroupName"])


def _destroy_credentials(clients: Clients, values: Values) -> None:
    """Delete access keys and the password, which Pulumi does not manage, if `forceDestroy` is set."""
    if not values.get("forceDestroy"):
        return
    client = clients.client("iam")
    for page in client.get_paginator("list_access_keys").paginate(UserName=values["id"]):
        for key in page["AccessKeyMetadata"]:
            call_unless_gone(client.delete_access_key, UserName=values["id"], AccessKeyId=key["AccessKeyId"])
    call_unless_gone(client.delete_login_profile, UserName=values["id"])


USER: Final = ResourceSpec(
    type="aws:iam/user:User",
    service="iam",
    scope="global",
    name=Name(limit=64),
    properties=(
        input_("name", "UserName", computed=True, replaces=True),
        input_("path", "Path", default="/", replaces=True),
        input_("permissionsBoundary", "PermissionsBoundary.PermissionsBoundaryArn"),
        input_("forceDestroy", default=False),
        computed("arn", "Arn"),
        computed("uniqueId", "UserId"),
    ),
    id=Id(("name",)),
    unique_by=("name",),
    create=Call(
        "create_user",
        {"UserName": "$name", "Path": "$path", "PermissionsBoundary": "$permissionsBoundary", "Tags": "$tagList"},
    ),
    read=Call("get_user", {"UserName": "$id"}, "User"),
    updates=(
        Update(
            ("permissionsBoundary",),
            Call("put_user_permissions_boundary", {"UserName": "$id", "PermissionsBoundary": "$permissionsBoundary"}),
            remove=Call("delete_user_permissions_boundary", {"UserName": "$id"}),
        ),
    ),
    before_delete=(_leave_groups, _destroy_credentials),
    delete=Call("delete_user", {"UserName": "$id"}),
    tags=iam_tags("user", "UserName"),
)

_SET_STATUS: Final = Update(
    ("status",),
    Call("update_access_key", {"UserName": "$user", "AccessKeyId": "$id", "Status": "$status"}),
)
_NO_PGP: Final = "remove pgpKey: the stack's own secrets provider encrypts the secret"

ACCESS_KEY: Final = ResourceSpec(
    type="aws:iam/accessKey:AccessKey",
    service="iam",
    scope="global",
    properties=(
        input_("user", "UserName", required=True, replaces=True),
        input_("status", "Status", default="Active"),
        computed("secret", None, created="AccessKey.SecretAccessKey", secret=True),
        computed("createDate", "CreateDate", TIME),
    ),
    not_covered={
        "pgpKey": _NO_PGP,
        "keyFingerprint": _NO_PGP,
        "encryptedSecret": _NO_PGP,
        "encryptedSesSmtpPasswordV4": _NO_PGP,
        "sesSmtpPasswordV4": "SES is not part of the lab",
    },
    id=Id(answer="AccessKey.AccessKeyId", imported=("user", "id"), separator="/"),
    create=Call("create_access_key", {"UserName": "$user"}),
    after_create=(_SET_STATUS,),
    read=Call("list_access_keys", {"UserName": "$user"}, "AccessKeyMetadata[?AccessKeyId==$id] | [0]"),
    updates=(_SET_STATUS,),
    delete=Call("delete_access_key", {"UserName": "$user", "AccessKeyId": "$id"}),
)

GROUP: Final = ResourceSpec(
    type="aws:iam/group:Group",
    service="iam",
    scope="global",
    name=Name(limit=128),
    properties=(
        input_("name", "GroupName", computed=True, replaces=True),
        input_("path", "Path", default="/", replaces=True),
        computed("arn", "Arn"),
        computed("uniqueId", "GroupId"),
    ),
    id=Id(("name",)),
    unique_by=("name",),
    create=Call("create_group", {"GroupName": "$name", "Path": "$path"}),
    read=Call("get_group", {"GroupName": "$id"}, "Group"),
    delete=Call("delete_group", {"GroupName": "$id"}),
)

GROUP_MEMBERSHIP: Final = ResourceSpec(
    type="aws:iam/groupMembership:GroupMembership",
    service="iam",
    scope="global",
    name=Name(limit=255),
    properties=(
        input_("group", "Group.GroupName", required=True, replaces=True),
        input_("users", "Users[].UserName", required=True),
        input_("name", computed=True, replaces=True),
    ),
    no_import="declare it: adding existing members again changes nothing",
    id=Id(("name",)),
    # A membership is not an object in IAM: the group must exist, and its users are the members.
    create=Call("get_group", {"GroupName": "$group"}),
    read=Call("get_group", {"GroupName": "$group"}),
    members=(
        Members(
            "users",
            add=Call("add_user_to_group", {"GroupName": "$group", "UserName": "$item"}),
            remove=Call("remove_user_from_group", {"GroupName": "$group", "UserName": "$item"}),
            at_create=True,
            at_delete=True,
        ),
    ),
    delete=Call("get_group", {"GroupName": "$group"}),
)

SPECS: Final = (USER, ACCESS_KEY, GROUP, GROUP_MEMBERSHIP)
