"""Values between the engine's requests and a component: property values → inputs, outputs → property values.

The engine sends a component's arguments as property values with the URNs that each of them depends on, and references
to resources as URNs. A component wants outputs that carry those dependencies, and resources whose outputs it can read.
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
"""How the engine's protocol marks a reference to a resource: sdk/go/common/resource/properties.go."""


def inputs_of(properties: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """What a component's arguments are: plain where nothing has to be waited for, else outputs; no nulls."""
    return {key: lifted(value) for key, value in properties.items() if value.value is not None}


def lifted(value: PropertyValue, urns: frozenset[str] = frozenset()) -> Any:
    """`value` as an input: outputs for what is secret, unknown, or depends on `urns`.

    The engine says of a whole argument what it depends on. Objects and lists stay plain, so that a component can go
    through them; their leaves are outputs. A boolean stays plain too: it decides what is registered.
    """
    content: Any = value.value
    urns |= value.dependencies
    if isinstance(content, ResourceReference):
        return existing(content.urn)
    plain = Properties.from_wire({"value": PropertyValue(content)}).values["value"]
    if plain is UNKNOWN:
        return _output(None, urns, known=False, secret=value.is_secret)
    if isinstance(content, Mapping):
        plain = {key: lifted(item, urns) for key, item in content.items() if item.value is not None}
    elif isinstance(content, (list, tuple)):
        plain = [lifted(item, urns) for item in content]
    elif urns and not isinstance(content, bool) and not value.is_secret:
        return _output(plain, urns, known=True, secret=False)
    return _output(plain, urns, known=True, secret=True) if value.is_secret else plain


def _output(content: Any, urns: frozenset[str], *, known: bool, secret: bool) -> pulumi.Output[Any]:
    resources: set[pulumi.Resource] = {DependencyResource(urn) for urn in urns}
    bare: pulumi.Output[Any] = pulumi.Output(_done(resources), _done(content), _done(known), _done(secret))
    # What is inside may be outputs of its own: `apply` joins them.
    return bare.apply(pulumi.Output.from_input) if known else bare


def _done(result: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(result)
    return future


async def property_value(value: Any) -> PropertyValue:
    """What the engine takes for an output of a component, at any depth: waits until it is known, or will not be."""
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
    known = await output.is_known()
    urns = [await resource.urn.future() for resource in await output.resources()]
    inner = await property_value(content) if known else PropertyValue(rpc.UNKNOWN)
    dependencies = inner.dependencies | {urn for urn in urns if urn}
    return inner.with_secret(inner.is_secret or await output.is_secret()).with_dependencies(dependencies)


async def _reference(resource: pulumi.Resource) -> PropertyValue:
    urn = await resource.urn.future()
    assert urn is not None, "a registered resource has a URN"
    found = {_SIGNATURE: PropertyValue(_RESOURCE), "urn": PropertyValue(urn)}
    if isinstance(resource, pulumi.CustomResource):
        # An id that is not known yet is empty in a reference.
        known = await resource.id.is_known()
        found["id"] = PropertyValue(str(await resource.id.future()) if known else "")
    return PropertyValue(found, dependencies={urn})
