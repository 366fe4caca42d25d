"""gRPC methods that the engine calls, to construct components and to serve the library's own resources.

Errors of the library reach the engine as their message only, with names in the form of the program's language. Other
exceptions, which are bugs of the plugin, have a traceback.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

import grpc
import grpc.aio
import pulumi
from google.protobuf import empty_pb2
from pulumi.provider.provider import ConstructResult, Provider
from pulumi.provider.server import ComponentInitError, ProviderServicer

from eks_identity.errors import EksIdentityError, InvalidInput
from eks_identity.plugin.components import construct
from eks_identity.plugin.messages import Messages
from eks_identity.plugin.names import Names
from eks_identity.plugin.resources import OwnResources
from eks_identity.plugin.wire import depth_problems
from eks_identity.runtime import program_state

_RESOURCE_THREADS = 32
"""Requests for the library's own resources that run at a time; the engine sends 4 for each CPU by default."""

_THREADS_PER_OPERATION = 4
"""Threads of the event loop for each operation that the engine runs at a time, as Pulumi's host of Python programs has.

Pulumi's SDK keeps one of them for each registration that waits for the engine. With Python's default, the number of
CPUs + 4, a program would create at most six resources at a time on two CPUs, whatever `--parallel` says.
"""

Request = TypeVar("Request")
Response = TypeVar("Response")


class Components(Provider):
    """The provider by which Pulumi's own servicer constructs components."""

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Mapping[str, Any],
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        return construct(name, resource_type, dict(inputs), options)


class Servicer(ProviderServicer):
    """The gRPC service of the plugin."""

    def __init__(self, version: str, schema: str, arguments: list[str], engine_address: str) -> None:
        super().__init__(Components(version, schema), arguments, engine_address)
        self._resources = OwnResources()
        self._resource_threads = ThreadPoolExecutor(_RESOURCE_THREADS, thread_name_prefix="resources")
        self._messages = Messages(Names.of(schema))
        self._programs: dict[str, program_state.RemoteProgram] = {}

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        # One endpoint is one run of one program, and its components share that program's state.
        program = self._program(request)
        program_state.CURRENT_PROGRAM.set(program)
        return await self._respond(context, self._construct(request, context))

    async def _construct(self, request: Any, context: Any) -> Any:
        problems = depth_problems(request.inputs)
        if problems:
            raise InvalidInput(problems, subject=f'{request.type.rpartition(":")[2]} "{request.name}"')
        return await super()._construct(request, context)

    async def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._resources.configure(dict(request.variables))
        return await super().Configure(request, context)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        response = await self._run_in_thread(context, self._resources.check, request)
        for failure in response.failures:
            failure.reason = self._messages.translate(failure.reason)
        return response

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._run_in_thread(context, self._resources.diff, request)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._run_in_thread(context, self._resources.create, request)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._run_in_thread(context, self._resources.read, request)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._run_in_thread(context, self._resources.update, request)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._run_in_thread(context, self._resources.delete, request)
        return empty_pb2.Empty()

    async def _run_in_thread(self, context: Any, call: Callable[[Request], Response], request: Request) -> Response:
        # In a thread, because these calls wait for AWS and clusters. Not in the event loop's own threads: Pulumi's SDK
        # keeps one of them for each registration that waits for the engine, and the engine answers no registration
        # while it waits for a Check or Diff.
        loop, run = asyncio.get_running_loop(), copy_context().run
        return await self._respond(context, loop.run_in_executor(self._resource_threads, run, call, request))

    async def _respond(self, context: Any, response: Awaitable[Response]) -> Response:
        try:
            return await response
        except Exception as error:
            await context.abort(grpc.StatusCode.UNKNOWN, self._message(error))
            raise

    def _program(self, request: Any) -> program_state.RemoteProgram:
        endpoint = request.monitorEndpoint
        if endpoint not in self._programs:
            self._programs[endpoint] = program_state.RemoteProgram(self._messages.translate)
            threads = ThreadPoolExecutor(max(request.parallel, 1) * _THREADS_PER_OPERATION)  # created as needed
            asyncio.get_running_loop().set_default_executor(threads)
        return self._programs[endpoint]

    def _message(self, error: BaseException) -> str:
        cause: BaseException | None = error.inner if isinstance(error, ComponentInitError) else error
        while cause is not None:
            if isinstance(cause, EksIdentityError):
                return self._messages.translate(cause)
            if isinstance(cause, pulumi.RunError):
                return str(cause)
            cause = cause.__cause__
        text = "".join(traceback.format_exception(error))
        return f"unexpected error in the plugin eks-identity, please report it:\n{text}"
