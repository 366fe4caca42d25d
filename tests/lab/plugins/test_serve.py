"""A plugin process, called by Pulumi's protocol as the engine calls it."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

PLUGIN = Path(__file__).with_name("demo_plugin.py")
URN = "urn:pulumi:stack::project::demo:index:Thing::one"


class Engine(engine_pb2_grpc.EngineServicer):
    """A simulated engine that records the log messages of a plugin."""

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
    arguments = [sys.executable, str(PLUGIN), "--logtostderr", "-v=9", "--tracing", "file:///nowhere", engine.address]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, stdout=pipe, stderr=pipe, env={**os.environ, "PYTHONPATH": "."}) as process:
        yield process
        process.kill()


@pytest.fixture
def plugin(process):
    """The gRPC stub of the plugin."""
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


def test_plugin_version(plugin):
    """The plugin returns the version of the official plugin that it replaces."""
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_expected_error_has_message_and_fix(plugin):
    """An expected error has its message and its fix, with a status code that the engine reports as failed."""
    error = failure(create, plugin, "fail")
    assert error.details() == "nothing today\n  fix: come back"
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_unexpected_error_has_a_traceback(plugin):
    """An unexpected error of the plugin has its traceback once."""
    details = failure(create, plugin, "break").details()
    assert "with an unexpected error" in details
    assert details.count("ZeroDivisionError: a fault") == 1


def test_partially_created_object_is_in_the_state(plugin):
    """An object that exists but is not ready is reported with its id and state, as the protocol requires."""
    status = status_pb2.Status()
    status.ParseFromString(dict(failure(create, plugin, "half").trailing_metadata())["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("id-1", ["not ready"])
    assert detail.properties["how"] == "half"


def test_invalid_inputs_are_check_failures(plugin):
    """Each problem of the inputs is a separate check failure."""
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=struct(wrong=True)))
    assert [each.reason for each in checked.failures] == ["a is wrong", "b is wrong"]


def test_unsupported_type_is_rejected(plugin):
    """An unsupported type is rejected by name."""
    request = provider_pb2.CheckRequest(urn=URN.replace("Thing", "Other"), news=struct())
    details = failure(plugin.Check, request).details()
    assert details.startswith("demo:index:Other is not covered by the lab's stand-in for the demo plugin")


def test_unsupported_function_is_rejected(plugin):
    """An unsupported function is rejected by name."""
    details = failure(plugin.Invoke, provider_pb2.InvokeRequest(tok="demo:index:get")).details()
    assert details.startswith("demo:index:get is not covered")


def test_unimplemented_method_has_its_status(plugin):
    """A method that the plugin does not implement returns the status Unimplemented."""
    assert failure(plugin.Attach, provider_pb2.GetMappingRequest()).code() is grpc.StatusCode.UNIMPLEMENTED


def test_automatic_names_follow_the_engines_seed(plugin):
    """Preview and update give the same automatic name, from the engine's seed. The user's options override it."""

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


def test_diff_has_the_old_inputs(plugin):
    """A diff gets the inputs of the last update, not only its outputs."""
    request = provider_pb2.DiffRequest(urn=URN, olds=struct(a="server"), old_inputs=struct(a="1"), news=struct(a="1"))
    assert plugin.Diff(request).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_changed_provider_settings_replace_nothing(plugin):
    """A change of the provider's settings is a diff without a replacement."""
    response = plugin.DiffConfig(provider_pb2.DiffRequest(urn=URN, olds=struct(a="1"), news=struct(a="2", b="1")))
    assert response.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(response.diffs), list(response.replaces)) == (["a", "b"], [])


def test_warning_has_the_urn_of_its_resource(plugin, engine):
    """The engine gets a warning with the URN of its resource."""
    assert create(plugin, "well").id == "id-1"
    (warning,) = engine.logged
    assert (warning.severity, warning.message, warning.urn) == (engine_pb2.WARNING, "careful", URN)


def test_cancel_ends_waiting_calls(plugin):
    """Cancel ends calls that wait."""
    waiting = plugin.Create.future(provider_pb2.CreateRequest(urn=URN, properties=struct(how="wait")))
    plugin.Cancel(empty_pb2.Empty())
    assert waiting.exception().details() == "cancelled"


def test_plugin_prints_only_its_port(process, plugin):
    """A plugin prints only its port, because the engine would show other output to the user."""
    create(plugin, "well")
    for how in ("fail", "break", "half"):
        failure(create, plugin, how)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == (b"", b"")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_plugin_ends_on_signals(process, plugin, name):
    """SIGINT, which the engine sends at its end, and SIGTERM end the plugin at once."""
    plugin.GetPluginInfo(empty_pb2.Empty())
    process.send_signal(getattr(signal, name))
    assert process.wait(timeout=30) == 0


def test_plugin_ends_with_its_engine(process, plugin, engine):
    """A plugin ends when its engine ends."""
    plugin.GetPluginInfo(empty_pb2.Empty())
    engine.server.stop(None).wait()
    assert process.wait(timeout=60) == 0
