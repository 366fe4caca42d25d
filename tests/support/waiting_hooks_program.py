"""Program in which a resource fails while the hooks of two others wait for the engine."""

import time
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from eks_identity.runtime import invoke, resource_hooks
from eks_identity.runtime.inputs import resolve

resource_hooks.TIMEOUT_SECONDS = 1
CHECKED = "pulumi-python:dynamic:Resource"
started = {name: Path(f"{name}.started").absolute() for name in ("calls", "resolves")}


class Fails(dynamic.ResourceProvider):
    """Fails after both hooks have started."""

    def create(self, props: Any) -> dynamic.CreateResult:
        while not all(Path(file).exists() for file in props["after"]):
            time.sleep(0.02)
        raise ValueError("fails on purpose")


class Creates(dynamic.ResourceProvider):
    def create(self, props: Any) -> dynamic.CreateResult:
        return dynamic.CreateResult("created", props)


class Resource(dynamic.Resource):
    """A resource of one of these providers."""


component = pulumi.ComponentResource("test:index:Component", "component")
fails = Resource(Fails(), "fails", {"after": [str(file) for file in started.values()]})
later = Resource(Creates(), "later", {}, pulumi.ResourceOptions(depends_on=[fails]))


async def call(_hooked: pulumi.ResourceHookArgs) -> None:
    """Call with one new default provider after another, which the engine stops to register after the failure."""
    started["calls"].touch()
    urn = await component.urn.future()
    for patch in range(1 << 16):
        await invoke.invoke("pulumi:pulumi:getResource", {"urn": urn}, version=f"1.0.{patch}")


async def resolve_later(_hooked: pulumi.ResourceHookArgs) -> None:
    started["resolves"].touch()
    await resolve(later.id)


for name, check in {"calls": call, "resolves": resolve_later}.items():
    child = resource_hooks.ChildResource(component, CHECKED, name)
    hook = resource_hooks.preflight_hook(f"{name}-check", child, check)
    options = pulumi.ResourceOptions(parent=component, hooks=pulumi.ResourceHookBinding(before_create=[hook]))
    Resource(Creates(), name, {}, options)
