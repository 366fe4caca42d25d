"""Threads of the plugin: registrations that wait for the engine hold up neither others nor the engine's requests."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, resource_pb2, resource_pb2_grpc

from eks_identity.plugin.schema import schema
from eks_identity.plugin.servicer import Servicer

COMPONENTS = Path(__file__).resolve().parents[2] / "components"
WAITING = 40
"""Registrations that the engine does not answer: more than the 32 threads that Python's event loop has at most."""
TIMEOUT = 60
"""Seconds after which a request never arrives."""
NO_PROXY = [("grpc.enable_http_proxy", 0)]


class Engine(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """A simulated engine that answers registrations when `answer` is set."""

    def __init__(self) -> None:
        self._waiting = threading.Semaphore(0)
        self.answer = threading.Event()

    def Log(self, _request, _context):  # noqa: N802
        return empty_pb2.Empty()

    def GetDeploymentInfo(self, _request, _context):  # noqa: N802
        return resource_pb2.DeploymentInfo()

    def RegisterResource(self, request, _context):  # noqa: N802
        self._waiting.release()
        self.answer.wait()
        return resource_pb2.RegisterResourceResponse(urn=f"urn:pulumi:dev::shop::{request.type}::{request.name}")

    def RegisterResourceOutputs(self, _request, _context):  # noqa: N802
        return empty_pb2.Empty()

    def all_wait(self) -> bool:
        """Return whether `WAITING` registrations arrive while none has a response."""
        return all(self._waiting.acquire(timeout=TIMEOUT) for _ in range(WAITING))


@pytest.fixture
def engine():
    """Return the simulated engine and its address."""
    servicer = Engine()
    server = grpc.server(ThreadPoolExecutor(2 * WAITING))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(servicer, server)
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    servicer.answer.set()
    server.stop(grace=None).wait()


@pytest.fixture
def plugin(engine):
    """Start the plugin's process. Return its gRPC stub."""
    with subprocess.Popen([sys.executable, COMPONENTS, engine[1]], stdout=subprocess.PIPE) as process:
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=NO_PROXY) as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.kill()


def test_plugin_registers_more_resources_at_a_time_than_the_loop_has_threads(plugin, engine):
    """The engine, and not the plugin's number of threads, decides how many resources are created in parallel."""
    monitor, address = engine
    requests = [
        provider_pb2.ConstructRequest(
            type="eks-identity:index:PodIdentityRole",
            name=f"role-{number}",
            project="shop",
            stack="dev",
            monitorEndpoint=address,
            dryRun=True,
            parallel=WAITING,
        )
        for number in range(WAITING)
    ]
    responses = [plugin.Construct.future(request, timeout=2 * TIMEOUT) for request in requests]
    assert monitor.all_wait()
    monitor.answer.set()
    assert [response.result().urn.rpartition("::")[2] for response in responses] == [each.name for each in requests]


@pytest.mark.parametrize("method", ["Check", "Diff", "Create", "Read", "Update", "Delete"])
def test_plugin_serves_its_resources_while_registrations_wait(monkeypatch, method):
    """Requests for the library's own resources need no thread of the event loop, which registrations may hold all."""
    servicer, response = Servicer("1.0.0", schema(), [], ""), provider_pb2.CheckResponse()
    monkeypatch.setattr(servicer._resources, method.lower(), lambda _request: response)

    async def serve():
        no_threads = ThreadPoolExecutor(1)
        no_threads.shutdown()
        asyncio.get_running_loop().set_default_executor(no_threads)
        return await getattr(servicer, method)(None, None)

    assert asyncio.run(serve()) == (empty_pb2.Empty() if method == "Delete" else response)
