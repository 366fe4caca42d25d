"""Makes what a program of another language declares: a component of this library, or one of its own resources."""

import inspect
import typing
from collections.abc import Iterator
from typing import Any

import pulumi
from pulumi.provider.experimental.util import camel_case
from pulumi.provider.provider import ConstructResult

from eks_identity.plugin.exports import args_of, declarable
from eks_identity.plugin.wire import received, sent


def outputs_of(declared: type[pulumi.Resource]) -> Iterator[tuple[str, Any]]:
    """The outputs of a component or resource by name, each with its type, in the order in which they are written.

    They are its annotations, and its properties that give a TypedDict of Outputs. What is itself a resource stays in
    Python programs: another language makes its own.
    """
    ours = [each for each in reversed(declared.__mro__) if each.__module__.startswith("eks_identity.")]
    annotated = {name: kind for each in ours for name, kind in inspect.get_annotations(each).items()}
    for name, kind in annotated.items():
        if typing.get_origin(kind) is pulumi.Output and not name.startswith("_"):
            yield name, kind
    for name, value in {name: value for each in ours for name, value in vars(each).items()}.items():
        if isinstance(value, property) and typing.is_typeddict(kind := property_type(value)):
            yield name, kind


def property_type(value: property) -> Any:
    """What a property's getter says that it returns."""
    return inspect.get_annotations(value.fget).get("return") if value.fget else None


def make(name: str, type_: str, inputs: dict[str, Any], options: pulumi.ResourceOptions | None) -> ConstructResult:
    """The component or resource of type `type_`, a token. Raises what its constructor raises."""
    declared: Any = declarable()[type_.rpartition(":")[2]]
    made = declared(name, received(inputs, args_of(declared)), options)
    state = {camel_case(output): sent(getattr(made, output)) for output, _ in outputs_of(declared)}
    return ConstructResult(made.urn, state)
