"""The package schema, which every SDK is generated from, and the plugin that serves it."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

import eks_identity
from eks_identity.plugin import wire
from eks_identity.plugin.exports import exported_resources
from eks_identity.plugin.resources import OwnResources
from eks_identity.plugin.schema import schema

COMPONENTS = Path(__file__).resolve().parents[2] / "components"
PACKAGE = json.loads(schema())
DECLARED = PACKAGE["resources"] | PACKAGE["types"]


def test_schema_is_committed():
    """components/schema.json is the generated schema; `make schema` writes it."""
    assert (COMPONENTS / "schema.json").read_text() == schema()


def test_schema_has_every_export():
    """Every exported component and resource is available in other languages."""
    assert set(PACKAGE["resources"]) == {f"eks-identity:index:{name}" for name in exported_resources()}
    assert {"AwsAuthMapping", "ClusterAccess", "OidcProvider", "WorkloadIdentity"} <= set(exported_resources())


@pytest.mark.parametrize("token", sorted(DECLARED))
def test_schema_describes_everything(token):
    """Every component, type, input and output has a description."""
    assert DECLARED[token].get("description")
    for kind in ("inputProperties", "properties"):
        assert [name for name, each in DECLARED[token].get(kind, {}).items() if not each.get("description")] == []


DOCUMENTS = {"configurationValues", "bottlerocketSettings"}
"""Inputs with keys of their own: the configuration of an add-on, the settings of Bottlerocket."""


def object_types(value, path=()):
    """The object types in a part of the schema, with their paths."""
    if isinstance(value, dict) and value.get("type") == "object":
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from object_types(item, (*path, key))


def test_no_object_type_is_empty():
    """Every object has the names of its properties, or the type of its values; only documents have any value."""
    committed = json.loads((COMPONENTS / "schema.json").read_text())
    objects = [*object_types(committed["resources"]), *object_types(committed["types"])]
    assert objects
    assert [path for path, definition in objects if not _content(definition)] == []
    any_value = {path[-1] for path, definition in objects if _content(definition).get("$ref") == "pulumi.json#/Any"}
    assert any_value == DOCUMENTS


def _content(definition):
    properties = definition.get("properties") or definition.get("inputProperties")
    return properties or definition.get("additionalProperties") or {}


def test_schema_descriptions_have_camel_case_names():
    """A description has names in camel case, as the schema does."""
    described = json.dumps(PACKAGE)
    assert "oidcProviderArn" in described
    assert "`oidc_provider_arn`" not in described


def test_schema_accepts_an_output_as_connection():
    """The output `connection` of Cluster can be an input as a whole: it is not plain."""
    assert "plain" not in PACKAGE["resources"]["eks-identity:index:ClusterAccess"]["inputProperties"]["cluster"]
    assert "connection" in PACKAGE["resources"]["eks-identity:index:Cluster"]["properties"]


def test_wire_values_become_args():
    """Keys become snake case, floats become ints, options are renamed, and keys of data are unchanged."""
    args = eks_identity.WorkloadIdentityArgs
    value = {
        "serviceAccount": "reader",
        "tokenExpiration": 3600.0,
        "labels": {"teamName": "a"},
        "oidcProviderArm": "x",
    }
    assert wire.from_wire(value, args) == {
        "service_account": "reader",
        "token_expiration": 3600,
        "labels": {"teamName": "a"},
        "oidcProviderArm": "x",
    }
    assert isinstance(wire.from_wire(value, args)["token_expiration"], int)
    created = wire.from_wire({"create": {"vpcId": "vpc-1", "tags": {"Team": "a"}}}, eks_identity.ClusterArgs)
    assert created == {"create": {"vpc_id": "vpc-1", "tags": {"Team": "a"}}}


def test_python_programs_do_not_load_the_plugin():
    """Importing `eks_identity` and all its exports does not import the plugin."""
    program = (
        "import sys, eks_identity\n"
        "[getattr(eks_identity, name) for name in eks_identity.__all__]\n"
        "print([name for name in sys.modules if 'eks_identity.plugin' in name])"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=COMPONENTS, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def engine():
    """A server at the engine's address. The plugin needs only its connection at first."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield server, port
    server.stop(grace=None).wait()


@pytest.fixture(scope="module")
def executable(tmp_path_factory):
    """Return the executable that `pip install ./components` creates, in an environment with its dependencies only."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(COMPONENTS, folder / "components", ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--ignore-installed"]
    command = [sys.executable, "-m", "pip", "--python", str(python), *install, str(folder / "components")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (packages / "eks_identity").is_dir()
    return folder / "venv" / "bin" / "pulumi-resource-eks-identity"


@pytest.fixture(params=["installed", "folder"])
def plugin(request, engine, tmp_path):
    """Start the plugin's process as the engine does, by the executable and by the folder. Return process and port."""
    folder = [sys.executable, COMPONENTS]
    command = folder if request.param == "folder" else [request.getfixturevalue("executable")]
    process = subprocess.Popen([*command, f"127.0.0.1:{engine[1]}"], stdout=subprocess.PIPE, cwd=tmp_path, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_plugin_returns_the_schema_and_ends_with_the_engine(plugin, engine):
    """GetSchema returns the schema exactly; the process ends after the engine."""
    process, port = plugin
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        assert stub.GetSchema(provider_pb2.GetSchemaRequest(version=0)).schema == schema()
        assert stub.GetPluginInfo(empty_pb2.Empty()).version == PACKAGE["version"]
    engine[0].stop(grace=None).wait()
    assert process.wait(timeout=120) == 0


@pytest.mark.parametrize(("config", "profile"), [({"eks-identity:config:profile": "prod"}, "prod"), ({}, None)])
def test_plugin_reads_the_profile_in_the_config(config, profile):
    """The own resources use `eks-identity:profile`, by the engine's key for it."""
    resources = OwnResources()
    resources.configure(config)
    provider, _ = resources._serving("urn:pulumi:lab::shop::eks-identity:index:LockoutGuard::guard")
    assert json.loads(provider.credentials({})).get("profile") == profile
