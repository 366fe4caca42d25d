"""The check of a program's inputs: name, label and problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider

from lab.plugins.base import auto_name
from lab.plugins.kubernetes import objects
from lab.plugins.kubernetes.objects import Token, annotation, name_of
from lab.plugins.kubernetes.settings import Settings
from lab.plugins.values import UNKNOWN


def problems(token: Token, values: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return the problems in the inputs that can be found without a cluster."""
    messages = []
    if "items" in values and str(values["kind"]).endswith("List"):
        messages.append("a List contains several objects: declare each of them")
    if token.is_patch(values):
        if not settings.enable_server_side_apply:
            messages.append("a patch needs server-side apply: do not disable enableServerSideApply")
        if values.get("metadata") is not UNKNOWN and name_of(values) is None:
            messages.append("a patch needs metadata.name: set the name of the patched object")
    timeout = annotation(values, objects.TIMEOUT_SECONDS)
    if timeout is not None and not timeout.isdecimal():
        messages.append(f"the annotation {objects.TIMEOUT_SECONDS} is {timeout!r}: write it as whole seconds")
    messages += [
        f"the annotation {key} is not covered by the lab's stand-in: use {objects.SKIP_AWAIT}, or remove it"
        for key in (objects.WAIT_FOR, objects.REPLACE_UNREADY)
        if annotation(values, key) is not None
    ]
    return messages


def with_name(request: provider.CheckRequest, metadata: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Return `metadata` with a name: its own, the automatic name of the last update, or a new automatic one."""
    if "name" in metadata or "generateName" in metadata:
        return dict(metadata)
    old_name = annotation(old, objects.AUTONAMED) == "true" and name_of(old)
    annotations = metadata.get("annotations", {})
    if annotations is not UNKNOWN:
        annotations = {**annotations, objects.AUTONAMED: "true"}
    return {**metadata, "name": old_name or auto_name(request, digits=8), "annotations": annotations}


def with_label(metadata: dict[str, Any], old: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return `metadata` with the label of objects that Pulumi manages without server-side apply.

    An object that was created without the label stays without it.
    """
    labels = metadata.get("labels", {})
    before = ((old.get("metadata") or {}).get("labels") or {}) if old else {objects.MANAGED_BY: "pulumi"}
    if settings.enable_server_side_apply or labels is UNKNOWN or objects.MANAGED_BY not in before:
        return metadata
    return {**metadata, "labels": {objects.MANAGED_BY: "pulumi", **labels}}
