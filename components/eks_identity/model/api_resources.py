"""API groups of Kubernetes' own resources. A rule that names the wrong group of a resource silently allows nothing.

Other API groups belong to custom resources and aggregated APIs, and may have resources of any name.

Source: `kubectl api-resources` of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eks_identity.errors import Problem

RESOURCES: Mapping[str, frozenset[str]] = {
    group: frozenset(resources.split())
    for group, resources in {
        "": (
            "bindings componentstatuses configmaps endpoints events limitranges namespaces nodes "
            "persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets "
            "serviceaccounts services"
        ),
        "admissionregistration.k8s.io": (
            "mutatingadmissionpolicies mutatingadmissionpolicybindings mutatingwebhookconfigurations "
            "validatingadmissionpolicies validatingadmissionpolicybindings validatingwebhookconfigurations"
        ),
        "apiextensions.k8s.io": "customresourcedefinitions",
        "apiregistration.k8s.io": "apiservices",
        "apps": "controllerrevisions daemonsets deployments replicasets statefulsets",
        "authentication.k8s.io": "selfsubjectreviews tokenreviews",
        "authorization.k8s.io": (
            "localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews"
        ),
        "autoscaling": "horizontalpodautoscalers",
        "batch": "cronjobs jobs",
        "certificates.k8s.io": "certificatesigningrequests clustertrustbundles podcertificaterequests",
        "coordination.k8s.io": "leases",
        "discovery.k8s.io": "endpointslices",
        "events.k8s.io": "events",
        "flowcontrol.apiserver.k8s.io": "flowschemas prioritylevelconfigurations",
        "networking.k8s.io": "ingressclasses ingresses ipaddresses networkpolicies servicecidrs",
        "node.k8s.io": "runtimeclasses",
        "policy": "poddisruptionbudgets",
        "rbac.authorization.k8s.io": "clusterrolebindings clusterroles rolebindings roles",
        "resource.k8s.io": "deviceclasses devicetaintrules resourceclaims resourceclaimtemplates resourceslices",
        "scheduling.k8s.io": "priorityclasses",
        "storage.k8s.io": (
            "csidrivers csinodes csistoragecapacities storageclasses volumeattachments volumeattributesclasses"
        ),
        "storagemigration.k8s.io": "storageversionmigrations",
    }.items()
}
"""The built-in resources of an API server, by API group."""

CLUSTER_SCOPED = frozenset(
    [
        "apiservices",
        "certificatesigningrequests",
        "clusterrolebindings",
        "clusterroles",
        "clustertrustbundles",
        "componentstatuses",
        "csidrivers",
        "csinodes",
        "customresourcedefinitions",
        "deviceclasses",
        "devicetaintrules",
        "flowschemas",
        "ingressclasses",
        "ipaddresses",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "namespaces",
        "nodes",
        "persistentvolumes",
        "priorityclasses",
        "prioritylevelconfigurations",
        "resourceslices",
        "runtimeclasses",
        "selfsubjectaccessreviews",
        "selfsubjectreviews",
        "selfsubjectrulesreviews",
        "servicecidrs",
        "storageclasses",
        "storageversionmigrations",
        "subjectaccessreviews",
        "tokenreviews",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
        "volumeattachments",
        "volumeattributesclasses",
    ]
)
"""The built-in resources that are in no namespace."""


def api_group_problems(resource: str, groups: Sequence[str]) -> list[Problem]:
    """Return the problem of a `resource` that is in another of Kubernetes' API groups, and in none of `groups`."""
    name = resource.partition("/")[0]
    if not set(groups) <= RESOURCES.keys() or any(name in RESOURCES[group] for group in groups):
        return []
    listed = " and ".join(group or "the core group" for group in groups)
    rule = f"must be a resource of {listed}: a rule on a resource of another group allows nothing (Kubernetes RBAC)"
    actual_groups = [group for group, resources in RESOURCES.items() if name in resources]
    if actual_groups:
        fix = f"add a separate rule with api_groups {actual_groups}"
        return [Problem("", rule, resource, fix if actual_groups != [""] else f"{fix}, or without api_groups")]
    plurals = [plural for group in groups for plural in RESOURCES[group] if plural in _plurals(name)]
    return [Problem("", rule, resource, f"write {plurals[0]}")] if plurals else []


def _plurals(name: str) -> set[str]:
    return {f"{name}s", f"{name}es", f"{name.removesuffix('y')}ies"}
