"""The question "which declarations of eks_identity equal what the cluster has?"."""

from __future__ import annotations

from collections.abc import Mapping

from eks_access.graph import AccessGraph
from eks_access.questions.adoption.access import declare_access
from eks_access.questions.adoption.declarations import CLUSTER, Adoption, Declaration, Form
from eks_access.questions.adoption.providers import declare_provider
from eks_access.questions.adoption.workloads import WorkloadDraft


def adopt(graph: AccessGraph, form: Form = Form.PROGRAM, unowned: Mapping[str, str] | None = None) -> Adoption:
    """Return the declarations that equal the identity of a cluster, and what none expresses, with the reasons.

    `unowned` are reasons by the ARNs of roles that no component can own. Raises `NotReadError` for a part that is not
    read and that the declarations need.
    """
    name = graph.cluster.get().name
    access, access_left = declare_access(graph)
    workloads = WorkloadDraft(graph, form, unowned or {})
    workloads.declare()
    providers, providers_left = declare_provider(graph, name, form, workloads.declarations)
    cluster = Declaration(CLUSTER, name, {"name": name})
    return Adoption(
        name,
        form,
        (cluster, *providers, *access, *workloads.declarations),
        (*access_left, *providers_left, *workloads.not_adopted),
    )
