"""Whose credentials the library's own calls to AWS have: those of the aws provider that a component was given.

What such a provider was declared with, the SDK does not give back, and in the plugin for other languages a provider is
a reference. The engine knows it in both cases. What it says of credentials is handed on as one secret text, in JSON;
why so is told in docs/adr/0012.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime import rpc

from eks_identity.model.credentials import SETTINGS, said
from eks_identity.runtime import invoke
from eks_identity.runtime.program_state import per_program


def passed_on(opts: pulumi.ResourceOptions | None) -> pulumi.Output[str] | None:
    """Those of the aws provider that a resource with these options is given; None where it has the default one."""
    provider = provider_of("aws", opts)
    return None if provider is None else _of(provider)


def provider_of(package: str, opts: pulumi.ResourceOptions | None) -> pulumi.ProviderResource | None:
    """The provider of `package` that a resource with these options has; None for the default one."""
    opts = opts or pulumi.ResourceOptions()
    given = opts.providers or {}
    providers = {each.package: each for each in (given.values() if isinstance(given, Mapping) else given)}
    if opts.provider is not None:
        providers[opts.provider.package] = opts.provider
    if package in providers or opts.parent is None:
        return providers.get(package)
    return opts.parent.get_provider(f"{package}:index:Any")


def of(component: pulumi.Resource) -> pulumi.Output[str] | None:
    """Those of the aws provider that a component hands its children; None where that is the default one."""
    provider = component.get_provider("aws:index:Any")
    return None if provider is None else _of(provider)


def _of(provider: pulumi.ProviderResource) -> pulumi.Output[str]:
    known: dict[pulumi.ProviderResource, pulumi.Output[str]] = per_program(__name__, dict)
    if provider not in known:
        # By its URN's Output, so that what depends on the provider's credentials goes before what these come from.
        known[provider] = pulumi.Output.secret(provider.urn.apply(_ask_engine))
    return known[provider]


async def _ask_engine(urn: str) -> Any:
    state = (await invoke.invoke("pulumi:pulumi:getResource", {"urn": urn}))["state"]
    settings = {key: state.get(key) for key in SETTINGS}
    return UNKNOWN if rpc.contains_unknowns(settings) else said(settings)
