"""A plugin's process, as the engine sees it: through Pulumi's own protocol."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

PLUGIN = """
import asyncio
from pulumi.provider.experimental import provider
from lab.plugins.base import BasePlugin, auto_name
from lab.plugins.errors import InitError, InvalidInputError, PluginError
from lab.plugins.serve import serve
from lab.plugins.values import Properties, plain

class Plugin(BasePlugin):
    package = "demo"

    async def check(self, request):
        values = plain(request.new_inputs)
        if "wrong" in values:
            raise InvalidInputError("thing", ["a is wrong", "b is wrong"])
        if request.type != "demo:index:Thing":
            return await super().check(request)
        return provider.CheckResponse(Properties({**values, "name": auto_name(request, digits=8)}).to_wire())

    async def diff(self, request):
        return provider.DiffResponse(changes=request.old_inputs != request.new_inputs)

    async def create(self, request):
        how = plain(request.properties)["how"]
        if how == "fail":
            raise PluginError("nothing today", fix="come back")
        if how == "break":
            raise ZeroDivisionError("a fault")
        if how == "half":
            raise InitError("not ready", resource_id="id-1", properties=request.properties, inputs=request.properties)
        if how == "wait":
            await self.cancelled.wait()
            raise PluginError("cancelled")
        await self.engine.warn("careful", urn=request.urn)
        return provider.CreateResponse("id-1", request.properties)

serve(Plugin(), "1.2.3")
"""
URN = "urn:pulumi:stack::project::demo:index:Thing::one"


class Engine(engine_pb2_grpc.EngineServicer):
    """As much of the engine as a plugin speaks to."""

    def __init__(self) -> None:
        self.logged: list[engine_pb2.LogRequest] = []

    def Log(self, request, context):  # noqa: ARG002, N802
        self.logged.append(request)
        return empty_pb2.Empty()


@pytest.fixture
def engine():
    servicer = Engine()
    servicer.server = grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, servicer.server)
    servicer.address = f"127.0.0.1:{servicer.server.add_insecure_port('127.0.0.1:0')}"
    servicer.server.start()
    yield servicer
    servicer.server.stop(None).wait()


@pytest.fixture
def process(engine):
    arguments = [sys.executable, "-c", PLUGIN, "--logtostderr", "-v=9", "--tracing", "file:///nowhere", engine.address]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdout=pipe, stderr=pipe, env={**os.environ, "PYTHONPATH": "."}) as process:
        yield process
        process.kill()


@pytest.fixture
def plugin(process):
    """What the engine calls the plugin through."""
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)


def struct(**values):
    return PropertyValue.marshal_map({key: PropertyValue(value) for key, value in values.items()})


def create(plugin, how):
    return plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(how=how)))


def failure(call, *arguments):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    return caught.value


def test_version(plugin):
    """The plugin says which version it stands in for."""
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_expected_failure(plugin):
    """An expected failure is its message and its fix, with a code that the engine takes for a known outcome."""
    error = failure(create, plugin, "fail")
    assert error.details() == "nothing today\n  fix: come back"
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_fault_of_the_plugin(plugin):
    """A fault of the plugin itself comes with its stack, once."""
    details = failure(create, plugin, "break").details()
    assert "with an unexpected error" in details
    assert details.count("ZeroDivisionError: a fault") == 1


def test_half_made_object(plugin):
    """What exists but is not ready is told as the protocol has it, with its id and its state."""
    status = status_pb2.Status()
    status.ParseFromString(dict(failure(create, plugin, "half").trailing_metadata())["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("id-1", ["not ready"])
    assert detail.properties["how"] == "half"


def test_invalid_inputs(plugin):
    """Every problem of the inputs is a failed check of its own."""
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=struct(wrong=True)))
    assert [each.reason for each in checked.failures] == ["a is wrong", "b is wrong"]


def test_type_that_is_not_covered(plugin):
    """A type that the plugin has not is refused by name."""
    request = provider_pb2.CheckRequest(urn=URN.replace("Thing", "Other"), news=struct())
    details = failure(plugin.Check, request).details()
    assert details.startswith("demo:index:Other is not covered by the lab's stand-in for the demo plugin")


def test_function_that_is_not_covered(plugin):
    """So is a function."""
    details = failure(plugin.Invoke, provider_pb2.InvokeRequest(tok="demo:index:get")).details()
    assert details.startswith("demo:index:get is not covered")


def test_method_that_is_not_implemented(plugin):
    """A method of the protocol that the plugin has not says so in the way that engines know."""
    assert failure(plugin.Attach, provider_pb2.GetMappingRequest()).code() is grpc.StatusCode.UNIMPLEMENTED


def test_names(plugin):
    """A plan and its update agree on an automatic name: it comes of the engine's seed. The user's settings go first."""

    def name(**options):
        checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=struct(), **options))
        return checked.inputs["name"]

    seed = b"seed of this update"
    assert name(randomSeed=seed) == name(randomSeed=seed)
    assert len(name(randomSeed=seed)) == len("one-") + 8
    proposed = provider_pb2.CheckRequest.AutonamingOptions(proposed_name="mine")
    assert name(randomSeed=seed, autonaming=proposed) == "mine"
    forbidden = provider_pb2.CheckRequest.AutonamingOptions(mode="DISABLE")
    request = provider_pb2.CheckRequest(urn=URN, news=struct(), autonaming=forbidden)
    assert "forbids automatic names" in failure(plugin.Check, request).details()


def test_old_inputs(plugin):
    """A comparison has the inputs of the last update, not only its outputs."""
    request = provider_pb2.DiffRequest(urn=URN, olds=struct(a="server"), old_inputs=struct(a="1"), news=struct(a="1"))
    assert plugin.Diff(request).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_settings_may_change(plugin):
    """A change of the provider's settings is a change, and replaces nothing."""
    response = plugin.DiffConfig(provider_pb2.DiffRequest(urn=URN, olds=struct(a="1"), news=struct(a="2", b="1")))
    assert response.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(response.diffs), list(response.replaces)) == (["a", "b"], [])


def test_warning(plugin, engine):
    """A warning goes to the engine, beside the resource that it is about."""
    assert create(plugin, "well").id == "id-1"
    (warning,) = engine.logged
    assert (warning.severity, warning.message, warning.urn) == (engine_pb2.WARNING, "careful", URN)


def test_cancel(plugin):
    """Cancel ends what waits."""
    waiting = plugin.Create.future(provider_pb2.CreateRequest(urn=URN, properties=struct(how="wait")))
    plugin.Cancel(empty_pb2.Empty())
    assert waiting.exception().details() == "cancelled"


def test_silence(process, plugin):
    """But for its port, a plugin prints nothing, whatever happens: the engine would show it to the user."""
    create(plugin, "well")
    for how in ("fail", "break", "half"):
        failure(create, plugin, how)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == (b"", b"")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_end(process, plugin, name):
    """SIGINT, the engine's way to say that it is done, ends the plugin at once; so does SIGTERM."""
    plugin.GetPluginInfo(empty_pb2.Empty())
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=30) == 0


def test_end_of_the_engine(process, plugin, engine):
    """A plugin does not outlive its engine."""
    plugin.GetPluginInfo(empty_pb2.Empty())
    engine.server.stop(None).wait()
    assert process.wait(timeout=60) == 0
