"""The rules of Kubernetes' user-facing ClusterRoles.

These are the rules that Kubernetes itself creates. Administrators of a cluster can change them, and installed software
can add rules by aggregation labels.

Source: Kubernetes 1.36, `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`.
"""

from __future__ import annotations

from collections.abc import Mapping

from eks_identity.model.rbac import READ, WRITE, Rule, rule_on

_VIEW = (
    rule_on(
        "",
        "bindings configmaps endpoints events limitranges namespaces namespaces/status persistentvolumeclaims "
        "persistentvolumeclaims/status pods pods/log pods/status replicationcontrollers replicationcontrollers/scale "
        "replicationcontrollers/status resourcequotas resourcequotas/status serviceaccounts services services/status",
        READ,
    ),
    rule_on(
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
        "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
        READ,
    ),
    rule_on("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", READ),
    rule_on("batch", "cronjobs cronjobs/status jobs jobs/status", READ),
    rule_on("discovery.k8s.io", "endpointslices", READ),
    rule_on("events.k8s.io", "events", READ),
    rule_on(
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status "
        "networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
        READ,
    ),
    rule_on("networking.k8s.io", "ingresses ingresses/status networkpolicies", READ),
    rule_on("policy", "poddisruptionbudgets poddisruptionbudgets/status", READ),
    rule_on("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates", READ),
)

_EDIT = (
    *_VIEW,
    rule_on("", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", READ),
    rule_on(
        "",
        "configmaps events persistentvolumeclaims pods pods/attach pods/exec pods/portforward pods/proxy "
        "replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
        WRITE,
    ),
    rule_on("", "pods/eviction serviceaccounts/token", ("create",)),
    rule_on("", "serviceaccounts", ("impersonate",)),
    rule_on(
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets "
        "statefulsets/scale",
        WRITE,
    ),
    rule_on("autoscaling", "horizontalpodautoscalers", WRITE),
    rule_on("batch", "cronjobs jobs", WRITE),
    rule_on("coordination.k8s.io", "leases", (*READ, *WRITE)),
    rule_on("events.k8s.io", "events", WRITE),
    rule_on(
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets "
        "replicasets/scale replicationcontrollers/scale",
        WRITE,
    ),
    rule_on("networking.k8s.io", "ingresses networkpolicies", WRITE),
    rule_on("policy", "poddisruptionbudgets", WRITE),
    rule_on("resource.k8s.io", "resourceclaims resourceclaimtemplates", WRITE),
)

_ADMIN = (
    *_EDIT,
    rule_on("authorization.k8s.io", "localsubjectaccessreviews", ("create",)),
    rule_on("rbac.authorization.k8s.io", "rolebindings roles", (*READ, *WRITE)),
)

DEFAULT_ROLES: Mapping[str, tuple[Rule, ...]] = {
    "cluster-admin": (rule_on("*", "*", ("*",)), Rule(("*",), non_resource_urls=("*",))),
    "admin": _ADMIN,
    "edit": _EDIT,
    "view": _VIEW,
}
"""Rules by name of the ClusterRole."""
