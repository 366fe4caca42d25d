"""Child resources whose logical names follow the thing that they stand for in AWS or Kubernetes.

Attaching a policy that is attached is no error, and detaching it takes it away from whoever else declares it. So when
one thing moves from one logical name to another, the engine makes it under the new name, which changes nothing, and
deletes it under the old one, which takes it away. A name that has the position in a list in it, or the neighbours, or
that depends on whether the value is plain or an Output, moves in that way. A name made of the thing itself never does:
what is deleted is then declared nowhere else.

The SDK wants a resource's name at once, and an Output has its value later. So a child of an Output is registered when
the value is resolved. A preview that cannot know the value shows it under its place in the args.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pulumi
from pulumi.output import contains_unknowns
from pulumi.resource import DependencyResource

from eks_identity.errors import InvalidInput
from eks_identity.runtime.inputs import InvalidInputError, is_plain, named, not_secret
from eks_identity.runtime.outputs import collect_outputs

T = TypeVar("T")
R = TypeVar("R")
_SHOWN = "Pulumi shows the logical name of a resource, which this value is a part of"


@dataclass(frozen=True)
class Registered(Generic[R]):
    """The children of one value: what others may depend on, and what was made of them."""

    resources: Sequence[pulumi.Resource]
    result: R


Make = Callable[[str], Registered[pulumi.Output[R]]]
"""Registers the children of one value, given the part of their names that is the value's."""


@dataclass(frozen=True)
class Children:
    """Registers the children of one component."""

    component: pulumi.ComponentResource
    subject: str
    """The component, as messages call it."""

    def register(
        self, value: pulumi.Input[T], name_of: Callable[[T], str], make: Make[R], *, under: str, count: int
    ) -> Registered[pulumi.Output[R]]:
        """The `count` resources that `make` registers for `value`, which is the input `under`.

        `name_of` returns the part of their logical names that is the value's. A `value` that is secret is rejected:
        Pulumi shows logical names.
        """
        if is_plain(value):
            return make(name_of(value))  # type: ignore[arg-type]
        late, whole = collect_outputs(value)

        async def resolved(known: Any) -> Any:
            if await late.is_secret():
                raise InvalidInputError([not_secret(under, _SHOWN)], subject=self.subject)
            return known

        def registered(known: Any) -> Registered[pulumi.Output[R]]:
            if contains_unknowns(known):
                return make(under)
            try:
                name = name_of(whole(known))
            except InvalidInput as refusal:
                raise named(refusal, self.subject, under) from None
            return make(name)

        checked: pulumi.Output[Any] = late.apply(resolved, run_with_unknowns=True)
        made: pulumi.Output[Registered[pulumi.Output[R]]] = checked.apply(registered, run_with_unknowns=True)
        return Registered([self._stand_in(made, at) for at in range(count)], made.apply(lambda found: found.result))

    def _stand_in(self, registered: "pulumi.Output[Registered[Any]]", at: int) -> pulumi.Resource:
        """Return a resource to depend on in place of a child that is registered later; the component counts it too."""
        stand_in = DependencyResource("")
        stand_in.__dict__["urn"] = registered.apply(lambda known: known.resources[at].urn)
        self.component._childResources.add(stand_in)  # noqa: SLF001 - Pulumi has no public name for late children
        return stand_in
