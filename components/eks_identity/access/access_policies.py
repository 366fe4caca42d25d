"""EKS's access policies as a part of people's access: which of them every principal gets, and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from eks_identity.access.principals import AccessContext
from eks_identity.errors import Problem
from eks_identity.model.access_policies import CLUSTER_ADMIN, RBAC_EQUIVALENTS, AccessPolicy
from eks_identity.model.partitions import Partition
from eks_identity.runtime.inputs import Inputs


class AccessPolicyArgs(TypedDict):
    """One of EKS's access policies, and where it applies."""

    policy: str
    """Its name, such as `AmazonEKSViewPolicy`, or its ARN."""
    namespaces: NotRequired[list[pulumi.Input[str]]]
    """The namespaces that it applies to, `*` for any characters: `dev-*`. Left out, it applies to the whole cluster.
    EKS does not check that they are there."""


@dataclass(frozen=True)
class GrantedPolicy:
    """An access policy that every principal of a declaration gets."""

    name: str
    arn: pulumi.Output[str]
    namespaces: pulumi.Input[list[str]]
    """None: the whole cluster."""
    is_cluster_admin: bool


def policies(
    inputs: Inputs,
    given: Sequence[AccessPolicyArgs],
    partition: pulumi.Input[Partition],
    entrance: AccessContext | None,
) -> list[GrantedPolicy]:
    """The access policies of a declaration, with what is wrong with them kept in `inputs`."""
    found: list[GrantedPolicy] = []
    for index, args in enumerate(given):
        under = f"access_policies[{index}]"
        named = inputs.problems.parse(under, AccessPolicy.of, args["policy"])
        if named is None:
            continue
        if entrance is not None:
            inputs.require(*(problem.under(under) for problem in _misplaced(named, entrance)))
        if any(other.name == named.name for other in found):
            rule = "an entry has a policy once, with all of its namespaces (EKS)"
            inputs.problems.add(f"{under}.policy", rule, args["policy"], "write the namespaces of both in one")
        found.append(
            GrantedPolicy(
                named.name,
                inputs.later([named, partition], lambda known: known[0].arn(known[1]), under),
                inputs.take(under, {**args}, _namespaces),
                named.name == CLUSTER_ADMIN and "namespaces" not in args,
            )
        )
    return found


def scope(namespaces: list[str]) -> "aws.eks.AccessPolicyAssociationAccessScopeArgs":
    """Where a policy applies, as the aws provider takes it."""
    if not namespaces:
        return aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster")
    return aws.eks.AccessPolicyAssociationAccessScopeArgs(type="namespace", namespaces=namespaces)


def _namespaces(args: Any) -> list[str]:
    return list(AccessPolicy.of(args["policy"], args.get("namespaces")).namespaces)


def _misplaced(policy: AccessPolicy, entrance: AccessContext) -> list[Problem]:
    """What there is to say where these entries cannot have this policy."""
    if not entrance.access_method.uses_access_entries:
        near = RBAC_EQUIVALENTS.get(policy.name)
        instead = f"; or give {near} in its place" if near else ""
        rule = "access policies are for principals with an access entry (EKS)"
        return [Problem("policy", rule, policy.name, f"use access_method access-entry{instead}")]
    if not entrance.type.takes_policy(policy.name):
        rule = f"entries of type {entrance.type} do not take this policy (EKS)"
        fix = "take it out; nodes get their rights from the type" if entrance.type.is_for_nodes else "use type EC2"
        return [Problem("policy", rule, policy.name, fix)]
    return []
