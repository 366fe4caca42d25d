"""EKS access policies of a ClusterAccess: which ones every principal gets, and their access scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.access.principals import AccessContext
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.access_policies import CLUSTER_ADMIN, RBAC_EQUIVALENTS, AccessPolicy
from eks_identity.runtime.inputs import INVALID, Inputs, valid


class AccessPolicyArgs(TypedDict):
    """An EKS access policy and its access scope."""

    policy: str
    """Name, such as `AmazonEKSViewPolicy`, or ARN."""
    namespaces: NotRequired[list[pulumi.Input[str]]]
    """Namespaces that the policy applies to; `*` matches any characters, as in `dev-*`. By default the whole cluster.
    EKS does not check that the namespaces exist."""


@dataclass(frozen=True)
class GrantedPolicy:
    """An access policy that is associated with the access entry of every principal."""

    name: str
    arn: pulumi.Input[str]
    namespaces: pulumi.Input[tuple[str, ...]]
    """Empty: the whole cluster."""

    @property
    def is_cluster_admin(self) -> bool:
        """Whether it makes its principals administrators of the cluster."""
        return self.name == CLUSTER_ADMIN and self.namespaces == ()


def read_access_policies(
    inputs: Inputs, policies: Sequence[AccessPolicyArgs], context: AccessContext
) -> list[GrantedPolicy]:
    """Parse `access_policies`; problems are added to `inputs`."""
    granted: list[GrantedPolicy] = []
    for index, args in enumerate(policies):
        under = f"access_policies[{index}]"
        policy: Any = inputs.parse(under, args["policy"], AccessPolicy.of)
        inputs.parse(under, [policy, context], _require_access_entry_type)
        inputs.parse(under, [policy, [each.name for each in granted]], _require_once)
        scoped = inputs.parse(under, [policy, args["namespaces"]], _scoped) if "namespaces" in args else ()
        if policy is INVALID or context is INVALID:
            continue
        arn = inputs.parse(under, [policy, context.connection.partition], lambda parsed: parsed[0].arn(parsed[1]))
        granted.append(GrantedPolicy(policy.name, arn, scoped))
    return valid(granted)


def access_scope(namespaces: Sequence[str]) -> "aws.eks.AccessPolicyAssociationAccessScopeArgs":
    """Return the access scope for `namespaces`, in the aws provider's form."""
    if not namespaces:
        return aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
    return aws.eks.AccessPolicyAssociationAccessScopeArgs(type="namespace", namespaces=list(namespaces))


def _scoped(parsed: Sequence[Any]) -> tuple[str, ...]:
    policy, namespaces = parsed
    return tuple(AccessPolicy.of(policy.name, namespaces).namespaces)


def _require_once(parsed: Sequence[Any]) -> None:
    policy, others = parsed
    if policy.name in others:
        rule = "must be listed once, with all of its namespaces (EKS associates a policy once with an entry)"
        raise InvalidInput([Problem("policy", rule, policy.name, "write the namespaces of both in one")])


def _require_access_entry_type(parsed: Sequence[Any]) -> None:
    """Reject a policy that EKS does not associate with the entries of this declaration."""
    policy, context = parsed
    if not context.access_method.uses_access_entries:
        equivalent = RBAC_EQUIVALENTS.get(policy.name)
        instead = f"; or set {equivalent} instead" if equivalent else ""
        rule = "must be used with access entries: aws-auth has no access policies (EKS)"
        raise InvalidInput([Problem("policy", rule, policy.name, f"set access_method to access-entry{instead}")])
    if not context.type.takes_policy(policy.name):
        rule = f"must be a policy that EKS associates with entries of type {context.type}"
        fix = "remove it; the type gives nodes their permissions" if context.type.is_for_nodes else "set type to EC2"
        raise InvalidInput([Problem("policy", rule, policy.name, fix)])
