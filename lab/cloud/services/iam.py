"""Enforced operations of AWS IAM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from moto.iam.models import SERVICE_NAME_CONVERSION

from lab.cloud import iam_lookup
from lab.cloud.api_call import ApiCall
from lab.cloud.context import Values
from lab.cloud.service_authorization import ResourceType, resource_types
from lab.cloud.services.rules import (
    PassedRole,
    Requirement,
    Resolver,
    Service,
    call_variables,
    check_arn,
    constant,
    members,
    names,
)

_OWN_USER = names(
    "CreateAccessKey DeleteAccessKey GetUser ListAccessKeys ListGroupsForUser ListUserTags UpdateAccessKey"
)
"""Operations whose resource is the caller's own user if the call has no UserName."""


def _named(member: str, collection: str, variable: str) -> Resolver:
    """Return a resolver for an entity by its name. The ARN has its path, or, for a new entity, that of the call."""

    def resolve(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
        name = call.params.get(member)
        if not name:
            return
        found = _find_arn(call, collection, str(name))
        path = str(call.params.get("Path") or "/").removeprefix("/")
        yield found or resource_type.fill({**call_variables(call), variable: f"{path}{name}"})

    return resolve


def _find_arn(call: ApiCall, collection: str, name: str) -> str | None:
    """Return the ARN of the entity with that name, whose case IAM ignores, or None."""
    iam = iam_lookup.find_backend(call.account, call.partition)
    entries = list(getattr(iam, collection).values()) if iam else []
    exact = next((str(entry.arn) for entry in entries if entry.name == name), None)
    return exact or next((str(entry.arn) for entry in entries if entry.name.lower() == name.lower()), None)


def _users(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    if call.name == "GetAccessKeyLastUsed":
        match = iam_lookup.find_user_by_access_key(str(call.params.get("AccessKeyId")))
        yield str(match[0].arn) if match else resource_type.fill({**call_variables(call), "UserNameWithPath": "*"})
    elif call.params.get("UserName"):
        yield from _named("UserName", "users", "UserNameWithPath")(call, resource_type)
    elif call.name in _OWN_USER and call.caller is not None and not call.caller.is_role:
        yield call.caller.principal.arn


def _own_user_name(call: ApiCall) -> Mapping[str, Any]:
    """Return the input with the caller's own user name, where a call about users has none."""
    caller = call.caller
    is_user = caller is not None and not caller.is_role and not caller.is_root
    if call.name not in _OWN_USER - {"GetUser"} or call.params.get("UserName") or not is_user:
        return call.params
    assert caller is not None
    return {**call.params, "UserName": caller.principal.arn.rpartition("/")[2]}


def _new_policy(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    path = str(call.params.get("Path") or "/").removeprefix("/")
    variables = {**call_variables(call), "PolicyNameWithPath": f"{path}{call.params.get('PolicyName')}"}
    yield resource_type.fill(variables)


def _new_provider(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    url = str(call.params.get("Url") or "").removeprefix("https://")
    yield resource_type.fill({**call_variables(call), "OidcProviderName": url})


def _service_linked_role(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the role that a service-linked role's creation makes, with the name that moto gives it."""
    service = str(call.params.get("AWSServiceName") or "")
    labels = service.removesuffix(".cn").removesuffix(".amazonaws.com").split(".")
    name = SERVICE_NAME_CONVERSION.get(labels[-1], labels[-1])
    if len(labels) > 1:
        name += "_" + "".join(part.capitalize() for part in labels[0].split("-"))
    suffix = f"_{call.params['CustomSuffix']}" if call.params.get("CustomSuffix") else ""
    path = f"aws-service-role/{service}/AWSServiceRoleFor{name}{suffix}"
    yield resource_type.fill({**call_variables(call), "RoleNameWithPath": path})


def _deleted_role(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the role of a deletion task: `task/aws-service-role/<service>/<role>/<id>`."""
    task = str(call.params.get("DeletionTaskId") or "").removeprefix("task/").rpartition("/")[0]
    yield resource_type.fill({**call_variables(call), "RoleNameWithPath": task or "*"})


def _context(call: ApiCall, requirement: Requirement) -> Values:
    """Return the permissions boundary: that of the call, or that of the user or role that the call changes."""
    boundary = call.params.get("PermissionsBoundary")
    if not boundary and not requirement.creates:
        entity = iam_lookup.find_role(requirement.resource) or iam_lookup.find_user(requirement.resource)
        boundary = getattr(entity, "permissions_boundary_arn", None)
    return {"iam:PermissionsBoundary": str(boundary)} if boundary else {}


def _list_tags(arn: str) -> Mapping[str, str]:
    """Return the tags of a user, role, policy, instance profile or OIDC provider."""
    account, partition = iam_lookup.parse_account(arn)
    iam = iam_lookup.find_backend(account, partition)
    if iam is None:
        return {}
    if ":role/" in arn or ":user/" in arn:
        return iam_lookup.list_tags(arn)
    collections: tuple[Iterable[Any], ...] = (
        list(iam.managed_policies.values()),
        list(iam.instance_profiles.values()),
        list(iam.open_id_providers.values()),
    )
    entity = next((entry for entries in collections for entry in entries if entry.arn == arn), None)
    tags = getattr(entity, "tags", None) or {}
    if isinstance(tags, Mapping):
        return {str(key): str(value["Value"] if isinstance(value, Mapping) else value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags}


def _simulated_principal(call: ApiCall, _resource_type: ResourceType) -> Iterator[str]:
    arn = str(call.params.get("PolicySourceArn") or "")
    check_arn(call, arn, [resource_types("iam")[kind] for kind in ("user", "group", "role")])
    yield arn


def _role_of_pass(call: ApiCall, _value: str) -> Iterable[str]:
    role = _find_arn(call, "roles", str(call.params.get("RoleName")))
    fallback = f"arn:{call.partition}:iam::{call.account}:role/{call.params.get('RoleName')}"
    return [role or fallback]


IAM = Service(
    name="iam",
    prefix="iam",
    signing_name="iam",
    backend="iam",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html",
    operations=names(
        "AddClientIDToOpenIDConnectProvider AddRoleToInstanceProfile AddUserToGroup AttachGroupPolicy "
        "AttachRolePolicy AttachUserPolicy CreateAccessKey CreateGroup CreateInstanceProfile "
        "CreateOpenIDConnectProvider CreatePolicy CreatePolicyVersion CreateRole CreateServiceLinkedRole CreateUser "
        "CreateLoginProfile DeleteAccessKey DeleteGroup DeleteGroupPolicy DeleteInstanceProfile DeleteLoginProfile "
        "DeleteOpenIDConnectProvider DeletePolicy DeletePolicyVersion DeleteRole DeleteRolePermissionsBoundary "
        "DeleteRolePolicy DeleteServiceLinkedRole DeleteUser DeleteUserPermissionsBoundary DeleteUserPolicy "
        "DetachGroupPolicy DetachRolePolicy DetachUserPolicy GetAccessKeyLastUsed GetAccountAuthorizationDetails "
        "GetGroup GetGroupPolicy GetInstanceProfile GetLoginProfile GetOpenIDConnectProvider GetPolicy "
        "GetPolicyVersion GetRole GetRolePolicy "
        "GetServiceLinkedRoleDeletionStatus GetUser GetUserPolicy ListAccessKeys ListAttachedGroupPolicies "
        "ListAttachedRolePolicies ListAttachedUserPolicies ListEntitiesForPolicy ListGroupPolicies ListGroups "
        "ListGroupsForUser ListInstanceProfiles ListInstanceProfilesForRole ListOpenIDConnectProviderTags "
        "ListOpenIDConnectProviders ListPolicies ListPolicyTags ListPolicyVersions ListRolePolicies ListRoleTags "
        "ListRoles ListUserPolicies ListUserTags ListUsers PutGroupPolicy PutRolePermissionsBoundary PutRolePolicy "
        "PutUserPermissionsBoundary PutUserPolicy RemoveClientIDFromOpenIDConnectProvider "
        "RemoveRoleFromInstanceProfile RemoveUserFromGroup SetDefaultPolicyVersion SimulateCustomPolicy "
        "SimulatePrincipalPolicy TagInstanceProfile TagOpenIDConnectProvider TagPolicy TagRole TagUser "
        "UntagInstanceProfile UntagOpenIDConnectProvider UntagPolicy UntagRole UntagUser UpdateAccessKey "
        "UpdateAssumeRolePolicy UpdateLoginProfile UpdateOpenIDConnectProviderThumbprint UpdateRole "
        "UpdateRoleDescription UpdateUser"
    ),
    resources={
        "group": _named("GroupName", "groups", "GroupNameWithPath"),
        "instance-profile": _named("InstanceProfileName", "instance_profiles", "InstanceProfileNameWithPath"),
        "oidc-provider": members(OidcProviderName="OpenIDConnectProviderArn"),
        "policy": members(PolicyNameWithPath="PolicyArn"),
        "role": _named("RoleName", "roles", "RoleNameWithPath"),
        "user": _users,
    },
    operation_resources={
        "CreatePolicy": {"policy": _new_policy},
        "CreateOpenIDConnectProvider": {"oidc-provider": _new_provider},
        "CreateServiceLinkedRole": {"role": _service_linked_role},
        "GetServiceLinkedRoleDeletionStatus": {"role": _deleted_role},
        "SimulatePrincipalPolicy": {"user": _simulated_principal},
        # The data has no resource type for these; AWS's messages have these resources.
        "ListGroups": {"group": constant("arn:{partition}:iam::{account}:group/")},
        "ListInstanceProfiles": {"instance-profile": constant("arn:{partition}:iam::{account}:instance-profile/")},
        "ListOpenIDConnectProviders": {"oidc-provider": constant("arn:{partition}:iam::{account}:oidc-provider/*")},
        "ListPolicies": {"policy": constant("arn:{partition}:iam::{account}:policy/")},
        "ListRoles": {"role": constant("arn:{partition}:iam::{account}:role/")},
        "ListUsers": {"user": constant("arn:{partition}:iam::{account}:user/")},
    },
    tagging={
        "CreateInstanceProfile": "TagInstanceProfile",
        "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
        "CreatePolicy": "TagPolicy",
        "CreateRole": "TagRole",
        "CreateUser": "TagUser",
    },
    condition_members={"iam:PolicyARN": "PolicyArn", "iam:AWSServiceName": "AWSServiceName"},
    context=_context,
    list_tags=_list_tags,
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html
    passed_roles={"AddRoleToInstanceProfile": (PassedRole("ec2.amazonaws.com", "RoleName", _role_of_pass),)},
    complete=_own_user_name,
    invalid_arn=("ValidationError", 400),
)
