"""Child resources whose logical names follow the object in AWS or Kubernetes.

Attaching an attached policy is no error, and detaching it removes it for every resource that declares it. If an object
moves from one logical name to another, the engine creates it under the new name, which changes nothing, and deletes it
under the old name, which removes it. An object moves like this if its name has its position in a list or its neighbours
in it, or depends on whether the value is plain or an Output. With a name made of the object itself it never moves:
nothing else declares an object that is deleted.

The SDK needs the name of a resource at once, and an Output has its value later. So the children of an Output are
registered when the Output resolves. If a preview cannot resolve it, the children are named after the input's path.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pulumi
from pulumi.output import contains_unknowns
from pulumi.resource import DependencyResource

from eks_identity.errors import InvalidInput
from eks_identity.runtime.inputs import InvalidInputError, is_plain, not_secret, with_subject
from eks_identity.runtime.outputs import collect_outputs

T = TypeVar("T")
R = TypeVar("R")
_SHOWN_IN = "Pulumi shows the logical name of a resource, which this value is a part of"


@dataclass(frozen=True)
class RegisteredChildren(Generic[R]):
    """The children of one value: resources to depend on, and the result."""

    resources: Sequence[pulumi.Resource]
    result: R


Make = Callable[[str], RegisteredChildren[pulumi.Output[R]]]
"""Registers the children of one value. The argument is the value's part of their logical names."""


@dataclass(frozen=True)
class ChildRegistrar:
    """The child resources of one component."""

    component: pulumi.ComponentResource
    subject: str
    """The component's label in messages."""

    def register(
        self, value: pulumi.Input[T], name_of: Callable[[T], str], make: Make[R], *, under: str, count: int
    ) -> RegisteredChildren[pulumi.Output[R]]:
        """Register the `count` resources that `make` declares for `value`, the input `under`.

        `name_of` returns the value's part of their logical names. A secret `value` is rejected, because Pulumi shows
        logical names.
        """
        if is_plain(value):
            return make(name_of(value))  # type: ignore[arg-type]
        output, rebuild = collect_outputs(value)

        async def reject_secret(result: Any) -> Any:
            if await output.is_secret():
                raise InvalidInputError([not_secret(under, _SHOWN_IN)], subject=self.subject)
            return result

        def register(result: Any) -> RegisteredChildren[pulumi.Output[R]]:
            if contains_unknowns(result):
                return make(under)
            try:
                name = name_of(rebuild(result))
            except InvalidInput as error:
                raise with_subject(error, self.subject, under) from None
            return make(name)

        checked: pulumi.Output[Any] = output.apply(reject_secret, run_with_unknowns=True)
        registered: pulumi.Output[RegisteredChildren[pulumi.Output[R]]] = checked.apply(
            register, run_with_unknowns=True
        )
        placeholders = [self._placeholder(registered, index) for index in range(count)]
        return RegisteredChildren(placeholders, registered.apply(lambda children: children.result))

    def _placeholder(self, registered: "pulumi.Output[RegisteredChildren[Any]]", index: int) -> pulumi.Resource:
        """Return a resource to depend on in place of a child that is registered later. The component waits for it."""
        placeholder = DependencyResource("")
        placeholder.__dict__["urn"] = registered.apply(lambda children: children.resources[index].urn)
        self.component._childResources.add(placeholder)  # noqa: SLF001 - Pulumi has no public name for late children
        return placeholder
