"""The target of an operation: the object, its field manager, and the document to apply."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lab.plugins.kubernetes import objects
from lab.plugins.kubernetes.apply import Target
from lab.plugins.kubernetes.objects import annotation, name_of, namespace_of

if TYPE_CHECKING:
    from lab.plugins.base import Engine
    from lab.plugins.kubernetes.client import WarningSink
    from lab.plugins.kubernetes.connection import Connection
    from lab.plugins.kubernetes.discovery import Kind

_GENERATED: Final = "bcdfghjklmnpqrstvwxz2456789"
"""The characters of Kubernetes' generated names: without vowels, so that no words appear."""


async def build_target(
    connection: Connection,
    kind: Kind,
    document: Mapping[str, Any],
    old: Mapping[str, Any],
    *,
    preview: bool,
    identity: str | None = None,
) -> Target:
    """Return the target of `document`, by its id `identity` if it exists. `old` is the state of the last update."""
    settings = connection.settings
    resource = await connection.resource(kind)
    default = connection.default_namespace
    if identity is not None:
        namespace, name = objects.parse_id(identity, namespaced=resource.namespaced, default_namespace=default)
    else:
        namespace = (namespace_of(document) or default) if resource.namespaced else None
        name = name_of(document) or _generated_name(document)
    return Target(
        resource,
        namespace,
        name,
        field_manager(document, old),
        force=settings.enable_patch_force or annotation(document, objects.PATCH_FORCE) == "true",
        dry_run=preview,
    )


def warning_sink(connection: Connection, engine: Engine, urn: str) -> WarningSink:
    """Return the function that shows the API server's warnings about the resource `urn`."""

    async def warn(text: str) -> None:
        if not (connection.settings.suppress_deprecation_warnings and "deprecated" in text):
            await engine.warn(text, urn=urn)

    return warn


def document_for(inputs: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Return the document to apply for `inputs`, with the target's name and namespace."""
    document = objects.desired(inputs, target.resource.kind)
    metadata = {key: value for key, value in document["metadata"].items() if key != "namespace"}
    document["metadata"] = {**metadata, "name": target.name}
    if target.namespace is not None:
        document["metadata"]["namespace"] = target.namespace
    return document


def field_manager(document: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    """Return the field manager: the annotation's, that of the last update, or a new one for each resource."""
    annotated = annotation(document, objects.PATCH_FIELD_MANAGER)
    return annotated or old.get(objects.FIELD_MANAGER) or f"pulumi-kubernetes-{secrets.token_hex(4)}"


def _generated_name(document: Mapping[str, Any]) -> str:
    """Return a name like the API server's generated ones: server-side apply needs a name."""
    stem: str = document["metadata"]["generateName"]
    return stem + "".join(secrets.choice(_GENERATED) for _ in range(5))
