"""The storage classes of a cluster, as in the official component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.resources import Resource

_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
_PARAMETERS: Final = {"iopsPerGb": "iopsPerGb", "encrypted": "encrypted", "kmsKeyId": "kmsKeyId"}
_UNCHANGED: Final = ("allowVolumeExpansion", "mountOptions", "reclaimPolicy", "volumeBindingMode")


def storage_classes(name: str, requested: Any, options: pulumi.ResourceOptions) -> dict[str, Resource]:
    """Register a storage class for each of `requested`, by name. A volume type is the default class of that type."""
    classes = {requested: {"type": requested, "default": True}} if isinstance(requested, str) else requested or {}
    return {key: _storage_class(f"{name.lower()}-{key}", settings, options) for key, settings in classes.items()}


def _storage_class(name: str, requested: Mapping[str, Any], options: pulumi.ResourceOptions) -> Resource:
    parameters = {
        "type": requested["type"],
        **{
            parameter: pulumi.Output.from_input(requested[key]).apply(_text)
            for key, parameter in _PARAMETERS.items()
            if key in requested
        },
    }
    if "zones" in requested:
        parameters["zones"] = pulumi.Output.from_input(requested["zones"]).apply(", ".join)
    inputs = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": pulumi.Output.from_input([requested.get("metadata"), requested.get("default")]).apply(_metadata),
        "provisioner": "kubernetes.io/aws-ebs",
        "parameters": parameters,
        **{key: requested[key] for key in _UNCHANGED if key in requested},
    }
    return Resource("kubernetes:storage.k8s.io/v1:StorageClass", name, inputs, options)


def _metadata(resolved: list[Any]) -> dict[str, Any]:
    metadata = dict(resolved[0] or {})
    if resolved[1]:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), _DEFAULT: "true"}
    return metadata


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
