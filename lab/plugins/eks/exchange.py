"""Conversion between the engine's property values and a component's inputs and outputs.

The engine sends a component's arguments as property values with the URNs that each of them depends on, and references
to resources as URNs. A component needs outputs with those dependencies, and resources with readable outputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import pulumi
from pulumi.provider.experimental.property_value import PropertyValue, ResourceReference
from pulumi.resource import DependencyResource
from pulumi.runtime import rpc

from lab.plugins.eks.resources import existing
from lab.plugins.values import UNKNOWN, Properties

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
"""The engine's marker of a reference to a resource. Source: sdk/go/common/resource/properties.go."""


def inputs_of(properties: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Return a component's arguments: plain values if they are resolved, else outputs; without nulls."""
    return {key: to_input(value) for key, value in properties.items() if value.value is not None}


def to_input(value: PropertyValue, urns: frozenset[str] = frozenset()) -> Any:
    """Return `value` as an input: secret, unknown and dependent values are outputs.

    The engine sends the dependencies of an argument as a whole. Objects and lists stay plain, so that a component can
    iterate over them; their leaves are outputs. A boolean stays plain too: it decides which resources are registered.
    """
    content: Any = value.value
    urns |= value.dependencies
    if isinstance(content, ResourceReference):
        return existing(content.urn)
    plain = Properties.from_wire({"value": PropertyValue(content)}).values["value"]
    if plain is UNKNOWN:
        return _output(None, urns, is_resolved=False, secret=value.is_secret)
    if isinstance(content, Mapping):
        plain = {key: to_input(item, urns) for key, item in content.items() if item.value is not None}
    elif isinstance(content, (list, tuple)):
        plain = [to_input(item, urns) for item in content]
    elif urns and not isinstance(content, bool) and not value.is_secret:
        return _output(plain, urns, is_resolved=True, secret=False)
    return _output(plain, urns, is_resolved=True, secret=True) if value.is_secret else plain


def _output(content: Any, urns: frozenset[str], *, is_resolved: bool, secret: bool) -> pulumi.Output[Any]:
    resources: set[pulumi.Resource] = {DependencyResource(urn) for urn in urns}
    bare: pulumi.Output[Any] = pulumi.Output(
        _resolved(resources), _resolved(content), _resolved(is_resolved), _resolved(secret)
    )
    # The content may contain outputs: `apply` joins them.
    return bare.apply(pulumi.Output.from_input) if is_resolved else bare


def _resolved(result: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(result)
    return future


async def property_value(value: Any) -> PropertyValue:
    """Return the property value of a component's output, at any depth. Waits until it is resolved or unknown."""
    if isinstance(value, pulumi.Output):
        return await _of_output(value)
    if isinstance(value, pulumi.Resource):
        return await _reference(value)
    content: Any = value
    if isinstance(value, Mapping):
        content = {key: await property_value(item) for key, item in value.items() if item is not None}
    elif isinstance(value, (list, tuple)):
        content = [await property_value(item) for item in value]
    elif isinstance(value, int) and not isinstance(value, bool):
        content = float(value)
    elif isinstance(value, pulumi.output.Unknown):
        content = rpc.UNKNOWN
    return PropertyValue(content)


async def _of_output(output: pulumi.Output[Any]) -> PropertyValue:
    content = await output.future(with_unknowns=True)
    is_resolved = await output.is_known()
    urns = [await resource.urn.future() for resource in await output.resources()]
    inner = await property_value(content) if is_resolved else PropertyValue(rpc.UNKNOWN)
    dependencies = inner.dependencies | {urn for urn in urns if urn}
    return inner.with_secret(inner.is_secret or await output.is_secret()).with_dependencies(dependencies)


async def _reference(resource: pulumi.Resource) -> PropertyValue:
    urn = await resource.urn.future()
    assert urn is not None, "a registered resource has a URN"
    reference = {_SIGNATURE: PropertyValue(_RESOURCE), "urn": PropertyValue(urn)}
    if isinstance(resource, pulumi.CustomResource):
        # An unresolved id is empty in a reference.
        is_resolved = await resource.id.is_known()
        reference["id"] = PropertyValue(str(await resource.id.future()) if is_resolved else "")
    return PropertyValue(reference, dependencies={urn})
