"""Kubernetes objects of a stack: RBAC, service accounts, aws-auth, and the pods of workloads.

A workload's pod has the name of its owner as kubectl writes it: `deployment/app`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from eks_access.graph.aws_objects import Unknown
from eks_access.graph.kubernetes_objects import ObjectKey, Pod, RbacBinding, RbacRole, ServiceAccount
from eks_access.sources import manifests
from eks_access.sources.manifests import Manifest
from eks_access.sources.pulumi.aggregation import aggregate, default_roles
from eks_access.sources.pulumi.manifest_forms import BINDINGS, ROLES, WORKLOADS, missing_field, object_kind
from eks_access.sources.pulumi.resources import Resource
from eks_access.sources.pulumi.rows import Rows
from eks_access.sources.pulumi.values import UnknownValueError, require_known, without_unknowns
from eks_identity.evaluation.rbac import RoleKey
from eks_identity.model.annotations import ROLE_ARN

_CLUSTER_SCOPED = frozenset({"ClusterRole", "ClusterRoleBinding"})


class StackKubernetes:
    """The tables of Kubernetes, of one cluster's resources."""

    def __init__(self, resources: Iterable[Resource], reason: str) -> None:
        self.roles: Rows[RoleKey, RbacRole] = Rows("role", reason, RbacRole)
        self.bindings: Rows[RoleKey, RbacBinding] = Rows("binding", reason, RbacBinding)
        self.service_accounts: Rows[ObjectKey, ServiceAccount] = Rows("service account", reason, ServiceAccount)
        self.pods: Rows[ObjectKey, Pod] = Rows("pod", reason, Pod)
        # Kubernetes creates them in every cluster, and restores their rules when the API server starts.
        self.roles.objects.update(default_roles())
        for resource in resources:
            for kind, manifest in manifests_of(resource):
                self._add(resource, kind, manifest)
        self.roles.objects.update(aggregate(self.roles.objects))

    def rows(self, kind: str) -> Rows[Any, Any] | None:
        """Return the table of a kind; None if it is not converted."""
        if kind in ROLES:
            return self.roles
        if kind in BINDINGS:
            return self.bindings
        if kind == "ServiceAccount":
            return self.service_accounts
        return self.pods if kind == "Pod" or kind in WORKLOADS else None

    def remove(self, resource: Resource) -> None:
        """Note that an object does not exist after the update. The object of a patch stays."""
        for kind, manifest in manifests_of(resource):
            rows = self.rows(kind)
            if rows is not None and not resource.kind.endswith("Patch"):
                rows.remove(partial(_key, kind, manifest))

    def _add(self, resource: Resource, kind: str, manifest: Manifest) -> None:
        rows = self.rows(kind)
        if rows is not None:
            rows.add(partial(_key, kind, manifest), partial(_value, resource, kind, manifest))


def _key(kind: str, manifest: Manifest) -> RoleKey | ObjectKey:
    """Return the key of an object in its table."""
    namespace, name = object_key(manifest)
    if kind in _CLUSTER_SCOPED:
        return None, name
    return namespace, f"{kind.lower()}/{name}" if kind in WORKLOADS else name


def _value(resource: Resource, kind: str, manifest: Manifest) -> Any:
    if kind in ROLES:
        return manifests.rbac_role(_role(kind, manifest))
    if kind == "ServiceAccount":
        return _service_account(manifest)
    if kind in BINDINGS:
        return manifests.rbac_binding(_complete(resource, kind, _rbac(kind, manifest, "roleRef", "subjects")))
    return replace(manifests.pod(_complete(resource, kind, _pod(kind, manifest))), is_declared=True)


def _complete(resource: Resource, kind: str, manifest: Manifest) -> Manifest:
    """Return the manifest of a binding or a pod, whose required fields must be known."""
    missing = missing_field(kind, manifest)
    if missing is not None:
        # A patch may lack a required field, and one that is a secret is left out.
        raise UnknownValueError(Unknown(f"{resource} lacks a field that its kind requires: {missing}"))
    return manifest


def manifests_of(resource: Resource) -> Iterator[tuple[str, Manifest]]:
    """Yield kind and manifest of a resource's objects: several of a list, the declared fields of a patch."""
    kind = object_kind(resource.kind)
    if kind is None:
        return
    items = resource.get("items")
    if kind.endswith("List") and isinstance(items, list):
        yield from ((kind.removesuffix("List"), item) for item in items if isinstance(item, dict))
    else:
        yield kind, resource.properties


def object_key(manifest: Manifest) -> ObjectKey:
    """Return namespace and name of an object."""
    metadata = _metadata(manifest)
    name = metadata.get("name", Unknown("metadata.name is not set: the API server generates the name"))
    return require_known(metadata.get("namespace")) or "default", str(require_known(name))


def _metadata(manifest: Manifest) -> dict[str, Any]:
    metadata = manifest.get("metadata")
    if isinstance(metadata, Unknown):
        require_known(metadata)
    return metadata or {}


def _rbac(kind: str, manifest: Manifest, *fields: str) -> Manifest:
    """Return the manifest of a role or binding with its key, labels, and fields that must be known."""
    namespace, name = _key(kind, manifest)
    labels = without_unknowns(_metadata(manifest).get("labels"))
    metadata = {"namespace": namespace, "name": name, "labels": labels if isinstance(labels, dict) else {}}
    return {"metadata": metadata, **{field: require_known(manifest.get(field)) for field in fields}}


def _role(kind: str, manifest: Manifest) -> Manifest:
    """Return the manifest of a role. Its aggregation must select by labels alone."""
    role = _rbac(kind, manifest, "rules", "aggregationRule")
    for selector in (role["aggregationRule"] or {}).get("clusterRoleSelectors") or ():
        if selector.get("matchExpressions"):
            raise UnknownValueError(Unknown("aggregationRule with matchExpressions: its rules are not evaluated"))
    return role


def _service_account(manifest: Manifest) -> ServiceAccount:
    namespace, name = object_key(manifest)
    annotations = _metadata(manifest).get("annotations") or {}
    if isinstance(annotations, Unknown):
        return ServiceAccount(namespace, name, {ROLE_ARN: annotations})
    unknown = {key: value for key, value in annotations.items() if isinstance(value, Unknown) and "amazon" in key}
    plain = {"metadata": {"namespace": namespace, "name": name, "annotations": without_unknowns(annotations)}}
    return ServiceAccount(namespace, name, {**manifests.service_account(plain).annotations, **unknown})


def _pod(kind: str, manifest: Manifest) -> Manifest:
    """Return the manifest of a pod, or of the pod of a workload's template, without secrets.

    Its identity must be known.
    """
    namespace, name = _key(kind, manifest)
    spec = manifest.get("spec")
    if kind == "CronJob":
        spec = _field(_field(spec, "jobTemplate"), "spec")
    template = manifest if kind == "Pod" else _field(spec, "template")
    metadata, spec = _field(template, "metadata"), _field(template, "spec")
    if isinstance(spec, Unknown):
        require_known(spec)
    for field in ("serviceAccountName", "hostNetwork"):
        require_known((spec or {}).get(field))
    metadata = without_unknowns(metadata) if isinstance(metadata, dict) else {}
    if kind != "Pod":
        metadata = {
            **metadata,
            "ownerReferences": [{"kind": kind, "name": object_key(manifest)[1], "controller": True}],
        }
    metadata = {**metadata, "namespace": namespace, "name": name}
    return {"metadata": metadata, "spec": without_unknowns(spec or {})}


def _field(value: Any, name: str) -> Any:
    """Return a field of a part of a manifest; the unknown part itself."""
    return value.get(name) if isinstance(value, dict) else value
