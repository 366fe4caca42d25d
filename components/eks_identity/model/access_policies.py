"""EKS access policies: sets of Kubernetes permissions that EKS maintains, for principals with an access entry.

Access policies add to the permissions of RBAC; neither can deny. EKS rejects an unknown policy only when it is
associated, so this module lists their names.

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
"""For nodes of EKS Auto Mode: the only policy of access entries of type EC2, and of no other type."""

_NAMESPACED = (
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
"""Policies of EKS's own components, which apply to nodes and other cluster-scoped resources."""

ACCESS_POLICIES = tuple(sorted({*_NAMESPACED, *_WHOLE_CLUSTER_ONLY}))
"""The policies of `aws eks list-access-policies`. An ARN may name a policy that is newer than this list."""

RBAC_EQUIVALENTS = {
    CLUSTER_ADMIN: "the group system:masters",
    "AmazonEKSAdminPolicy": "the ClusterRole admin",
    "AmazonEKSEditPolicy": "the ClusterRole edit",
    "AmazonEKSViewPolicy": "the ClusterRole view",
}
"""The closest RBAC equivalent of a policy, for clusters without access entries."""

_PREFIX = "cluster-access-policy/"


def access_policy_arn(partition: Partition, name: str) -> str:
    """Return the ARN of an access policy."""
    return partition.arn("eks", f"{_PREFIX}{name}", account="aws")


@dataclass(frozen=True)
class AccessPolicy:
    """An access policy with its scope."""

    name: str
    namespaces: tuple[str, ...] = ()
    """Empty: the whole cluster. `*` matches any characters: `dev-*`."""
    partition: Partition | None = None
    """Partition of the ARN; None if the policy was set by name."""

    @classmethod
    def of(cls, policy: str, namespaces: Sequence[str] | None = None) -> Self:
        """Return the policy, for the whole cluster without `namespaces`; raise `InvalidInput` with all problems."""
        with Problems() as problems:
            parsed = problems.parse("policy", _parse_policy, policy)
            if namespaces is not None:
                problems.extend(_namespace_problems(namespaces))
            if parsed is not None and namespaces and parsed[0] in _WHOLE_CLUSTER_ONLY:
                rule = (
                    f"must be omitted with {parsed[0]}, which applies to cluster-scoped resources such as nodes (EKS)"
                )
                problems.add("namespaces", rule, list(namespaces), "remove namespaces")
        assert parsed is not None
        return cls(parsed[0], tuple(namespaces or ()), parsed[1])

    @property
    def is_cluster_admin(self) -> bool:
        """Whether its principals are administrators of the cluster."""
        return self.name == CLUSTER_ADMIN and not self.namespaces

    def arn(self, partition: Partition) -> str:
        """Return its ARN in a cluster's partition; raise `InvalidInput` if it was set by ARN, of another partition."""
        if self.partition not in {None, partition}:
            assert self.partition is not None
            wrong = access_policy_arn(self.partition, self.name)
            rule = f"must be an access policy of the cluster's partition {partition.name} (EKS)"
            raise InvalidInput([Problem("policy", rule, wrong, f"write {self.name}")])
        return access_policy_arn(partition, self.name)


def _parse_policy(policy: str) -> tuple[str, Partition | None]:
    if not names.text(policy).startswith("arn:"):
        if policy not in ACCESS_POLICIES:
            raise InvalidInput([_unknown(policy)])
        return policy, None
    arn = Arn.parse(policy)
    name = arn.resource.removeprefix(_PREFIX)
    if (arn.service, arn.region, arn.account) != ("eks", "", "aws") or arn.resource == name or not name:
        rule = "must be the ARN of an access policy, …:eks::aws:cluster-access-policy/NAME, not of an IAM policy (EKS)"
        raise InvalidInput([Problem("", rule, policy, "write its name, such as AmazonEKSViewPolicy")])
    return name, arn.partition


def _unknown(policy: str) -> Problem:
    close = difflib.get_close_matches(policy, ACCESS_POLICIES, n=1) or difflib.get_close_matches(
        f"AmazonEKS{policy.title()}Policy", ACCESS_POLICIES, n=1
    )
    suggestion = f"did you mean {close[0]}? " if close else ""
    fix = f"{suggestion}run `aws eks list-access-policies` for all names; for a newer policy, pass its ARN"
    return Problem("", "must be the name of an EKS access policy", policy, fix)


def _namespace_problems(namespaces: Sequence[str]) -> list[Problem]:
    if not namespaces:
        rule = "must have at least one namespace: an empty list would mean the whole cluster"
        return [Problem("namespaces", rule, [], "add a namespace, or remove namespaces for the whole cluster")]
    problems = Problems()
    for index, namespace in enumerate(namespaces):
        under = f"namespaces[{index}]"
        problems.parse(under, _namespace_pattern, namespace)
        if namespace in namespaces[:index]:
            problems.add(under, "must be listed once", namespace, "remove the repeated namespace")
    return problems.items


def _namespace_pattern(namespace: str) -> None:
    """Validate a namespace in which `*` matches any characters, even none."""
    try:
        names.namespace(names.text(namespace).replace("*", "x"))
    except InvalidInput as error:
        raise InvalidInput([replace(problem, value=namespace) for problem in error.problems]) from None
