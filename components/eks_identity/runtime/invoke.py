"""Calls of provider functions and of the engine's own functions, usable in resource hooks.

The SDK's own invoke cannot be used in a hook: it waits for one of the threads that registrations keep (see `threads`).
It also returns the same for an unknown and an absent value, and with `--debug` it prints the result of a plugin.

After another resource failed, the engine may answer a call with a default provider only when the update ends (see
`resource_hooks`, which bounds the time of a hook).
"""

from collections.abc import Mapping
from typing import Any

import grpc
import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_monitor, grpc_error_to_exception

from eks_identity.runtime.threads import run_in_thread

_ABSENT = frozenset({"couldn't find", "could not find", "not found", "NotFound", "no matching", "empty result"})
_ABSENT |= {"NoSuchEntity", "no IAM OIDC", "there is no"}
"""Parts of plugins' error messages that mean that the object does not exist."""


class InvokeError(Exception):
    """A provider function failed. The message is that of its plugin."""


async def invoke_or_none(token: str, args: Mapping[str, Any], parent: pulumi.Resource) -> dict[str, Any] | None:
    """Return the result of a provider function, None if the object does not exist.

    The provider is the one that `parent` passes to its children. Raises `InvokeError` for any other error.
    """
    try:
        return await invoke(token, args, parent.get_provider(token)) or None
    except InvokeError as error:
        if any(text in str(error) for text in _ABSENT):
            return None
        raise


async def invoke(
    token: str, args: Mapping[str, Any], provider: pulumi.ProviderResource | None = None, *, version: str = ""
) -> dict[str, Any]:
    """Return the result of a provider function. Unknown values are the SDK's `UNKNOWN`.

    `version` is that of the plugin, for a default provider. Raises `InvokeError`.
    """
    request = resource_pb2.ResourceInvokeRequest(
        tok=token,
        args=await rpc.serialize_properties(dict(args), {}),
        provider=await _reference(provider),
        version=version,
    )
    engine: Any = get_monitor()
    try:
        response = await run_in_thread(engine.Invoke, request)
    except grpc.RpcError as error:
        raise InvokeError(str(grpc_error_to_exception(error))) from error
    if response.failures:
        raise InvokeError("; ".join(failure.reason for failure in response.failures))
    result: dict[str, Any] = rpc.deserialize_properties(getattr(response, "return"), keep_unknowns=True)
    return {key: rpc.unwrap_rpc_secret(value) for key, value in result.items()}


async def _reference(provider: pulumi.ProviderResource | None) -> str:
    if provider is None:
        return ""
    return f"{await provider.urn.future()}::{await provider.id.future() or rpc.UNKNOWN}"
