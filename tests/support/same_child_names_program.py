"""Program with two children of the same name, the parent of one of which waits for the other child."""

from typing import Any

import pulumi
from pulumi import dynamic

from eks_identity.runtime import resource_hooks

resource_hooks.TIMEOUT_SECONDS = 5
CHILD_TYPE = "pulumi-python:dynamic:Resource"


class Creates(dynamic.ResourceProvider):
    def create(self, props: Any) -> dynamic.CreateResult:
        return dynamic.CreateResult("created", props)


class Child(dynamic.Resource):
    """A resource that the provider creates at once."""


async def check(hooked: pulumi.ResourceHookArgs) -> None:
    pulumi.log.warn(f"checked {hooked.urn}")


earlier: list[pulumi.Resource] = []
for type_ in ("test:index:First", "test:index:Second"):
    parent = pulumi.ComponentResource(type_, "component", opts=pulumi.ResourceOptions(depends_on=earlier))
    hook = resource_hooks.preflight_hook("is-new", resource_hooks.ChildResource(parent, CHILD_TYPE, "child"), check)
    options = pulumi.ResourceOptions(parent=parent, hooks=pulumi.ResourceHookBinding(before_create=[hook]))
    earlier = [Child(Creates(), "child", {}, options)]
