"""The form of the Kubernetes manifests that become objects of the graph: the types of the parts that are taken apart.

A missing field is no wrong type. `missing_field` names one that Kubernetes requires: the resource of a patch may lack
it, and a secret is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

F = TypeVar("F")
_List = list[Any] | None
_Map = dict[str, Any] | None


class _Form(msgspec.Struct, rename="camel"):
    """Base class of the forms."""


class _Metadata(_Form):
    """The metadata of any object. The API server reads an annotation that is null as an empty text."""

    labels: _Map = None
    annotations: dict[str, str | None] | None = None


class _Named(_Form):
    """An object of which only the metadata is read."""

    metadata: _Metadata | None = None


class _Other(_Form):
    """An object of a kind that is not converted."""

    metadata: _Map = None


class _ConfigMap(_Other):
    data: _Map = None


class _Rule(_Form):
    verbs: _List = None
    resources: _List = None
    api_groups: _List = None
    resource_names: _List = None
    non_resource_urls: _List = msgspec.field(default=None, name="nonResourceURLs")


class _Selector(_Form):
    match_labels: _Map = None
    match_expressions: _List = None


class _AggregationRule(_Form):
    cluster_role_selectors: list[_Selector] | None = None


class _Role(_Named):
    rules: list[_Rule] | None = None
    aggregation_rule: _AggregationRule | None = None


class _Binding(_Named):
    role_ref: _Map = None
    subjects: list[dict[str, Any]] | None = None


class _Variable(_Form):
    name: str | None = None


class _Container(_Form):
    env: list[_Variable] | None = None


class _TokenSource(_Form):
    service_account_token: _Map = None


class _Projected(_Form):
    sources: list[_TokenSource] | None = None


class _Volume(_Form):
    projected: _Projected | None = None


class _PodSpec(_Form):
    init_containers: list[_Container] | None = None
    containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None


class _Owner(_Form):
    kind: str | None = None
    name: str | None = None


class _PodMetadata(_Metadata):
    creation_timestamp: datetime | None = None
    owner_references: list[_Owner] | None = None


class _Pod(_Form):
    metadata: _PodMetadata | None = None
    spec: _PodSpec | None = None


class _WorkloadSpec(_Form):
    template: _Pod | None = None


class _Workload(_Named):
    spec: _WorkloadSpec | None = None


class _CronJobSpec(_Form):
    job_template: _Workload | None = None


class _CronJob(_Named):
    spec: _CronJobSpec | None = None


class _ListOf(_Form, Generic[F]):
    items: list[F] | None = None


ROLES = frozenset({"Role", "ClusterRole"})
BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})
WORKLOADS = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "ReplicationController"}
)
"""Kinds with a template of pods."""
_PROVIDER = "kubernetes:"
GROUPS = ("core/", "apps/", "batch/", "rbac.authorization.k8s.io/")
"""API groups of the converted kinds: other groups have kinds of the same names, such as Knative's `Service`."""
_FORMS: Mapping[str, type[_Form]] = {
    **dict.fromkeys(ROLES, _Role),
    **dict.fromkeys(BINDINGS, _Binding),
    **dict.fromkeys(WORKLOADS, _Workload),
    "CronJob": _CronJob,
    "Pod": _Pod,
    "ServiceAccount": _Named,
    "ConfigMap": _ConfigMap,
}


def object_kind(token: str) -> str | None:
    """Return the kind of a type token of `GROUPS`, which for a patch is that of its object; None for other tokens."""
    group = token.removeprefix(_PROVIDER)
    return token.rpartition(":")[2].removesuffix("Patch") if group != token and group.startswith(GROUPS) else None


def manifest_form(token: str) -> Any:
    """Return the form of the properties of a resource by its type token; None if it is no object of Kubernetes."""
    if not token.startswith(_PROVIDER):
        return None
    kind = object_kind(token) or ""
    form = _FORMS.get(kind.removesuffix("List"), _Other)
    return _ListOf[form] if kind.endswith("List") else form  # type: ignore[valid-type]  # a form that is chosen here


def missing_field(kind: str, manifest: Mapping[str, Any]) -> str | None:
    """Return the first field that a binding or a pod must have and lacks, as its path; None if it has them all."""
    return next(_missing_of_binding(manifest) if kind in BINDINGS else _missing_of_pod(manifest), None)


def _missing_of_binding(manifest: Mapping[str, Any]) -> Iterator[str]:
    yield from _missing("roleRef", manifest.get("roleRef") or {}, "kind", "name")
    for index, subject in enumerate(manifest.get("subjects") or ()):
        yield from _missing(f"subjects[{index}]", subject, "kind", "name")


def _missing_of_pod(manifest: Mapping[str, Any]) -> Iterator[str]:
    metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
    for index, owner in enumerate(metadata.get("ownerReferences") or ()):
        yield from _missing(f"metadata.ownerReferences[{index}]", owner, "kind", "name")
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            path = f"spec.{field}[{index}]"
            yield from _missing(path, container, "name")
            for number, variable in enumerate(container.get("env") or ()):
                yield from _missing(f"{path}.env[{number}]", variable, "name")


def _missing(path: str, part: Mapping[str, Any], *names: str) -> Iterable[str]:
    return (f"{path}.{name}" for name in names if part.get(name) is None)
