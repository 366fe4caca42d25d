"""The plugin's process. The engine starts it with its own address; it prints the port that it serves on.

The process ends when the engine ends.
"""

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
    ("grpc.enable_http_proxy", 0),  # the engine runs on this machine, so HTTPS_PROXY does not apply
    ("grpc.client_idle_timeout_ms", 2**31 - 1),  # an idle channel would look like an engine that has ended
)


def main() -> None:
    """Serve until the engine stops the process or ends."""
    parser = argparse.ArgumentParser(description="The Pulumi plugin of eks-identity; the engine starts it.")
    parser.add_argument("engine", help="address of the engine, host:port")
    arguments, others = parser.parse_known_args()
    # The engine shows the process's output to users, and importing the SDKs warns about their own deprecated types.
    warnings.simplefilter("ignore")
    asyncio.run(_serve(arguments.engine, others))


async def _serve(engine: str, arguments: list[str]) -> None:
    # Imported here because it imports pulumi_aws and pulumi_kubernetes, which warn.
    from eks_identity.plugin.schema import schema  # noqa: PLC0415
    from eks_identity.plugin.servicer import Servicer  # noqa: PLC0415
    from eks_identity.runtime.custom_resource import PluginProcess  # noqa: PLC0415

    PluginProcess.version = version("eks-identity")
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer(PluginProcess.version, schema(), arguments, engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    async with grpc.aio.insecure_channel(engine, options=_LOCAL_CHANNEL) as channel:
        reasons = [asyncio.create_task(stopped.wait()), asyncio.create_task(_wait_for_end_of_engine(channel))]
        await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        for reason in reasons:
            reason.cancel()
    await server.stop(grace=None)


async def _wait_for_end_of_engine(channel: grpc.aio.Channel) -> None:
    """Return when the engine's server does not respond any more, so that the plugin ends if its engine is killed."""
    while True:
        try:
            await asyncio.wait_for(channel.channel_ready(), _RECONNECT_SECONDS)
        except TimeoutError:
            return
        await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
