"""Construction of components, and of the library's own resources, that programs of other languages declare."""

import inspect
import typing
from collections.abc import Iterator
from typing import Any

import pulumi
from pulumi.provider.experimental.util import camel_case
from pulumi.provider.provider import ConstructResult

from eks_identity.plugin.exports import args_of, exported_resources
from eks_identity.plugin.wire import from_wire, to_wire


def outputs_of(resource_class: type[pulumi.Resource]) -> Iterator[tuple[str, Any]]:
    """Yield name and type of each output of a component or resource, in the order of the source.

    Outputs are the annotations with `pulumi.Output`, and the properties that return a TypedDict of Outputs. Properties
    that return a resource exist only in Python: other languages create such a resource themselves.
    """
    classes = [base for base in reversed(resource_class.__mro__) if base.__module__.startswith("eks_identity.")]
    annotations = {name: kind for base in classes for name, kind in inspect.get_annotations(base).items()}
    for name, kind in annotations.items():
        if typing.get_origin(kind) is pulumi.Output and not name.startswith("_"):
            yield name, kind
    for name, value in {name: value for base in classes for name, value in vars(base).items()}.items():
        if isinstance(value, property) and typing.is_typeddict(kind := _property_type(value)):
            yield name, kind


def _property_type(value: property) -> Any:
    """Return the return annotation of a property's getter."""
    return inspect.get_annotations(value.fget).get("return") if value.fget else None


def construct(name: str, type_: str, inputs: dict[str, Any], options: pulumi.ResourceOptions | None) -> ConstructResult:
    """Construct the component or resource of the type token `type_`. Raises the exceptions of its constructor."""
    resource_class: Any = exported_resources()[type_.rpartition(":")[2]]
    resource = resource_class(name, from_wire(inputs, args_of(resource_class)), options)
    state = {camel_case(output): to_wire(getattr(resource, output)) for output, _ in outputs_of(resource_class)}
    return ConstructResult(resource.urn, state)
