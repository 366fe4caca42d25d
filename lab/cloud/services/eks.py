"""Enforced operations of Amazon EKS and EKS Auth: those that `lab.cloud.eks` implements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.cloud import iam_lookup
from lab.cloud.api_call import ApiCall
from lab.cloud.context import Values
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.rules import (
    PassedRole,
    Requirement,
    Resolver,
    Service,
    call_variables,
    constant,
    members,
    names,
)

_CLUSTER = "clusterName || name"


def _clusters(call: ApiCall) -> list[Any]:
    """Return the call's cluster if it exists."""
    from lab.cloud.eks.operations import Operations  # noqa: PLC0415 - the operations import the authorization

    name = next(call.find_all(_CLUSTER), "")
    return [
        cluster
        for key, cluster in list(Operations.store.clusters.items())
        if (key.account, key.region, key.name) == (call.account, call.region, name)
    ]


def _named(member: str, collection: str, variable: str) -> Resolver:
    """Return a resolver for a resource of a cluster. Its ARN ends with an id that EKS generates.

    For a missing resource the id is `*`. It matches policies that end with a wildcard, as those in AWS's documentation.
    """

    def resolve(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
        name = call.params.get(member)
        cluster = next(call.find_all(_CLUSTER), "*")
        if not name:
            return
        records = [getattr(entry, collection).get(name) for entry in _clusters(call)]
        found = next((str(record.arn) for record in records if record is not None), None)
        variables = {**call_variables(call), "ClusterName": cluster, variable: str(name), "UUID": "*"}
        yield found or resource_type.fill(variables)

    return resolve


def _access_entries(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    principal = str(call.params.get("principalArn") or "")
    if not principal:
        return
    records = [cluster.access_entries.get(principal) for cluster in _clusters(call)]
    found = next((str(record.arn) for record in records if record is not None), None)
    account, _ = iam_lookup.parse_account(principal)
    kind, _, name = principal.rpartition(":")[2].partition("/")
    yield found or resource_type.fill(
        {
            **call_variables(call),
            "ClusterName": next(call.find_all(_CLUSTER), "*"),
            "IamIdentityType": kind,
            "IamIdentityAccountID": account,
            "IamIdentityName": name.rpartition("/")[2] or kind,
            "UUID": "*",
        }
    )


def _association(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    if call.params.get("associationId"):
        yield from members(UUID="associationId", ClusterName="clusterName")(call, resource_type)


def _list_tags(arn: str) -> Mapping[str, str]:
    from lab.cloud.eks.operations import Operations  # noqa: PLC0415 - the operations import the authorization

    with Operations.store.lock:
        for cluster in Operations.store.clusters.values():
            if resource := cluster.tagged_resources().get(arn):
                return dict(resource.tags)
    return {}


def _context(call: ApiCall, _requirement: Requirement) -> Values:
    """Return the keys of the call's access entry, whose type is STANDARD by default."""
    values: Values = {"eks:clusterName": next(call.find_all(_CLUSTER), "")}
    if call.name == "CreateAccessEntry":
        values["eks:accessEntryType"] = str(call.params.get("type") or "STANDARD")
        return values
    principal = call.params.get("principalArn")
    for cluster in _clusters(call) if principal else ():
        entry = cluster.access_entries.get(principal)
        if entry is not None:
            values |= {"eks:accessEntryType": entry.type, "eks:username": entry.username}
            values |= {"eks:principalArn": str(principal)}
            values |= {"eks:kubernetesGroups": tuple(entry.kubernetes_groups)} if entry.kubernetes_groups else {}
    return values


def _passed(service_principal: str, *expressions: str) -> tuple[PassedRole, ...]:
    return tuple(PassedRole(service_principal, expression) for expression in expressions)


_ASSOCIATION_ROLE = (PassedRole("pods.eks.amazonaws.com", "roleArn", service_rejects_foreign_roles=True),)
_ADDON_ROLES = (
    *_passed("eks.amazonaws.com", "serviceAccountRoleArn"),
    *_passed("pods.eks.amazonaws.com", "podIdentityAssociations[].roleArn"),
)

EKS = Service(
    name="eks",
    prefix="eks",
    signing_name="eks",
    backend="eks",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html",
    operations=names(
        "AssociateAccessPolicy CreateAccessEntry CreateAddon CreateCluster CreateFargateProfile CreateNodegroup "
        "CreatePodIdentityAssociation DeleteAccessEntry DeleteAddon DeleteCluster DeleteFargateProfile "
        "DeleteNodegroup DeletePodIdentityAssociation DescribeAccessEntry DescribeAddon DescribeAddonConfiguration "
        "DescribeAddonVersions DescribeCluster DescribeClusterVersions DescribeFargateProfile DescribeNodegroup "
        "DescribePodIdentityAssociation DescribeUpdate DisassociateAccessPolicy ListAccessEntries "
        "ListAccessPolicies ListAddons ListAssociatedAccessPolicies ListClusters ListFargateProfiles "
        "ListNodegroups ListPodIdentityAssociations ListTagsForResource ListUpdates TagResource UntagResource "
        "UpdateAccessEntry UpdateAddon UpdateClusterConfig UpdateClusterVersion UpdateNodegroupConfig "
        "UpdateNodegroupVersion UpdatePodIdentityAssociation"
    ),
    resources={
        "cluster": members(ClusterName=_CLUSTER),
        "nodegroup": _named("nodegroupName", "nodegroups", "NodegroupName"),
        "addon": _named("addonName", "addons", "AddonName"),
        "fargateprofile": members(FargateProfileName="fargateProfileName", ClusterName="clusterName", UUID="'*'"),
        "access-entry": _access_entries,
        "podidentityassociation": _association,
    },
    operation_resources={
        # The data has no resource type for CreateCluster; the user guide's examples name the cluster:
        # https://docs.aws.amazon.com/eks/latest/userguide/security-iam-id-based-policy-examples.html
        "CreateCluster": {"cluster": members(ClusterName="name")},
        "CreateAddon": {"cluster": members(ClusterName="clusterName")},
        # AWS's message of ListClusters has this resource.
        "ListClusters": {"cluster": constant("arn:{partition}:eks:{region}:{account}:cluster/*")},
        "DescribeAddonVersions": {},
        "DescribeAddonConfiguration": {},
    },
    arn_members=("resourceArn",),
    tagging={
        "CreateAccessEntry": "TagResource",
        "CreateAddon": "TagResource",
        "CreateCluster": "TagResource",
        "CreateFargateProfile": "TagResource",
        "CreateNodegroup": "TagResource",
        "CreatePodIdentityAssociation": "TagResource",
    },
    condition_members={
        "eks:principalArn": "principalArn",
        "eks:policyArn": "policyArn",
        "eks:username": "username",
        "eks:kubernetesGroups": "kubernetesGroups",
        "eks:accessScope": "accessScope.type",
        "eks:namespaces": "accessScope.namespaces",
        "eks:authenticationMode": "accessConfig.authenticationMode",
        "eks:bootstrapClusterCreatorAdminPermissions": "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "eks:bootstrapSelfManagedAddons": "bootstrapSelfManagedAddons",
        "eks:deletionProtection": "deletionProtection",
        "eks:endpointPrivateAccess": "resourcesVpcConfig.endpointPrivateAccess",
        "eks:endpointPublicAccess": "resourcesVpcConfig.endpointPublicAccess",
        "eks:kubernetesVersion": "version",
        "eks:supportType": "upgradePolicy.supportType",
    },
    context=_context,
    list_tags=_list_tags,
    passed_roles={
        "CreateCluster": _passed("eks.amazonaws.com", "roleArn", "computeConfig.nodeRoleArn"),
        "UpdateClusterConfig": _passed("eks.amazonaws.com", "computeConfig.nodeRoleArn"),
        "CreateNodegroup": _passed("eks.amazonaws.com", "nodeRole"),
        "CreateFargateProfile": _passed("eks-fargate.amazonaws.com", "podExecutionRoleArn"),
        "CreatePodIdentityAssociation": _ASSOCIATION_ROLE,
        "UpdatePodIdentityAssociation": _ASSOCIATION_ROLE,
        "CreateAddon": _ADDON_ROLES,
        "UpdateAddon": _ADDON_ROLES,
    },
    invalid_arn=("BadRequestException", 400),
    is_regional=False,  # EKS itself answers that a resource of another Region does not exist
)

EKS_AUTH = Service(
    name="eks-auth",
    prefix="eks-auth",
    signing_name="eks-auth",
    backend="eks",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html",
    operations=names("AssumeRoleForPodIdentity"),
    resources={"cluster": members(ClusterName="clusterName")},
)
