"""Provider of the lab's kubernetes plugin: settings, credentials, exec plugins and errors."""

import asyncio
import json
import socket
import sys
from contextlib import asynccontextmanager

import pulumi_kubernetes as k8s
import pytest
from kubeconfigs import kubeconfig_of
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ServiceAccount, ServiceAccountToken
from pulumi.provider.experimental import provider

from lab.plugins.errors import InvalidInputError, NotCoveredError, PluginError
from lab.plugins.kubernetes.client import ApiError, Client, UnreachableError
from lab.plugins.kubernetes.credentials import CredentialsError
from lab.plugins.kubernetes.kubeconfig import select
from lab.plugins.kubernetes.settings import ClientSettings, Settings
from lab.plugins.values import UNKNOWN, Properties

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
def test_functions_that_are_not_covered(plugin, token):
    """Functions of the official plugin are refused by name."""
    with pytest.raises(NotCoveredError, match=f"{token} is not covered"):
        asyncio.run(plugin.plugin.invoke(provider.InvokeRequest(token, {})))


def test_settings_that_are_not_covered(plugin):
    """A setting of the provider that the stand-in has not is refused when it is checked, before any object is."""
    news = Properties({"renderYamlToDirectory": "out", "kubeconfig": UNKNOWN}).to_wire()
    with pytest.raises(InvalidInputError, match="take renderYamlToDirectory out"):
        asyncio.run(plugin.plugin.check_config(provider.CheckRequest("urn", {}, news, b"")))


@pytest.fixture
def nowhere(api_server):
    """The kubeconfig of a server that is not there: nobody listens on a port that is held."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{held.getsockname()[1]}"
        yield kubeconfig_of(url, api_server.authority.file, {"token": "x"})


def test_unreachable_cluster(plugin, namespace, nowhere):
    """Where no API server answers, a preview shows the inputs, and an update says where it asked."""
    plugin.configure(kubeconfig=nowhere)
    _, shown = plugin.create(ACCOUNT, account(namespace), preview=True)
    assert shown["metadata"] == {"name": "sa", "namespace": namespace}
    with pytest.raises(
        UnreachableError, match=r"no API server answers at https://127(.|\n)*check that the cluster runs"
    ):
        plugin.create(ACCOUNT, account(namespace))


def test_state_of_an_unreachable_cluster(plugin, namespace, nowhere):
    """What is on a lost cluster stays in the state or leaves it as the provider says; else it is an error."""
    identity, state = plugin.create(ACCOUNT, account(namespace))
    plugin.configure(kubeconfig=nowhere)
    for operation in (plugin.read, plugin.delete):
        with pytest.raises(PluginError, match="PULUMI_K8S_DELETE_UNREACHABLE"):
            operation(ACCOUNT, identity, state)
    plugin.configure(kubeconfig=nowhere, skipUpdateUnreachable="true")
    assert plugin.read(ACCOUNT, identity, state).resource_id == identity
    assert "the state is kept" in plugin.engine.warnings[0]
    plugin.configure(kubeconfig=nowhere, deleteUnreachable="true")
    assert plugin.read(ACCOUNT, identity, state).resource_id is None
    plugin.delete(ACCOUNT, identity, state)
    assert ["taken out of the state" in warning for warning in plugin.engine.warnings] == [False, True, True]


def test_forbidden(plugin, api_server, cluster, namespace):
    """What RBAC forbids reaches the user in the API server's own words."""
    token = token_of(cluster, namespace, "nobody")
    plugin.configure(kubeconfig=kubeconfig_of(api_server.url, api_server.authority.file, {"token": token}))
    with pytest.raises(ApiError, match=f'User "system:serviceaccount:{namespace}:nobody" cannot get') as caught:
        plugin.create(ACCOUNT, account(namespace))
    assert caught.value.subject == f"ServiceAccount {namespace}/sa"


def test_default_namespace(plugin, api_server, namespace):
    """Objects without a namespace go to the provider's, or else to the kubeconfig's; cluster-wide ones have none."""
    plugin.configure(namespace=namespace)
    assert plugin.check(ACCOUNT, {"metadata": {"name": "sa"}})["metadata"]["namespace"] == namespace
    plugin.configure(kubeconfig=api_server.kubeconfig.replace("    user: u", "    user: u\n    namespace: theirs"))
    assert plugin.check(ACCOUNT, {"metadata": {"name": "sa"}})["metadata"]["namespace"] == "theirs"
    checked = plugin.check("kubernetes:core/v1:Namespace", {"metadata": {"name": "n", "namespace": "wrong"}})
    assert checked["metadata"] == {"name": "n"}


@pytest.mark.parametrize(("suppress", "shown"), [("false", 1), ("true", 0)])
def test_warnings_of_the_api_server(plugin, namespace, suppress, shown):
    """What the API server warns of, such as a kind that is deprecated, is shown, unless the provider suppresses it."""
    plugin.configure(suppressDeprecationWarnings=suppress)
    plugin.create("kubernetes:core/v1:Endpoints", {"metadata": {"name": "e", "namespace": namespace}})
    assert len(plugin.engine.warnings) == shown
    assert all("Endpoints is deprecated" in warning for warning in plugin.engine.warnings)


def test_field_that_the_kind_has_not(plugin, namespace):
    """A misspelt field is refused at preview, by its name."""
    with pytest.raises(ApiError, match=r"\.nonsense: field not declared in schema"):
        plugin.create(ACCOUNT, {**account(namespace), "nonsense": "1"}, preview=True)


def test_throttled_client(plugin, namespace):
    """A provider that may ask only seldom still gets everything done."""
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
    """A kubeconfig user whose tokens a program prints, one after the other; it counts how often it is asked."""
    script, asked = tmp_path / "get-token.py", tmp_path / "asked"
    script.write_text(
        "import json, os, pathlib\n"
        f"asked = pathlib.Path({str(asked)!r})\n"
        "count = len(asked.read_text()) if asked.exists() else 0\n"
        "asked.write_text('.' * (count + 1))\n"
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

    user.asked = lambda: len(asked.read_text())
    return user


@asynccontextmanager
async def aclosing_client(client):
    try:
        yield client
    finally:
        await client.close()


def ask(server, user, times):
    """Ask the API server who one is, `times` at once, as `user`."""

    async def run():
        config = select(Settings(kubeconfig=kubeconfig_of(server.url, server.authority.file, user)))
        async with aclosing_client(Client(config, ClientSettings())) as client:
            path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
            calls = (client.request("POST", path, subject="who", body=body) for _ in range(times))
            return await asyncio.gather(*calls)

    return asyncio.run(run())


def test_exec_plugin_runs_once(api_server, cluster, namespace, exec_user):
    """Many requests at once need one run of the exec plugin."""
    token = token_of(cluster, namespace, "robot")
    answers = ask(api_server, exec_user([token]), 8)
    names = {answer["status"]["userInfo"]["username"] for answer in answers}
    assert names == {f"system:serviceaccount:{namespace}:robot"}
    assert exec_user.asked() == 1


def test_exec_plugin_runs_again(api_server, cluster, namespace, exec_user):
    """A token that the API server refuses is asked for once more."""
    token = token_of(cluster, namespace, "robot")
    (answer,) = ask(api_server, exec_user(["stale", token]), 1)
    assert answer["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:robot"
    assert exec_user.asked() == 2


def test_unauthorized(api_server, exec_user):
    """A token that stays refused is the API server's Unauthorized, after two tries."""
    with pytest.raises(ApiError, match="Unauthorized"):
        ask(api_server, exec_user(["stale"]), 1)
    assert exec_user.asked() == 2


def test_exec_plugin_that_fails(api_server):
    """What a failing exec plugin says is in the message, with the command."""
    command = [sys.executable, "-c", "raise SystemExit('no such profile')"]
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command[0], "args": command[1:]},
    }
    with pytest.raises(CredentialsError, match=r"failed with 1: no such profile"):
        ask(api_server, user, 1)


def test_exec_plugin_that_is_missing(api_server):
    """An exec plugin that is not there is named, with the hint of the kubeconfig."""
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "no-such-program",
            "installHint": "install it",
        },
    }
    with pytest.raises(CredentialsError, match=r"no-such-program(.|\n)*fix: install it"):
        ask(api_server, user, 1)
