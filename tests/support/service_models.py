"""Values of registered resources, checked by the service models of AWS that botocore ships: lengths and patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session

_ROLE = "aws:iam/role:Role"
_ENTRY = "aws:eks/accessEntry:AccessEntry"
_ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
_ADDON = "aws:eks/addon:Addon"
_PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
PARAMETERS = {
    (_ROLE, "name"): ("iam", "CreateRole", "RoleName"),
    (_ROLE, "namePrefix"): ("iam", "CreateRole", "RoleName"),
    (_ROLE, "path"): ("iam", "CreateRole", "Path"),
    (_ROLE, "description"): ("iam", "CreateRole", "Description"),
    (_ROLE, "permissionsBoundary"): ("iam", "CreateRole", "PermissionsBoundary"),
    (_ROLE, "assumeRolePolicy"): ("iam", "CreateRole", "AssumeRolePolicyDocument"),
    (_ROLE, "tags"): ("iam", "CreateRole", "Tags"),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn"): ("iam", "AttachRolePolicy", "PolicyArn"),
    ("aws:iam/rolePolicy:RolePolicy", "name"): ("iam", "PutRolePolicy", "PolicyName"),
    ("aws:iam/rolePolicy:RolePolicy", "policy"): ("iam", "PutRolePolicy", "PolicyDocument"),
    ("aws:iam/policy:Policy", "policy"): ("iam", "CreatePolicy", "PolicyDocument"),
    (_PROVIDER, "url"): ("iam", "CreateOpenIDConnectProvider", "Url"),
    (_PROVIDER, "clientIdLists"): ("iam", "CreateOpenIDConnectProvider", "ClientIDList"),
    (_PROVIDER, "tags"): ("iam", "CreateOpenIDConnectProvider", "Tags"),
    (_ENTRY, "principalArn"): ("eks", "CreateAccessEntry", "principalArn"),
    (_ENTRY, "userName"): ("eks", "CreateAccessEntry", "username"),
    (_ENTRY, "kubernetesGroups"): ("eks", "CreateAccessEntry", "kubernetesGroups"),
    (_ENTRY, "tags"): ("eks", "CreateAccessEntry", "tags"),
    (_ASSOCIATION, "namespace"): ("eks", "CreatePodIdentityAssociation", "namespace"),
    (_ASSOCIATION, "serviceAccount"): ("eks", "CreatePodIdentityAssociation", "serviceAccount"),
    (_ASSOCIATION, "tags"): ("eks", "CreatePodIdentityAssociation", "tags"),
    (_ADDON, "addonName"): ("eks", "CreateAddon", "addonName"),
    (_ADDON, "addonVersion"): ("eks", "CreateAddon", "addonVersion"),
}
"""The API's parameter of each property."""


def problems(kind: str, properties: dict[str, Any]) -> Iterator[str]:
    """Yield what the API would reject of a resource's properties."""
    for name, value in properties.items():
        if (parameter := PARAMETERS.get((kind, name))) is not None and value is not None:
            service, operation, member = parameter
            shape = _model(service).operation_model(operation).input_shape.members[member]
            yield from _value_problems(shape, value, f"{kind} {name}")


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _value_problems(shape: Any, value: Any, place: str) -> Iterator[str]:
    if shape.type_name == "list" and isinstance(value, dict):  # IAM's tags
        members = shape.member.members
        for key, text in value.items():
            yield from _value_problems(members["Key"], key, f"{place} key")
            yield from _value_problems(members["Value"], text, f"{place} value")
    elif shape.type_name == "list":
        for item in value:
            yield from _value_problems(shape.member, item, place)
    elif shape.type_name == "map":
        for key, text in value.items():
            yield from _value_problems(shape.key, key, f"{place} key")
            yield from _value_problems(shape.value, text, f"{place} value")
    elif shape.type_name == "string":
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", float("inf"))
        if not least <= len(value) <= most:
            yield f"{place}: {value!r} must have {least} to {most} characters"
        pattern = _pattern(shape.metadata.get("pattern", ""))
        if pattern is not None and not pattern.fullmatch(value):
            yield f"{place}: {value!r} must match {pattern.pattern}"


@cache
def _pattern(text: str) -> re.Pattern[str] | None:
    """Return a pattern of a model; None for one without, and for classes that only Java has."""
    return None if not text or r"\p{" in text else re.compile(text, re.ASCII)
