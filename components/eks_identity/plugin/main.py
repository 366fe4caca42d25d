"""The plugin's process: started by the engine with its address, answers on the port that it prints, ends with it."""

import argparse
import asyncio
import signal
import sys
import warnings
from importlib.metadata import version

import grpc
import grpc.aio
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

_RECONNECT_SECONDS = 5.0
_LOCAL_CHANNEL = (
    *_GRPC_CHANNEL_OPTIONS,
    ("grpc.enable_http_proxy", 0),  # the engine is on this machine, whatever HTTPS_PROXY says
    ("grpc.client_idle_timeout_ms", 2**31 - 1),  # an idle channel would look like an engine that is gone
)


def main() -> None:
    """Serves until the engine is done with it."""
    parser = argparse.ArgumentParser(description="The Pulumi plugin of eks-identity; the engine starts it.")
    parser.add_argument("engine", help="address of the engine, host:port")
    known, others = parser.parse_known_args()
    # What is printed is shown to users: SDKs warn of their own deprecated types while they are imported.
    warnings.simplefilter("ignore")
    asyncio.run(_serve(known.engine, others))


async def _serve(engine: str, arguments: list[str]) -> None:
    # Loaded here: it brings pulumi_aws and pulumi_kubernetes, which warn.
    from eks_identity.plugin.schema import schema  # noqa: PLC0415
    from eks_identity.plugin.servicer import Servicer  # noqa: PLC0415
    from eks_identity.runtime.custom_resource import PluginProcess  # noqa: PLC0415

    PluginProcess.version = version("eks-identity")
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer(PluginProcess.version, schema(), arguments, engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    async with grpc.aio.insecure_channel(engine, options=_LOCAL_CHANNEL) as channel:
        ends = [asyncio.create_task(ended.wait()), asyncio.create_task(_engine_gone(channel))]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
    await server.stop(grace=None)


async def _engine_gone(channel: grpc.aio.Channel) -> None:
    """Waits until the engine's own server is gone: a plugin whose engine was killed does not stay behind."""
    while True:
        try:
            await asyncio.wait_for(channel.channel_ready(), _RECONNECT_SECONDS)
        except TimeoutError:
            return
        await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
