"""Resources that the engine shows a policy pack, as those of the graph.

`Analyze` shows the inputs of one resource before it is created, `AnalyzeStack` the outputs of all: in a preview, those
that are predicted. The SDK raises an exception when a policy reads a value that only the update knows, and reports a
mandatory rule as advisory then. So no policy of this pack reads the SDK's values: they are converted here, and an
unknown value becomes `Unknown`, which each rule has to decide about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs
from pulumi_policy.deserialize import serialize_properties
from pulumi_policy.proxy import (
    UNKNOWN_ARCHIVE_VALUE,
    UNKNOWN_ARRAY_VALUE,
    UNKNOWN_ASSET_VALUE,
    UNKNOWN_BOOLEAN_VALUE,
    UNKNOWN_NUMBER_VALUE,
    UNKNOWN_OBJECT_VALUE,
)

from eks_access.sources.pulumi.resources import Resource, resource_of
from eks_access.sources.pulumi.values import UNKNOWN

_UNKNOWN_OF_OTHER_TYPES = frozenset(
    {
        UNKNOWN_ARCHIVE_VALUE,
        UNKNOWN_ARRAY_VALUE,
        UNKNOWN_ASSET_VALUE,
        UNKNOWN_BOOLEAN_VALUE,
        UNKNOWN_NUMBER_VALUE,
        UNKNOWN_OBJECT_VALUE,
    }
)
_JUDGED = (
    "aws:iam/",
    "aws:eks/",
    "aws:ec2/launchTemplate:",
    "kubernetes:",
    "pulumi:providers:kubernetes",
    "eks-identity:",
    "pulumi-python:dynamic",
)
"""Beginnings of the types of resources that the graph has objects of."""
_NEW_IDS = {"aws:iam/role:Role": "uniqueId", "aws:iam/user:User": "uniqueId"}
"""The output that only the update knows of a resource that it creates or replaces."""

Inputs = Mapping[str, Any]


def is_judged(kind: str) -> bool:
    """Return whether rules read resources of a type."""
    return kind.startswith(_JUDGED)


def inputs_of(args: ResourceValidationArgs) -> Inputs:
    """Return the inputs of a resource, with Pulumi's marks for unknown values."""
    inputs: Inputs = _plain(serialize_properties(args.props))
    return inputs


def declared_resource(args: ResourceValidationArgs, inputs: Inputs) -> Resource:
    """Return a resource before it is created."""
    return resource_of(
        {
            "urn": args.urn,
            "type": args.resource_type,
            "inputs": inputs,
            "provider": _reference(args.provider.urn if args.provider else ""),
            "parent": args.opts.parent,
            "ignoreChanges": list(args.opts.ignore_changes),
        }
    )


def provider_resource(args: ResourceValidationArgs) -> Resource | None:
    """Return the provider of a resource: its kubeconfig tells the cluster."""
    if args.provider is None:
        return None
    inputs = _plain(serialize_properties(args.provider.props))
    return resource_of({"urn": args.provider.urn, "type": args.provider.resource_type, "inputs": inputs})


def registered_resource(resource: PolicyResource, inputs: Inputs) -> Resource:
    """Return a resource at the end of a preview or update, with the inputs of its declaration."""
    outputs = _plain(serialize_properties(resource.props))
    new_id = outputs.get(_NEW_IDS.get(resource.resource_type, ""), "")
    return resource_of(
        {
            "urn": resource.urn,
            "type": resource.resource_type,
            "inputs": inputs,
            "outputs": outputs,
            "provider": _reference(resource.provider.urn if resource.provider else ""),
            "parent": resource.parent.urn if resource.parent else "",
            "propertyDependencies": {
                name: [each.urn for each in found] for name, found in resource.property_dependencies.items()
            },
            "ignoreChanges": list(resource.opts.ignore_changes),
        },
        is_new=resource.resource_type in _NEW_IDS and new_id in {"", UNKNOWN},
    )


def _reference(urn: str) -> str:
    """Return a reference to a provider, as a state has it: its URN and its id."""
    return f"{urn}::id" if urn else ""


def _plain(value: Any) -> Any:
    """Return a value with the mark for texts in place of the marks for unknown values of other types."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWN_OF_OTHER_TYPES else value
