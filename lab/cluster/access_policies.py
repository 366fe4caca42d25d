"""Rules of each EKS access policy, as AWS documents them.

Source: Amazon EKS user guide, "Review access policy permissions"
(https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html), whose tables are copied here. They
resemble Kubernetes' ClusterRoles view, edit and admin but differ from them: edit, for example, has no leases.
Administrators can change a cluster's ClusterRoles but not access policies. The lab therefore evaluates these tables.

The guide has no tables for the policies of EKS's own components (Auto Mode, hybrid nodes, insights) and of other AWS
services. In the lab these policies allow nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CORE = ""
READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "delete", "deletecollection", "patch", "update"})
ANY = frozenset({"*"})


@dataclass(frozen=True)
class Rule:
    """A rule that allows `verbs` on `resources` (`resource` or `resource/subresource`) of one API group, or on URLs."""

    group: str
    resources: frozenset[str]
    verbs: frozenset[str]
    non_resource_urls: bool = False

    def allows(self, group: str, resource: str, verb: str) -> bool:
        return (
            not self.non_resource_urls
            and self.group in {"*", group}
            and not self.resources.isdisjoint({"*", resource})
            and not self.verbs.isdisjoint({"*", verb})
        )

    def allows_url(self, verb: str) -> bool:
        return self.non_resource_urls and not self.verbs.isdisjoint({"*", verb})


def _rule(group: str, resources: str, verbs: frozenset[str]) -> Rule:
    return Rule(group, frozenset(resources.split()), verbs)


_VIEW = (
    _rule(
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
        "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
        READ,
    ),
    _rule("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", READ),
    _rule("batch", "cronjobs cronjobs/status jobs jobs/status", READ),
    _rule("discovery.k8s.io", "endpointslices", READ),
    _rule(
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status "
        "networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
        READ,
    ),
    _rule("networking.k8s.io", "ingresses ingresses/status networkpolicies", READ),
    _rule("policy", "poddisruptionbudgets poddisruptionbudgets/status", READ),
    _rule(
        CORE,
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
        "replicationcontrollers/scale serviceaccounts services services/status",
        READ,
    ),
    _rule(
        CORE,
        "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status "
        "resourcequotas resourcequotas/status",
        READ,
    ),
    _rule(CORE, "namespaces", READ),
)

_EDIT = (
    *_VIEW,
    _rule(
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets "
        "statefulsets/scale",
        WRITE,
    ),
    _rule("autoscaling", "horizontalpodautoscalers", WRITE),
    _rule("batch", "cronjobs jobs", WRITE),
    _rule(
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets "
        "replicasets/scale replicationcontrollers/scale",
        WRITE,
    ),
    _rule("networking.k8s.io", "ingresses networkpolicies", WRITE),
    _rule("policy", "poddisruptionbudgets", WRITE),
    _rule(CORE, "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", READ),
    _rule(CORE, "serviceaccounts", frozenset({"impersonate"})),
    _rule(CORE, "pods pods/attach pods/exec pods/portforward pods/proxy", WRITE),
    _rule(
        CORE,
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
        "serviceaccounts services services/proxy",
        WRITE,
    ),
)

_ADMIN = (
    *_EDIT,
    _rule("authorization.k8s.io", "localsubjectaccessreviews", frozenset({"create"})),
    _rule("rbac.authorization.k8s.io", "rolebindings roles", READ | WRITE),
)

ACCESS_POLICIES: Mapping[str, tuple[Rule, ...]] = {
    "AmazonEKSClusterAdminPolicy": (
        _rule("*", "*", ANY),
        Rule("", frozenset(), ANY, non_resource_urls=True),
    ),
    "AmazonEKSAdminPolicy": _ADMIN,
    "AmazonEKSAdminViewPolicy": (_rule("*", "*", READ),),
    "AmazonEKSEditPolicy": _EDIT,
    "AmazonEKSViewPolicy": _VIEW,
    "AmazonEKSSecretReaderPolicy": (_rule(CORE, "secrets", READ),),
    "AmazonEKSHybridPolicy": (_rule("*", "nodes", frozenset({"list"})),),
}
"""Rules by policy name, which is the last part of the policy ARN `arn:aws:eks::aws:cluster-access-policy/<name>`."""
