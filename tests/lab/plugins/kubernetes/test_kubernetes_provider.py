"""Provider of the lab's kubernetes plugin: settings, credentials, exec plugins and errors."""

import asyncio
import inspect
import json
import socket
import sys
from contextlib import asynccontextmanager

import pulumi_kubernetes as k8s
import pytest
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ServiceAccount, ServiceAccountToken
from pulumi.provider.experimental import provider
from pulumi.provider.experimental.util import camel_case

from lab.plugins.errors import InvalidInputError, NotCoveredError, PluginError
from lab.plugins.kubernetes.client import ApiError, Client, UnreachableError
from lab.plugins.kubernetes.credentials import CredentialsError
from lab.plugins.kubernetes.kubeconfig import select
from lab.plugins.kubernetes.settings import NOT_COVERED, ClientSettings, Settings
from lab.plugins.values import UNKNOWN, Properties
from support.plugin_kubeconfigs import kubeconfig_of

ACCOUNT = "kubernetes:core/v1:ServiceAccount"


def account(namespace):
    return {"metadata": {"name": "sa", "namespace": namespace}}


def test_unsupported_type_fails_the_preview(stack):
    """An unsupported type fails the preview with its name and a fix, without a Python traceback."""
    message = stack.fails(lambda options: k8s.helm.v3.Release("chart", chart="nginx", opts=options), "preview")
    assert "kubernetes:helm.sh/v3:Release is not covered by the lab's stand-in for the kubernetes plugin" in message
    assert "--plugins official" in message
    assert "Traceback" not in message


def test_preview_validates_on_the_api_server(plugin, namespace, missing):
    """An object that the API server rejects fails the preview with its message; a valid one is not created by it."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Nonsense", "name": "x"}
    document = {"metadata": {"name": "rb", "namespace": namespace}, "roleRef": reference}
    with pytest.raises(ApiError) as caught:
        plugin.create("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", document, preview=True)
    assert str(caught.value).startswith(f"RoleBinding {namespace}/rb: ")
    assert 'roleRef.kind: Unsupported value: "Nonsense"' in str(caught.value)
    identity, state = plugin.create(ACCOUNT, account(namespace), preview=True)
    assert (identity, state["metadata"]["name"]) == (None, "sa")
    assert missing(ServiceAccount, "sa", namespace)


@pytest.mark.parametrize(
    "token", ["kubernetes:yaml:decode", "kubernetes:helm:template", "kubernetes:kustomize:directory"]
)
def test_unsupported_functions_are_rejected(plugin, token):
    """Unsupported functions of the official plugin are rejected by name."""
    with pytest.raises(NotCoveredError, match=f"{token} is not covered"):
        asyncio.run(plugin.plugin.invoke(provider.InvokeRequest(token, {})))


def test_unsupported_settings_are_rejected(plugin):
    """CheckConfig rejects an unsupported setting of the provider."""
    news = Properties({"renderYamlToDirectory": "out", "kubeconfig": UNKNOWN}).to_wire()
    with pytest.raises(InvalidInputError, match="remove renderYamlToDirectory"):
        asyncio.run(plugin.plugin.check_config(provider.CheckRequest("urn", {}, news, b"")))


def test_schema_has_the_settings_of_the_official_provider(plugin):
    """The schema has each input of the official provider, except settings for Helm and rendering."""
    response = asyncio.run(plugin.plugin.get_schema(provider.GetSchemaRequest(0)))
    settings = json.loads(response.schema)["provider"]["inputProperties"].keys()
    official = {camel_case(name) for name in inspect.signature(k8s.ProviderArgs).parameters}
    assert settings <= official
    assert official - settings == {*NOT_COVERED, "suppressHelmHookWarnings"}


@pytest.fixture
def unreachable(api_server):
    """The kubeconfig of an unreachable server: a port that is bound without a listener."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{held.getsockname()[1]}"
        yield kubeconfig_of(url, api_server.authority.file, {"token": "x"})


def test_unreachable_cluster_fails_the_update(plugin, namespace, unreachable):
    """With an unreachable API server a preview returns the inputs, and an update fails with the address."""
    plugin.configure(kubeconfig=unreachable)
    _, shown = plugin.create(ACCOUNT, account(namespace), preview=True)
    assert shown["metadata"] == {"name": "sa", "namespace": namespace}
    with pytest.raises(
        UnreachableError, match=r"no API server responds at https://127(.|\n)*check that the cluster runs"
    ):
        plugin.create(ACCOUNT, account(namespace))


def test_unreachable_cluster_options(plugin, namespace, unreachable):
    """Objects of an unreachable cluster are an error, or the provider's options keep or remove them in the state."""
    identity, state = plugin.create(ACCOUNT, account(namespace))
    plugin.configure(kubeconfig=unreachable)
    for operation in (plugin.read, plugin.delete):
        with pytest.raises(PluginError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
            operation(ACCOUNT, identity, state)
    plugin.configure(kubeconfig=unreachable, skipUpdateUnreachable="true")
    assert plugin.read(ACCOUNT, identity, state).resource_id == identity
    assert "the state is unchanged" in plugin.engine.warnings[0]
    plugin.configure(kubeconfig=unreachable, deleteUnreachable="true")
    assert plugin.read(ACCOUNT, identity, state).resource_id is None
    plugin.delete(ACCOUNT, identity, state)
    assert ["removed from the state" in warning for warning in plugin.engine.warnings] == [False, True, True]


def test_forbidden_request_has_the_api_servers_message(plugin, api_server, cluster, namespace):
    """The error of a request that RBAC denies has the API server's message."""
    token = token_of(cluster, namespace, "unknown")
    plugin.configure(kubeconfig=kubeconfig_of(api_server.url, api_server.authority.file, {"token": token}))
    with pytest.raises(ApiError, match=f'User "system:serviceaccount:{namespace}:unknown" cannot get') as caught:
        plugin.create(ACCOUNT, account(namespace))
    assert caught.value.subject == f"ServiceAccount {namespace}/sa"


def test_default_namespace_of_the_provider(plugin, api_server, namespace):
    """Objects without a namespace get the provider's or the kubeconfig's; cluster-scoped objects get none."""
    plugin.configure(namespace=namespace)
    assert plugin.check(ACCOUNT, {"metadata": {"name": "sa"}})["metadata"]["namespace"] == namespace
    plugin.configure(kubeconfig=api_server.kubeconfig.replace("    user: u", "    user: u\n    namespace: theirs"))
    assert plugin.check(ACCOUNT, {"metadata": {"name": "sa"}})["metadata"]["namespace"] == "theirs"
    checked = plugin.check("kubernetes:core/v1:Namespace", {"metadata": {"name": "n", "namespace": "wrong"}})
    assert checked["metadata"] == {"name": "n"}


@pytest.mark.parametrize(("suppress", "shown"), [("false", 1), ("true", 0)])
def test_warnings_of_the_api_server_are_shown(plugin, namespace, suppress, shown):
    """Warnings of the API server, as for a deprecated kind, are shown unless the provider suppresses them."""
    plugin.configure(suppressDeprecationWarnings=suppress)
    plugin.create("kubernetes:core/v1:Endpoints", {"metadata": {"name": "e", "namespace": namespace}})
    assert len(plugin.engine.warnings) == shown
    assert all("Endpoints is deprecated" in warning for warning in plugin.engine.warnings)


def test_unknown_field_is_rejected_at_preview(plugin, namespace):
    """A misspelt field is rejected at preview by its name."""
    with pytest.raises(ApiError, match=r"\.nonsense: field not declared in schema"):
        plugin.create(ACCOUNT, {**account(namespace), "nonsense": "1"}, preview=True)


def test_client_with_a_low_request_rate(plugin, namespace):
    """A provider with a low request rate still completes all requests."""
    plugin.configure(kubeClientSettings='{"qps": 20, "burst": 1, "timeout": 30}')
    identity, _ = plugin.create(ACCOUNT, account(namespace))
    assert identity == f"{namespace}/sa"


def token_of(cluster, namespace, name):
    cluster.create(ServiceAccount(metadata=ObjectMeta(name=name, namespace=namespace)))
    request = ServiceAccountToken(
        metadata=ObjectMeta(name=name, namespace=namespace), spec=TokenRequestSpec(audiences=[])
    )
    return cluster.create(request, name, namespace=namespace).status.token


@pytest.fixture
def exec_user(tmp_path):
    """Return a function that creates a kubeconfig user with an exec plugin that prints the tokens in turn."""
    script, runs = tmp_path / "get-token.py", tmp_path / "runs"
    script.write_text(
        "import json, os, pathlib\n"
        f"runs = pathlib.Path({str(runs)!r})\n"
        "count = len(runs.read_text()) if runs.exists() else 0\n"
        "runs.write_text('.' * (count + 1))\n"
        "tokens = json.loads(os.environ['TOKENS'])\n"
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "status = {'token': tokens[min(count, len(tokens) - 1)]}\n"
        "print(json.dumps({'kind': info['kind'], 'apiVersion': info['apiVersion'], 'status': status}))\n",
    )

    def user(tokens):
        return {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": sys.executable,
                "args": [str(script)],
                "env": [{"name": "TOKENS", "value": json.dumps(tokens)}],
            },
        }

    user.runs = lambda: len(runs.read_text())
    return user


@asynccontextmanager
async def aclosing_client(client):
    try:
        yield client
    finally:
        await client.close()


def whoami(server, user, times):
    """Send `times` concurrent requests for the identity of `user` to the API server."""

    async def run():
        config = select(Settings(kubeconfig=kubeconfig_of(server.url, server.authority.file, user)))
        async with aclosing_client(Client(config, ClientSettings())) as client:
            path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
            calls = (client.request("POST", path, subject="who", body=body) for _ in range(times))
            return await asyncio.gather(*calls)

    return asyncio.run(run())


def test_exec_plugin_runs_once_for_concurrent_requests(api_server, cluster, namespace, exec_user):
    """Concurrent requests use one run of the exec plugin."""
    token = token_of(cluster, namespace, "robot")
    reviews = whoami(api_server, exec_user([token]), 8)
    names = {review["status"]["userInfo"]["username"] for review in reviews}
    assert names == {f"system:serviceaccount:{namespace}:robot"}
    assert exec_user.runs() == 1


def test_exec_plugin_runs_again_after_unauthorized(api_server, cluster, namespace, exec_user):
    """After the API server rejects a token, the exec plugin runs once more."""
    token = token_of(cluster, namespace, "robot")
    (review,) = whoami(api_server, exec_user(["stale", token]), 1)
    assert review["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:robot"
    assert exec_user.runs() == 2


def test_unauthorized_after_two_exec_plugin_runs(api_server, exec_user):
    """If the second token is rejected too, the error is the API server's Unauthorized."""
    with pytest.raises(ApiError, match="Unauthorized"):
        whoami(api_server, exec_user(["stale"]), 1)
    assert exec_user.runs() == 2


def test_failing_exec_plugin_is_reported(api_server):
    """The error has the output of the failing exec plugin and its command."""
    command = [sys.executable, "-c", "raise SystemExit('no such profile')"]
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command[0], "args": command[1:]},
    }
    with pytest.raises(CredentialsError, match=r"failed with 1: no such profile"):
        whoami(api_server, user, 1)


def test_missing_exec_plugin_is_reported(api_server):
    """The error has the name of the missing exec plugin and the kubeconfig's install hint."""
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "no-such-program",
            "installHint": "install it",
        },
    }
    with pytest.raises(CredentialsError, match=r"no-such-program(.|\n)*fix: install it"):
        whoami(api_server, user, 1)
