"""Access policies: the sets of Kubernetes permissions that EKS itself keeps, for principals with an access entry.

They add to what RBAC allows, and neither denies. EKS refuses a policy that it does not have only when it is associated,
so their names are known here.

Source: EKS user guide, "Associate access policies with access entries" and "Review access policy permissions".
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from eks_identity.errors import InvalidInput, Problem, Problems
from eks_identity.model import names
from eks_identity.model.arns import Arn
from eks_identity.model.partitions import Partition

CLUSTER_ADMIN = "AmazonEKSClusterAdminPolicy"
"""Allows everything, as the group `system:masters` does."""
AUTO_NODE = "AmazonEKSAutoNodePolicy"
"""For nodes of EKS Auto Mode: the one policy that an entry of type EC2 takes, and no other type does."""

_FOR_ANYBODY = (
    "AIDevOpsAgentAccessPolicy",
    "AWSBackupFullAccessPolicyForBackup",
    "AWSBackupFullAccessPolicyForRestore",
    "AmazonAIOpsAssistantPolicy",
    "AmazonARCRegionSwitchScalingPolicy",
    "AmazonEKSACKPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSArgoCDClusterPolicy",
    "AmazonEKSArgoCDPolicy",
    CLUSTER_ADMIN,
    "AmazonEKSEditPolicy",
    "AmazonEKSEventPolicy",
    "AmazonEKSKROPolicy",
    "AmazonEKSSecretAdminPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEMRJobPolicy",
    "AmazonSagemakerHyperpodClusterPolicy",
    "AmazonSagemakerHyperpodControllerPolicy",
    "AmazonSagemakerHyperpodSpacePolicy",
    "AmazonSagemakerHyperpodSpaceTemplatePolicy",
    "AmazonSagemakerHyperpodSystemNamespacePolicy",
    "AmazonSagemakerHyperpodUserClusterPolicy",
)
_WHOLE_CLUSTER_ONLY = frozenset(
    {
        AUTO_NODE,
        "AmazonEKSBlockStorageClusterPolicy",
        "AmazonEKSBlockStoragePolicy",
        "AmazonEKSClusterInsightsPolicy",
        "AmazonEKSComputeClusterPolicy",
        "AmazonEKSComputePolicy",
        "AmazonEKSHybridPolicy",
        "AmazonEKSLoadBalancingClusterPolicy",
        "AmazonEKSLoadBalancingPolicy",
        "AmazonEKSNetworkingClusterPolicy",
        "AmazonEKSNetworkingPolicy",
        "AmazonEKSPodIdentityPolicy",
    }
)
"""Those of EKS's own components: nodes and what else is in no namespace."""

ACCESS_POLICIES = tuple(sorted({*_FOR_ANYBODY, *_WHOLE_CLUSTER_ONLY}))
"""What `aws eks list-access-policies` lists. An ARN may name one that is newer than this list."""

RBAC_EQUIVALENTS = {
    CLUSTER_ADMIN: "the group system:masters",
    "AmazonEKSAdminPolicy": "the ClusterRole admin",
    "AmazonEKSEditPolicy": "the ClusterRole edit",
    "AmazonEKSViewPolicy": "the ClusterRole view",
}
"""What comes near to a policy where there are no access entries."""

_PREFIX = "cluster-access-policy/"


def access_policy_arn(partition: Partition, name: str) -> str:
    """The ARN of one of EKS's access policies."""
    return partition.arn("eks", f"{_PREFIX}{name}", account="aws")


@dataclass(frozen=True)
class AccessPolicy:
    """One access policy, and where it applies."""

    name: str
    namespaces: tuple[str, ...] = ()
    """None: the whole cluster. `*` stands for any characters: `dev-*`."""
    partition: Partition | None = None
    """The partition of the ARN that named it; None where its name did."""

    @classmethod
    def of(cls, policy: str, namespaces: Sequence[str] | None = None) -> Self:
        """Refuses, all at once, what EKS would refuse, and what could never apply. None at all is the whole cluster."""
        with Problems() as problems:
            named = problems.parse("policy", _named, policy)
            if namespaces is not None:
                problems.extend(_namespace_problems(namespaces))
            if named is not None and namespaces and named[0] in _WHOLE_CLUSTER_ONLY:
                rule = f"{named[0]} is about nodes and what else is in no namespace (EKS)"
                problems.add("namespaces", rule, list(namespaces), "leave namespaces out")
        assert named is not None
        return cls(named[0], tuple(namespaces or ()), named[1])

    @property
    def is_cluster_admin(self) -> bool:
        """Whether who has it is an administrator of the cluster."""
        return self.name == CLUSTER_ADMIN and not self.namespaces

    def arn(self, partition: Partition) -> str:
        """Its ARN in a cluster's partition; refused where it was given by the ARN of another one."""
        if self.partition not in {None, partition}:
            assert self.partition is not None
            wrong = access_policy_arn(self.partition, self.name)
            rule = f"a cluster of partition {partition.name} has the access policies of that partition"
            raise InvalidInput([Problem("policy", rule, wrong, f"write {self.name}")])
        return access_policy_arn(partition, self.name)


def _named(policy: str) -> tuple[str, Partition | None]:
    if not names.text(policy).startswith("arn:"):
        if policy not in ACCESS_POLICIES:
            raise InvalidInput([_unknown(policy)])
        return policy, None
    arn = Arn.parse(policy)
    name = arn.resource.removeprefix(_PREFIX)
    if (arn.service, arn.region, arn.account) != ("eks", "", "aws") or arn.resource == name or not name:
        rule = "an ARN of EKS's access policies, …:eks::aws:cluster-access-policy/NAME; IAM's policies are others"
        raise InvalidInput([Problem("", rule, policy, "write its name, such as AmazonEKSViewPolicy")])
    return name, arn.partition


def _unknown(policy: str) -> Problem:
    near = difflib.get_close_matches(policy, ACCESS_POLICIES, n=1) or difflib.get_close_matches(
        f"AmazonEKS{policy.title()}Policy", ACCESS_POLICIES, n=1
    )
    fix = f"did you mean {near[0]}? " if near else ""
    rule = "one of EKS's access policies"
    return Problem("", rule, policy, f"{fix}`aws eks list-access-policies` shows all; give a newer one's ARN")


def _namespace_problems(namespaces: Sequence[str]) -> list[Problem]:
    if not namespaces:
        rule = "at least one namespace: none would be the whole cluster"
        return [Problem("namespaces", rule, [], "name one, or leave namespaces out for the whole cluster")]
    problems = Problems()
    for index, namespace in enumerate(namespaces):
        under = f"namespaces[{index}]"
        problems.parse(under, _namespace_pattern, namespace)
        if namespace in namespaces[:index]:
            problems.add(under, "each namespace once", namespace, "take the repeated one out")
    return problems.found


def _namespace_pattern(namespace: str) -> None:
    """A namespace, where `*` stands for any characters, also for none."""
    try:
        names.namespace(names.text(namespace).replace("*", "x"))
    except InvalidInput as refusal:
        raise InvalidInput([replace(problem, value=namespace) for problem in refusal.problems]) from None
