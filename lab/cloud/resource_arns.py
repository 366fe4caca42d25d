"""Resource ARNs of IAM, STS and EKS calls, for authorization.

Calls of services that are neither in this module nor in `service_resources` are authorized on resource `*`. The ARNs of
access entries, add-ons and node groups end with an id that EKS generates. The lab puts `*` in its place: it matches
policies that end with a wildcard, as those in AWS's documentation do.

Source: Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud import iam_lookup
from lab.cloud.context import Parameters
from lab.cloud.request_identity import Caller
from lab.cloud.service_resources import service_arns


def resource_arn(service: str, action: str, params: Parameters, caller: Caller, region: str) -> str:
    """Return the ARN of the resource on which `service:action` is authorized, or `*` if the action has none."""
    arns: Iterator[str] = iter(())
    if service == "iam":
        arns = _iam_arns(action, params, caller)
    elif service in {"eks", "eks-auth"}:
        arns = _eks_arns(action, params, f"arn:{caller.partition}:eks:{region}:{caller.account}")
    elif service == "sts" and params.get("RoleArn"):
        arns = iter([str(params.get("RoleArn"))])
    else:
        arns = service_arns(service, action, params, caller, region)
    return next(arns, "*")


_IAM_ARN_MEMBERS = ("OpenIDConnectProviderArn", "PolicySourceArn", "SAMLProviderArn")
_IAM_NAME_MEMBERS = (
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
"""Actions whose resource is the caller's own user if the call has no UserName."""


def _iam_arns(action: str, params: Parameters, caller: Caller) -> Iterator[str]:
    """Yield the possible resource ARNs of a call, the most specific member first."""
    prefix = f"arn:{caller.partition}:iam::{caller.account}"
    yield from (str(params.get(member)) for member in _IAM_ARN_MEMBERS if params.get(member))
    if action in _IAM_LISTS:
        yield f"{prefix}:{_IAM_LISTS[action]}"
    if action == "CreateOpenIDConnectProvider":
        yield f"{prefix}:oidc-provider/{str(params.get('Url') or '').removeprefix('https://')}"
    path = params.get("Path") or "/"
    for member, kind, collection in _IAM_NAME_MEMBERS:
        name = params.get(member)
        if name:
            yield _find_arn(caller, collection, str(name)) or f"{prefix}:{kind}{path}{name}"
    if params.get("PolicyArn"):
        yield str(params.get("PolicyArn"))
    if params.get("PolicyName"):
        yield f"{prefix}:policy{path}{params.get('PolicyName')}"
    if action in _IAM_OWN_USER and not caller.is_role:
        yield caller.principal.arn


def _find_arn(caller: Caller, collection: str, name: str) -> str | None:
    """Return the ARN, path included, of the existing entity with that name, or None."""
    iam = iam_lookup.find_backend(caller.account, caller.partition)
    entries = list(getattr(iam, collection).values()) if iam else []
    return next((str(entry.arn) for entry in entries if entry.name == name), None)


_EKS_NAME_MEMBERS = (("addonName", "addon"), ("nodegroupName", "nodegroup"), ("fargateProfileName", "fargateprofile"))


def _eks_arns(action: str, params: Parameters, prefix: str) -> Iterator[str]:
    cluster = params.get("clusterName") or params.get("name")
    if params.get("resourceArn"):
        yield str(params.get("resourceArn"))
    if action == "ListClusters":
        yield f"{prefix}:cluster/*"
    if not cluster:
        return
    is_cluster_action = action.startswith(("Create", "List")) and action != "ListAssociatedAccessPolicies"
    principal = params.get("principalArn")
    if principal and not is_cluster_action:
        account, _ = iam_lookup.parse_account(str(principal))
        kind, _, name = str(principal).rpartition(":")[2].partition("/")
        yield f"{prefix}:access-entry/{cluster}/{kind}/{account}/{name.rpartition('/')[2] or kind}/*"
    if params.get("associationId") and not is_cluster_action:
        yield f"{prefix}:podidentityassociation/{cluster}/{params.get('associationId')}"
    for member, kind in _EKS_NAME_MEMBERS:
        if params.get(member) and not is_cluster_action:
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
    """Yield (role ARN, service principal) of each role that a call passes to a service. It requires `iam:PassRole`."""
    if service != "eks":
        return
    receiving_service, member = _PASSED_ROLES.get(action, ("", ""))
    if member and params.get(member):
        yield str(params.get(member)), receiving_service
    if action in {"CreateAddon", "UpdateAddon"}:
        for association in params.get("podIdentityAssociations") or ():
            yield str(association["roleArn"]), "pods.eks.amazonaws.com"
