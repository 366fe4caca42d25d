"""The ClusterRoles for people that every cluster has from its start: what they allow.

A cluster's administrators can change them, and what is installed later adds to them by aggregation labels; what is
here is what Kubernetes itself puts in.

Source: Kubernetes 1.36, `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`.
"""

from __future__ import annotations

from collections.abc import Mapping

from eks_identity.model.rbac import Rule

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")


def _rule(group: str, resources: str, verbs: tuple[str, ...]) -> Rule:
    return Rule(verbs, tuple(resources.split()), (group,))


_VIEW = (
    _rule(
        "",
        "bindings configmaps endpoints events limitranges namespaces namespaces/status persistentvolumeclaims "
        "persistentvolumeclaims/status pods pods/log pods/status replicationcontrollers replicationcontrollers/scale "
        "replicationcontrollers/status resourcequotas resourcequotas/status serviceaccounts services services/status",
        READ,
    ),
    _rule(
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets "
        "replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
        READ,
    ),
    _rule("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", READ),
    _rule("batch", "cronjobs cronjobs/status jobs jobs/status", READ),
    _rule("discovery.k8s.io", "endpointslices", READ),
    _rule("events.k8s.io", "events", READ),
    _rule(
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status "
        "networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
        READ,
    ),
    _rule("networking.k8s.io", "ingresses ingresses/status networkpolicies", READ),
    _rule("policy", "poddisruptionbudgets poddisruptionbudgets/status", READ),
    _rule("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates", READ),
)

_EDIT = (
    *_VIEW,
    _rule("", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", READ),
    _rule(
        "",
        "configmaps events persistentvolumeclaims pods pods/attach pods/exec pods/portforward pods/proxy "
        "replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
        WRITE,
    ),
    _rule("", "pods/eviction serviceaccounts/token", ("create",)),
    _rule("", "serviceaccounts", ("impersonate",)),
    _rule(
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets "
        "statefulsets/scale",
        WRITE,
    ),
    _rule("autoscaling", "horizontalpodautoscalers", WRITE),
    _rule("batch", "cronjobs jobs", WRITE),
    _rule("coordination.k8s.io", "leases", (*READ, *WRITE)),
    _rule("events.k8s.io", "events", WRITE),
    _rule(
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets "
        "replicasets/scale replicationcontrollers/scale",
        WRITE,
    ),
    _rule("networking.k8s.io", "ingresses networkpolicies", WRITE),
    _rule("policy", "poddisruptionbudgets", WRITE),
    _rule("resource.k8s.io", "resourceclaims resourceclaimtemplates", WRITE),
)

_ADMIN = (
    *_EDIT,
    _rule("authorization.k8s.io", "localsubjectaccessreviews", ("create",)),
    _rule("rbac.authorization.k8s.io", "rolebindings roles", (*READ, *WRITE)),
)

DEFAULT_ROLES: Mapping[str, tuple[Rule, ...]] = {
    "cluster-admin": (_rule("*", "*", ("*",)), Rule(("*",), non_resource_urls=("*",))),
    "admin": _ADMIN,
    "edit": _EDIT,
    "view": _VIEW,
}
"""Rules by the ClusterRole's name."""
