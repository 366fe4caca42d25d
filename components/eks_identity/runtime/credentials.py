"""Credentials for boto3 calls made by the library: those of the aws provider that a component has.

The SDK does not return the arguments that a provider was declared with, and in the plugin for other languages a
provider is only a reference. The engine has the arguments in both cases. They are passed on as one secret JSON text.
docs/adr/0012 has the reasons.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime import rpc

from eks_identity.model.credentials import SETTINGS, dump_settings
from eks_identity.runtime import invoke
from eks_identity.runtime.program_state import per_program


def resource_credentials(opts: pulumi.ResourceOptions | None) -> pulumi.Output[str] | None:
    """Return the credentials of the aws provider in a resource's options, None for the default provider."""
    provider = find_provider("aws", opts)
    return None if provider is None else _credentials(provider)


def find_provider(package: str, opts: pulumi.ResourceOptions | None) -> pulumi.ProviderResource | None:
    """Return the provider of `package` for a resource with these options, None for the default provider."""
    opts = opts or pulumi.ResourceOptions()
    passed = opts.providers or {}
    providers = {
        provider.package: provider for provider in (passed.values() if isinstance(passed, Mapping) else passed)
    }
    if opts.provider is not None:
        providers[opts.provider.package] = opts.provider
    if package in providers or opts.parent is None:
        return providers.get(package)
    return opts.parent.get_provider(f"{package}:index:Any")


def component_credentials(component: pulumi.Resource) -> pulumi.Output[str] | None:
    """Return the credentials of the aws provider that a component passes to its children, None for the default."""
    provider = component.get_provider("aws:index:Any")
    return None if provider is None else _credentials(provider)


def _credentials(provider: pulumi.ProviderResource) -> pulumi.Output[str]:
    cache: dict[pulumi.ProviderResource, pulumi.Output[str]] = per_program(__name__, dict)
    if provider not in cache:
        # From the Output of its URN, so that resources which use the credentials are deleted before the resources that
        # the credentials come from.
        cache[provider] = pulumi.Output.secret(provider.urn.apply(_read_settings))
    return cache[provider]


async def _read_settings(urn: str) -> Any:
    state = (await invoke.invoke("pulumi:pulumi:getResource", {"urn": urn}))["state"]
    settings = {key: state.get(key) for key in SETTINGS}
    return UNKNOWN if rpc.contains_unknowns(settings) else dump_settings(settings)
