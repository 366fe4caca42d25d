"""The engine's calls: components are made here, and the library's own resources handed to their providers.

Refusals are what users read, so they reach the engine as their text alone, in the names of the program's language. Only
a fault of the plugin itself comes with its stack.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import grpc
import grpc.aio
import pulumi
from google.protobuf import empty_pb2
from pulumi.provider.provider import ConstructResult, Provider
from pulumi.provider.server import ComponentInitError, ProviderServicer

from eks_identity.errors import EksIdentityError
from eks_identity.plugin.components import make
from eks_identity.plugin.names import Names
from eks_identity.plugin.resources import OwnResources
from eks_identity.runtime import program_state

Request = TypeVar("Request")
Response = TypeVar("Response")


class Components(Provider):
    """What pulumi's own servicer asks to make components."""

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, Any],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        return make(name, resource_type, dict(inputs), options)


class Servicer(ProviderServicer):
    """The plugin as the engine sees it."""

    def __init__(self, version: str, schema: str, arguments: list[str], engine_address: str) -> None:
        super().__init__(Components(version, schema), arguments, engine_address)
        self._resources = OwnResources()
        self._names = Names.of(schema)
        self._programs: dict[str, program_state.Program] = {}

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        # One endpoint is one run of one program: what is declared twice in it is found across all of its components.
        program_state.PROGRAM.set(self._programs.setdefault(request.monitorEndpoint, program_state.Program()))
        return await self._answer(context, self._construct(request, context))

    async def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._resources.configure(dict(request.variables))
        return await super().Configure(request, context)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._ask(context, self._resources.check, request)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._ask(context, self._resources.diff, request)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._ask(context, self._resources.create, request)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._ask(context, self._resources.read, request)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._ask(context, self._resources.update, request)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._ask(context, self._resources.delete, request)
        return empty_pb2.Empty()

    async def _ask(self, context: Any, call: Callable[[Request], Response], request: Request) -> Response:
        # In a thread: these calls wait for AWS and clusters, and others go on meanwhile.
        return await self._answer(context, asyncio.to_thread(call, request))

    async def _answer(self, context: Any, answer: Awaitable[Response]) -> Response:
        try:
            return await answer
        except Exception as error:
            await context.abort(grpc.StatusCode.UNKNOWN, self._told(error))
            raise

    def _told(self, error: BaseException) -> str:
        cause: BaseException | None = error.inner if isinstance(error, ComponentInitError) else error
        while cause is not None:
            if isinstance(cause, EksIdentityError):
                return self._names.in_camel_case(str(cause))
            if isinstance(cause, pulumi.RunError):
                return str(cause)
            cause = cause.__cause__
        return "the plugin failed, which is a fault of its own:\n" + "".join(traceback.format_exception(error))
