"""The rules of each EKS access policy, as AWS documents them.

The policies resemble Kubernetes' ClusterRoles view, edit and admin, but differ from them: the edit policy, for example,
has no leases. Administrators of a cluster can change ClusterRoles; only AWS can change access policies.

Source: EKS user guide, "Review access policy permissions", whose tables are repeated here. AWS publishes no table for
the policies of EKS's own components and of other AWS services, so their rules are not listed.
"""

from __future__ import annotations

from collections.abc import Mapping

from eks_identity.model.rbac import READ, WRITE, Rule, rule_on

_VIEW = (
    rule_on(
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
        "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
        READ,
    ),
    rule_on("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", READ),
    rule_on("batch", "cronjobs cronjobs/status jobs jobs/status", READ),
    rule_on("discovery.k8s.io", "endpointslices", READ),
    rule_on(
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status "
        "networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
        READ,
    ),
    rule_on("networking.k8s.io", "ingresses ingresses/status networkpolicies", READ),
    rule_on("policy", "poddisruptionbudgets poddisruptionbudgets/status", READ),
    rule_on(
        "",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
        "replicationcontrollers/scale serviceaccounts services services/status",
        READ,
    ),
    rule_on(
        "",
        "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status "
        "resourcequotas resourcequotas/status",
        READ,
    ),
    rule_on("", "namespaces", READ),
)

_EDIT = (
    *_VIEW,
    rule_on(
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets "
        "statefulsets/scale",
        WRITE,
    ),
    rule_on("autoscaling", "horizontalpodautoscalers", WRITE),
    rule_on("batch", "cronjobs jobs", WRITE),
    rule_on(
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets "
        "replicasets/scale replicationcontrollers/scale",
        WRITE,
    ),
    rule_on("networking.k8s.io", "ingresses networkpolicies", WRITE),
    rule_on("policy", "poddisruptionbudgets", WRITE),
    rule_on("", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", READ),
    rule_on("", "serviceaccounts", ("impersonate",)),
    rule_on("", "pods pods/attach pods/exec pods/portforward pods/proxy", WRITE),
    rule_on(
        "",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
        "serviceaccounts services services/proxy",
        WRITE,
    ),
)

_ADMIN = (
    *_EDIT,
    rule_on("authorization.k8s.io", "localsubjectaccessreviews", ("create",)),
    rule_on("rbac.authorization.k8s.io", "rolebindings roles", (*READ, *WRITE)),
)

ACCESS_POLICY_RULES: Mapping[str, tuple[Rule, ...]] = {
    "AmazonEKSClusterAdminPolicy": (rule_on("*", "*", ("*",)), Rule(("*",), non_resource_urls=("*",))),
    "AmazonEKSAdminPolicy": _ADMIN,
    "AmazonEKSAdminViewPolicy": (rule_on("*", "*", READ),),
    "AmazonEKSEditPolicy": _EDIT,
    "AmazonEKSViewPolicy": _VIEW,
    "AmazonEKSSecretReaderPolicy": (rule_on("", "secrets", READ),),
    "AmazonEKSHybridPolicy": (rule_on("*", "nodes", ("list",)),),
}
"""Rules by policy name, the last part of its ARN."""
