"""What the engine and the vendor's plugins are asked while the engine waits for a hook, and elsewhere.

The SDK's own invoke waits for one of the threads that registrations keep, and so a hook cannot use it (see `threads`);
it also takes what is not known yet for what is not there, and with `--debug` it prints what a plugin answers.
"""

from collections.abc import Mapping
from typing import Any

import grpc
import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_monitor, grpc_error_to_exception

from eks_identity.runtime.threads import in_thread

_ABSENT = frozenset({"couldn't find", "could not find", "not found", "NotFound", "no matching", "empty result"})
_ABSENT |= {"NoSuchEntity", "no IAM OIDC", "there is no"}


class InvokeError(Exception):
    """A function did not answer; what its plugin said."""


async def invoke_or_none(token: str, asked: Mapping[str, Any], parent: pulumi.Resource) -> dict[str, Any] | None:
    """What a function says, by the provider that `parent` hands to its children; None where there is nothing to find.

    Raises `LookUpError` with what a plugin says besides.
    """
    try:
        return await invoke(token, asked, parent.get_provider(token)) or None
    except InvokeError as error:
        if any(word in str(error) for word in _ABSENT):
            return None
        raise


async def invoke(
    token: str, asked: Mapping[str, Any], provider: pulumi.ProviderResource | None = None, *, version: str = ""
) -> dict[str, Any]:
    """Return the result of a provider function. Values that the engine does not know yet are the SDK's `UNKNOWN`.

    `version` is that of the plugin, for a default provider.
    """
    request = resource_pb2.ResourceInvokeRequest(
        tok=token,
        args=await rpc.serialize_properties(dict(asked), {}),
        provider=await _reference(provider),
        version=version,
    )
    engine: Any = get_monitor()
    try:
        answer = await in_thread(engine.Invoke, request)
    except grpc.RpcError as error:
        raise InvokeError(str(grpc_error_to_exception(error))) from error
    if answer.failures:
        raise InvokeError("; ".join(failure.reason for failure in answer.failures))
    returned: dict[str, Any] = rpc.deserialize_properties(getattr(answer, "return"), keep_unknowns=True)
    return {key: rpc.unwrap_rpc_secret(value) for key, value in returned.items()}


async def _reference(provider: pulumi.ProviderResource | None) -> str:
    if provider is None:
        return ""
    return f"{await provider.urn.future()}::{await provider.id.future() or rpc.UNKNOWN}"
