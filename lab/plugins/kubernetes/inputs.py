"""What a check makes of the inputs that a program gave: a name, a label, and what is wrong with them."""

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
    """All that is wrong with the inputs and can be told without a cluster."""
    found = []
    if "items" in values and str(values["kind"]).endswith("List"):
        found.append("a List stands for the objects in it: declare each of them")
    if token.is_patch(values):
        if not settings.enable_server_side_apply:
            found.append("a patch needs server-side apply: leave enableServerSideApply on")
        if values.get("metadata") is not UNKNOWN and name_of(values) is None:
            found.append("a patch needs metadata.name: the object whose fields it sets")
    timeout = annotation(values, objects.TIMEOUT_SECONDS)
    if timeout is not None and not timeout.isdecimal():
        found.append(f"the annotation {objects.TIMEOUT_SECONDS} is {timeout!r}: write it as whole seconds")
    found += [
        f"the annotation {key} is not covered by the lab's stand-in: use {objects.SKIP_AWAIT}, or take it out"
        for key in (objects.WAIT_FOR, objects.REPLACE_UNREADY)
        if annotation(values, key) is not None
    ]
    return found


def named(request: provider.CheckRequest, metadata: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """`metadata` with a name: its own, that of the last update if it was automatic, or a new automatic one."""
    if "name" in metadata or "generateName" in metadata:
        return dict(metadata)
    kept = annotation(old, objects.AUTONAMED) == "true" and name_of(old)
    annotations = metadata.get("annotations", {})
    if annotations is not UNKNOWN:
        annotations = {**annotations, objects.AUTONAMED: "true"}
    return {**metadata, "name": kept or auto_name(request, digits=8), "annotations": annotations}


def labelled(metadata: dict[str, Any], old: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """`metadata` with the label by which objects show that Pulumi manages them, where field managers do not.

    An object that was made without the label stays without it.
    """
    labels = metadata.get("labels", {})
    before = ((old.get("metadata") or {}).get("labels") or {}) if old else {objects.MANAGED_BY: "pulumi"}
    if settings.enable_server_side_apply or labels is UNKNOWN or objects.MANAGED_BY not in before:
        return metadata
    return {**metadata, "labels": {objects.MANAGED_BY: "pulumi", **labels}}
