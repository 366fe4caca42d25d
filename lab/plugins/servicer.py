"""The gRPC service of a plugin: Pulumi's own, with its missing fields and with readable errors.

Added fields: `old_inputs` of Diff, Update and Delete, autonaming of Check, and DiffConfig, whose fields the base class
swaps. Errors: the base class appends a Python stack to every message. Here the message of an expected failure
(`PluginError`) has no stack; only a defect of the plugin has one.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import grpc
import grpc.aio
from google.protobuf import empty_pb2, struct_pb2
from pulumi.provider.experimental import provider
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, status_pb2

from lab.plugins.base import Autonaming, BasePlugin, CheckRequest, DeleteRequest, DiffRequest, UpdateRequest, Wire
from lab.plugins.errors import InitError, InvalidInputError, PluginError

_AUTONAMING: Final = {
    provider_pb2.CheckRequest.AutonamingOptions.PROPOSE: "propose",
    provider_pb2.CheckRequest.AutonamingOptions.ENFORCE: "enforce",
    provider_pb2.CheckRequest.AutonamingOptions.DISABLE: "disable",
}

_DIFF_KINDS: Final = {
    provider.PropertyDiffKind.ADD: provider_pb2.PropertyDiff.ADD,
    provider.PropertyDiffKind.ADD_REPLACE: provider_pb2.PropertyDiff.ADD_REPLACE,
    provider.PropertyDiffKind.DELETE: provider_pb2.PropertyDiff.DELETE,
    provider.PropertyDiffKind.DELETE_REPLACE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    provider.PropertyDiffKind.UPDATE: provider_pb2.PropertyDiff.UPDATE,
    provider.PropertyDiffKind.UPDATE_REPLACE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class PluginServicer(ProviderServicer):
    """A servicer that passes each request of the engine to a `BasePlugin`."""

    def __init__(self, arguments: list[str], version: str, plugin: BasePlugin, engine_address: str) -> None:
        super().__init__(arguments, version, plugin, engine_address)
        self._plugin = plugin

    async def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        return await self._check(self._plugin.check_config, request)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        return await self._check(self._plugin.check, request)

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        # The outputs of a provider resource are its inputs; older states have no inputs of their own.
        return _diff_response(await self._plugin.diff_config(_diff_request(request)))

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        return _diff_response(await self._plugin.diff(_diff_request(request)))

    async def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        response = await super().Configure(request, context)
        response.supports_autonaming_configuration = True
        return response

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        response = await self._plugin.update(
            UpdateRequest(
                request.urn,
                request.id,
                olds=_wire(request.olds),
                old_inputs=_wire(request.old_inputs),
                news=_wire(request.news),
                timeout=request.timeout,
                ignore_changes=list(request.ignoreChanges),
                preview=request.preview,
            ),
        )
        return provider_pb2.UpdateResponse(properties=_struct(response.properties))

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        await self._plugin.delete(
            DeleteRequest(
                request.urn,
                request.id,
                properties=_wire(request.properties),
                old_inputs=_wire(request.old_inputs),
                timeout=request.timeout,
            ),
        )
        return empty_pb2.Empty()

    async def _check(
        self,
        check: Callable[[provider.CheckRequest], Awaitable[provider.CheckResponse]],
        request: Any,
    ) -> Any:
        news = _wire(request.news)
        try:
            response = await check(
                CheckRequest(request.urn, _wire(request.olds), news, request.randomSeed, _autonaming(request)),
            )
        except InvalidInputError as error:
            failures = [provider.CheckFailure("", problem) for problem in error.problems]
            response = provider.CheckResponse(news, failures)
        return provider_pb2.CheckResponse(
            inputs=None if response.inputs is None else _struct(response.inputs),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
                for failure in response.failures or ()
            ],
        )


class ReadableErrors(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # generic in its stubs only
    """An interceptor that ends every failed call with a status of one message."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler

        async def call(request: Any, context: Any) -> Any:
            try:
                return await handler.unary_unary(request, context)
            except grpc.aio.AbortError:
                raise
            except NotImplementedError as error:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
            except Exception as error:  # noqa: BLE001 - the engine must receive every error
                await context.abort_with_status(_status(error))

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


class _Status(NamedTuple):
    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...] = ()


def _status(error: Exception) -> _Status:
    expected = _expected(error)
    if isinstance(expected, InitError):
        return _init_status(expected)
    if expected is not None:
        # With this code the engine treats the failure's outcome as certain.
        return _Status(grpc.StatusCode.FAILED_PRECONDITION, str(expected))
    stack = "".join(traceback.format_exception(_original(error)))
    return _Status(grpc.StatusCode.UNKNOWN, f"the plugin failed with an unexpected error:\n{stack}")


def _init_status(error: InitError) -> _Status:
    """Return the status with which the engine keeps a resource that is not ready.

    Source: provider.proto, ErrorResourceInitFailed.
    """
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=_struct(error.properties),
        inputs=_struct(error.inputs),
        reasons=[str(error)],
    )
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=str(error))
    status.details.add().Pack(detail)
    return _Status(code, str(error), (("grpc-status-details-bin", status.SerializeToString()),))


def _original(error: Exception) -> BaseException:
    """Return the plugin's exception: Pulumi's servicer wraps it in a bare `Exception`, a component's twice."""
    original: BaseException = error
    if type(original) is Exception and original.__context__ is not None:
        original = original.__context__
    inner = getattr(original, "inner", None)
    return inner if isinstance(inner, BaseException) else original


def _expected(error: Exception) -> PluginError | None:
    original = _original(error)
    return original if isinstance(original, PluginError) else None


def _autonaming(request: Any) -> Autonaming | None:
    if not request.HasField("autonaming"):
        return None
    return Autonaming(_AUTONAMING[request.autonaming.mode], request.autonaming.proposed_name)  # type: ignore[arg-type]


def _diff_request(request: Any) -> DiffRequest:
    olds = _wire(request.olds)
    old_inputs = _wire(request.old_inputs) if request.HasField("old_inputs") else olds
    return DiffRequest(
        request.urn,
        request.id,
        old_state=olds,
        old_inputs=old_inputs,
        new_inputs=_wire(request.news),
        ignore_changes=list(request.ignoreChanges),
    )


def _diff_response(response: provider.DiffResponse) -> Any:
    if response.changes is None:
        changes = provider_pb2.DiffResponse.DIFF_UNKNOWN
    elif response.changes:
        changes = provider_pb2.DiffResponse.DIFF_SOME
    else:
        changes = provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        replaces=response.replaces,
        stables=response.stables,
        deleteBeforeReplace=response.delete_before_replace,
        changes=changes,
        diffs=response.diffs,
        detailedDiff={
            key: provider_pb2.PropertyDiff(kind=_DIFF_KINDS[diff.kind], inputDiff=diff.input_diff)
            for key, diff in response.detailed_diff.items()
        },
        hasDetailedDiff=bool(response.detailed_diff),
    )


def _wire(message: struct_pb2.Struct) -> Wire:
    return PropertyValue.unmarshal_map(message)


def _struct(properties: Wire) -> struct_pb2.Struct:
    return PropertyValue.marshal_map(properties)
