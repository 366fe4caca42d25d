"""The storage classes of a cluster, as the official component makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.resources import Resource

_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
_PARAMETERS: Final = {"iopsPerGb": "iopsPerGb", "encrypted": "encrypted", "kmsKeyId": "kmsKeyId"}
_SAME: Final = ("allowVolumeExpansion", "mountOptions", "reclaimPolicy", "volumeBindingMode")


def storage_classes(name: str, wanted: Any, options: pulumi.ResourceOptions) -> dict[str, Resource]:
    """A storage class for each of `wanted`, by name; a single volume type is the default class of that type."""
    every = {wanted: {"type": wanted, "default": True}} if isinstance(wanted, str) else wanted or {}
    return {key: _storage_class(f"{name.lower()}-{key}", each, options) for key, each in every.items()}


def _storage_class(name: str, wanted: Mapping[str, Any], options: pulumi.ResourceOptions) -> Resource:
    parameters = {
        "type": wanted["type"],
        **{
            parameter: pulumi.Output.from_input(wanted[key]).apply(_text)
            for key, parameter in _PARAMETERS.items()
            if key in wanted
        },
    }
    if "zones" in wanted:
        parameters["zones"] = pulumi.Output.from_input(wanted["zones"]).apply(", ".join)
    inputs = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": pulumi.Output.from_input([wanted.get("metadata"), wanted.get("default")]).apply(_metadata),
        "provisioner": "kubernetes.io/aws-ebs",
        "parameters": parameters,
        **{key: wanted[key] for key in _SAME if key in wanted},
    }
    return Resource("kubernetes:storage.k8s.io/v1:StorageClass", name, inputs, options)


def _metadata(known: list[Any]) -> dict[str, Any]:
    metadata = dict(known[0] or {})
    if known[1]:
        metadata["annotations"] = {**(metadata.get("annotations") or {}), _DEFAULT: "true"}
    return metadata


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
