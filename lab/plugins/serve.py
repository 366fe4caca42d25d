"""The `main` function of a plugin: a gRPC server that endings with the engine that started it.

The protocol with the engine: the engine's address is the last argument. The plugin prints the server's port, on a line
of its own, as the first output on stdout. The user sees all other output, so a healthy plugin prints nothing else. The
engine starts each plugin in a process group of its own, so Ctrl-C in the terminal does not reach it: the engine calls
`Cancel` instead. The engine endings a plugin with SIGINT, and kills it after five seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, cast

import grpc
import grpc.aio
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2_grpc

from lab.plugins.base import BasePlugin
from lab.plugins.servicer import PluginServicer, ReadableErrors

WORKERS: Final = 32
"""Threads for blocking calls (`asyncio.to_thread`): at least the engine's parallel calls in most updates."""

_RECONNECT_SECONDS: Final = 5.0
_LOCAL_CHANNEL: Final = (
    *_GRPC_CHANNEL_OPTIONS,
    ("grpc.enable_http_proxy", 0),  # the engine is on this machine, whatever HTTPS_PROXY says
    ("grpc.client_idle_timeout_ms", 2**31 - 1),  # an idle channel would count as a dead engine
)


def serve(plugin: BasePlugin, version: str, arguments: Sequence[str] | None = None) -> None:
    """Serve `plugin` until the engine endings it.

    Args:
        plugin: Handles the requests. This function sets its `engine`.
        version: The version of the official plugin that this one replaces, without `v`.
        arguments: The engine's arguments, by default those of the process.
    """
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    # Only a failing import may print. httpx and botocore log each request at INFO.
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format=f"{plugin.package}: %(message)s")
    asyncio.run(_serve(plugin, version, command_line, _engine_address(command_line)))


def _engine_address(arguments: Sequence[str]) -> str:
    parser = argparse.ArgumentParser(description="A Pulumi resource plugin; the engine starts it.")
    parser.add_argument("--logtostderr", action="store_true", help="accepted, without effect")
    parser.add_argument("-v", "--verbose", metavar="LEVEL", help="accepted, without effect")
    parser.add_argument("--tracing", metavar="ENDPOINT", help="accepted, without effect")
    parser.add_argument("engine", help="address of the engine, host:port")
    options, _ = parser.parse_known_args(arguments)
    address: str = options.engine
    return address


async def _serve(plugin: BasePlugin, version: str, arguments: list[str], engine_address: str) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(WORKERS, thread_name_prefix=plugin.package))
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    async with grpc.aio.insecure_channel(engine_address, options=_LOCAL_CHANNEL) as channel:
        plugin.engine = ConnectedEngine(channel)
        server = grpc.aio.server(interceptors=[ReadableErrors()], options=_GRPC_CHANNEL_OPTIONS)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(
            PluginServicer(arguments, version, plugin, engine_address),
            server,
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        endings = [asyncio.create_task(stopped.wait()), asyncio.create_task(_engine_gone(channel))]
        await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
        for ending in endings:
            ending.cancel()
        await plugin.cancel()
        await server.stop(grace=None)


async def _engine_gone(channel: grpc.aio.Channel) -> None:
    """Wait until the engine's server ends: a plugin must end even if its engine was killed."""
    while True:
        try:
            await asyncio.wait_for(channel.channel_ready(), _RECONNECT_SECONDS)
        except TimeoutError:
            return
        await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)


class ConnectedEngine:
    """The implementation of `lab.plugins.base.Engine` over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = engine_pb2_grpc.EngineStub(channel)

    async def warn(self, message: str, *, urn: str = "") -> None:
        await self._log(engine_pb2.WARNING, message, urn)

    async def info(self, message: str, *, urn: str = "") -> None:
        await self._log(engine_pb2.INFO, message, urn)

    async def status(self, message: str, *, urn: str) -> None:
        await self._log(engine_pb2.INFO, message, urn, ephemeral=True)

    async def _log(
        self, severity: engine_pb2.LogSeverity.ValueType, message: str, urn: str, *, ephemeral: bool = False
    ) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
        await cast("Awaitable[None]", self._stub.Log(request))
