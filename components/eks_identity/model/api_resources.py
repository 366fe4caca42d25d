"""Which API group each of Kubernetes' own resources is in: a rule that names another group allows nothing, silently.

Groups that are not here are those of custom resources and aggregated APIs, which may have resources of any name.

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
"""By API group, all of them that an API server has by itself."""


def nowhere(resource: str, groups: Sequence[str]) -> list[Problem]:
    """What there is to say of `resource`, if none of `groups` has it though another one of Kubernetes' own does."""
    name = resource.partition("/")[0]
    if not set(groups) <= RESOURCES.keys() or any(name in RESOURCES[group] for group in groups):
        return []
    said = " and ".join(group or "the core group" for group in groups)
    rule = f"a resource that {said} has; a rule about another one allows nothing (Kubernetes RBAC)"
    homes = [group for group, resources in RESOURCES.items() if name in resources]
    if homes:
        fix = f"give a rule of its own with api_groups {homes}"
        return [Problem("", rule, resource, fix if homes != [""] else f"{fix}, or without api_groups")]
    near = [plural for group in groups for plural in RESOURCES[group] if plural in _plurals(name)]
    return [Problem("", rule, resource, f"write {near[0]}")] if near else []


def _plurals(name: str) -> set[str]:
    return {f"{name}s", f"{name}es", f"{name.removesuffix('y')}ies"}
