"""Which resources a call is about, after the service authorization reference.

Services that are listed neither here nor in `service_resources` are judged on resource `*`. Where an ARN ends with an
id that EKS gives (access entries, add-ons, node groups), its place holds `*`: it matches policies that end with a
wildcard, as those in AWS's documentation do.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud import iam_lookup
from lab.cloud.context import Parameters
from lab.cloud.request_identity import Caller
from lab.cloud.service_resources import of_service


def resource_of(service: str, action: str, params: Parameters, caller: Caller, region: str) -> str:
    """The ARN that `caller` must be allowed to perform `service:action` on; `*` where the action has none."""
    found: Iterator[str] = iter(())
    if service == "iam":
        found = _iam(action, params, caller)
    elif service in {"eks", "eks-auth"}:
        found = _eks(action, params, f"arn:{caller.partition}:eks:{region}:{caller.account}")
    elif service == "sts" and params.get("RoleArn"):
        found = iter([str(params.get("RoleArn"))])
    else:
        found = of_service(service, action, params, caller, region)
    return next(found, "*")


_IAM_ARNS = ("OpenIDConnectProviderArn", "PolicySourceArn", "SAMLProviderArn")
_IAM_NAMED = (
    ("InstanceProfileName", "instance-profile", "instance_profiles"),
    ("RoleName", "role", "roles"),
    ("GroupName", "group", "groups"),
    ("UserName", "user", "users"),
)
_IAM_LISTS = {
    "ListGroups": "group/",
    "ListInstanceProfiles": "instance-profile/",
    "ListOpenIDConnectProviders": "oidc-provider/*",
    "ListPolicies": "policy/",
    "ListRoles": "role/",
    "ListUsers": "user/",
}
_IAM_OWN_USER = frozenset(
    {"GetUser", "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey", "ListGroupsForUser"}
)
"""Without a UserName these are about the caller itself."""


def _iam(action: str, params: Parameters, caller: Caller) -> Iterator[str]:
    """What the call may be about, most telling member first."""
    prefix = f"arn:{caller.partition}:iam::{caller.account}"
    yield from (str(params.get(member)) for member in _IAM_ARNS if params.get(member))
    if action in _IAM_LISTS:
        yield f"{prefix}:{_IAM_LISTS[action]}"
    if action == "CreateOpenIDConnectProvider":
        yield f"{prefix}:oidc-provider/{str(params.get('Url') or '').removeprefix('https://')}"
    path = params.get("Path") or "/"
    for member, kind, collection in _IAM_NAMED:
        name = params.get(member)
        if name:
            yield _existing(caller, collection, str(name)) or f"{prefix}:{kind}{path}{name}"
    if params.get("PolicyArn"):
        yield str(params.get("PolicyArn"))
    if params.get("PolicyName"):
        yield f"{prefix}:policy{path}{params.get('PolicyName')}"
    if action in _IAM_OWN_USER and not caller.is_role:
        yield caller.principal.arn


def _existing(caller: Caller, collection: str, name: str) -> str | None:
    """The ARN, path included, of what goes by that name already."""
    iam = iam_lookup.backend(caller.account, caller.partition)
    entries = list(getattr(iam, collection).values()) if iam else []
    return next((str(entry.arn) for entry in entries if entry.name == name), None)


_EKS_NAMED = (("addonName", "addon"), ("nodegroupName", "nodegroup"), ("fargateProfileName", "fargateprofile"))


def _eks(action: str, params: Parameters, prefix: str) -> Iterator[str]:
    cluster = params.get("clusterName") or params.get("name")
    if params.get("resourceArn"):
        yield str(params.get("resourceArn"))
    if action == "ListClusters":
        yield f"{prefix}:cluster/*"
    if not cluster:
        return
    of_cluster = action.startswith(("Create", "List")) and action != "ListAssociatedAccessPolicies"
    principal = params.get("principalArn")
    if principal and not of_cluster:
        account, _ = iam_lookup.account_of(str(principal))
        kind, _, name = str(principal).rpartition(":")[2].partition("/")
        yield f"{prefix}:access-entry/{cluster}/{kind}/{account}/{name.rpartition('/')[2] or kind}/*"
    if params.get("associationId") and not of_cluster:
        yield f"{prefix}:podidentityassociation/{cluster}/{params.get('associationId')}"
    for member, kind in _EKS_NAMED:
        if params.get(member) and not of_cluster:
            yield f"{prefix}:{kind}/{cluster}/{params.get(member)}/*"
    yield f"{prefix}:cluster/{cluster}"


_PASSED_ROLES = {
    "CreateCluster": ("eks.amazonaws.com", "roleArn"),
    "CreateNodegroup": ("eks.amazonaws.com", "nodeRole"),
    "CreateFargateProfile": ("eks-fargate.amazonaws.com", "podExecutionRoleArn"),
    "CreatePodIdentityAssociation": ("pods.eks.amazonaws.com", "roleArn"),
    "UpdatePodIdentityAssociation": ("pods.eks.amazonaws.com", "roleArn"),
    "CreateAddon": ("eks.amazonaws.com", "serviceAccountRoleArn"),
    "UpdateAddon": ("eks.amazonaws.com", "serviceAccountRoleArn"),
}


def passed_roles(service: str, action: str, params: Parameters) -> Iterator[tuple[str, str]]:
    """(role ARN, service principal) of each role that a call hands to a service, which needs `iam:PassRole` too."""
    if service != "eks":
        return
    receiver, member = _PASSED_ROLES.get(action, ("", ""))
    if member and params.get(member):
        yield str(params.get(member)), receiver
    if action in {"CreateAddon", "UpdateAddon"}:
        for association in params.get("podIdentityAssociations") or ():
            yield str(association["roleArn"]), "pods.eks.amazonaws.com"
