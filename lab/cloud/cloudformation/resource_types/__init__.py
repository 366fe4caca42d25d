"""The resource types of CloudFormation that the lab implements: those that eksctl uses for identity."""

from __future__ import annotations

from collections.abc import Mapping

from lab.cloud.cloudformation.resource_types.eks_resources import (
    AccessEntryType,
    AddonType,
    PodIdentityAssociationType,
)
from lab.cloud.cloudformation.resource_types.iam_policies import (
    GroupPolicyType,
    InlinePolicyType,
    ManagedPolicyType,
    RolePolicyType,
    UserPolicyType,
)
from lab.cloud.cloudformation.resource_types.iam_providers import OidcProviderType
from lab.cloud.cloudformation.resource_types.iam_roles import InstanceProfileType, RoleType, ServiceLinkedRoleType
from lab.cloud.cloudformation.resource_types.rules import NewResource, ResourceType

RESOURCE_TYPES: Mapping[str, ResourceType] = {
    resource_type.name: resource_type
    for resource_type in (
        AccessEntryType(),
        AddonType(),
        GroupPolicyType(),
        InlinePolicyType(),
        InstanceProfileType(),
        ManagedPolicyType(),
        OidcProviderType(),
        PodIdentityAssociationType(),
        RolePolicyType(),
        RoleType(),
        ServiceLinkedRoleType(),
        UserPolicyType(),
    )
}

__all__ = ("RESOURCE_TYPES", "NewResource", "ResourceType")
