"""Rules of the kubernetes plugin: type tokens, ids, differences, replacements, settings and kubeconfigs."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.errors import InvalidInputError, PluginError
from lab.plugins.kubernetes import apply, objects
from lab.plugins.kubernetes.configuration import diff_configuration
from lab.plugins.kubernetes.diff import differences, ignored
from lab.plugins.kubernetes.discovery import Kind
from lab.plugins.kubernetes.kubeconfig import KubeconfigError, load, select
from lab.plugins.kubernetes.objects import Token
from lab.plugins.kubernetes.replacement import requires_replacement
from lab.plugins.kubernetes.settings import ClientSettings, Settings
from lab.plugins.values import UNKNOWN, Properties, dotted

CONFIG_MAP, SECRET, POD = (Kind("", "v1", kind) for kind in ("ConfigMap", "Secret", "Pod"))


@pytest.mark.parametrize(
    ("token", "inputs", "kind", "patch"),
    [
        ("kubernetes:core/v1:ServiceAccount", {"apiVersion": "v1"}, Kind("", "v1", "ServiceAccount"), False),
        ("kubernetes:core/v1:ConfigMapPatch", {"kind": "ConfigMap"}, CONFIG_MAP, True),
        ("kubernetes:core/v1:ConfigMapPatch", {}, CONFIG_MAP, True),
        ("kubernetes:example.com/v1:DogPatch", {"kind": "DogPatch"}, Kind("example.com", "v1", "DogPatch"), False),
        ("kubernetes:apps/v1:Deployment", {"apiVersion": "apps/v1"}, Kind("apps", "v1", "Deployment"), False),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
            {},
            Kind("rbac.authorization.k8s.io", "v1", "ClusterRole"),
            False,
        ),
    ],
)
def test_type_token_has_kind_and_patch(token, inputs, kind, patch):
    """A type token determines the kind, and whether the resource is a patch."""
    parsed = Token.parse(token)
    assert parsed.kind_of(inputs) == kind
    assert parsed.is_patch(inputs) is patch


@pytest.mark.parametrize(
    "token", ["kubernetes:helm.sh/v3:Release", "kubernetes:yaml:ConfigFile", "kubernetes:kustomize:Directory"]
)
def test_other_type_tokens_have_no_kind(token):
    """Type tokens that are not of API objects have no kind."""
    assert Token.parse(token) is None


def test_resource_ids():
    """An id is namespace/name or a name, as the scope of the kind requires."""
    assert objects.parse_id("a/b", namespaced=True, default_namespace="d") == ("a", "b")
    assert objects.parse_id("b", namespaced=True, default_namespace="d") == ("d", "b")
    assert objects.parse_id("b", namespaced=False, default_namespace="d") == (None, "b")
    for text, namespaced in (("a/b", False), ("a/b/c", True), ("a/", True)):
        with pytest.raises(PluginError, match="the id"):
            objects.parse_id(text, namespaced=namespaced, default_namespace="d")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
DOCUMENT = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@given(DOCUMENT, DOCUMENT)
def test_differences_of_documents(old, new):
    """Two documents have a difference exactly where their values differ."""
    assert bool(list(differences(old, new))) == (_bools(old) != _bools(new))


def _bools(value):
    """Return `value` with booleans distinct from numbers, as in JSON."""
    if isinstance(value, dict):
        return {key: _bools(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bools(item) for item in value]
    return (type(value) is bool, value)


def _without_nulls(value):
    return (
        {key: _without_nulls(item) for key, item in value.items() if item is not None}
        if isinstance(value, dict)
        else value
    )


@given(DOCUMENT, DOCUMENT)
def test_merge_patch_follows_rfc_7386(old, new):
    """The merge patch of two objects converts the first to the second by RFC 7386."""

    def merge(target, patch):
        if not isinstance(patch, dict):
            return patch
        result = dict(target) if isinstance(target, dict) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merge(result.get(key), value)
        return result

    old, new = _without_nulls(old), _without_nulls(new)
    assert merge(old, apply.merge_patch(old, new)) == new


@pytest.mark.parametrize(
    ("kind", "path", "replaced"),
    [
        (CONFIG_MAP, ("data", "a"), True),
        (CONFIG_MAP, ("metadata", "labels", "a"), False),
        (CONFIG_MAP, ("metadata", "name"), True),
        (SECRET, ("type",), True),
        (SECRET, ("stringData", "a"), True),
        (POD, ("spec", "containers", 0, "image"), True),
        (POD, ("spec", "tolerations", 0), False),
        (POD, ("spec", "activeDeadlineSeconds"), False),
        (POD, ("spec",), True),
        (Kind("rbac.authorization.k8s.io", "v1", "RoleBinding"), ("roleRef", "name"), True),
        (Kind("rbac.authorization.k8s.io", "v1", "RoleBinding"), ("subjects", 0, "name"), False),
        (Kind("apps", "v1", "Deployment"), ("spec", "selector", "matchLabels", "a"), True),
        (Kind("apps", "v1", "Deployment"), ("spec", "replicas"), False),
        (Kind("batch", "v1", "Job"), ("spec", "template", "spec", "containers", 0, "image"), True),
        (Kind("example.com", "v1", "ConfigMap"), ("data",), False),
    ],
)
def test_immutable_changes_replace_the_object(kind, path, replaced):
    """Exactly the changes that the API server would reject replace the object."""
    assert requires_replacement(path, kind, {}, Settings()) is replaced


def test_mutable_config_maps_and_secrets_change_in_place():
    """With the provider's mutable options data changes in place, unless the object is immutable."""
    settings = Settings(enable_config_map_mutable=True, enable_secret_mutable=True)
    assert not requires_replacement(("data", "a"), CONFIG_MAP, {}, settings)
    assert not requires_replacement(("data", "a"), SECRET, {}, settings)
    assert requires_replacement(("data", "a"), CONFIG_MAP, {"immutable": True}, settings)
    assert requires_replacement(("type",), SECRET, {}, settings)


@pytest.mark.parametrize(
    ("path", "patterns", "expected"),
    [
        (("data", "a"), ["data"], True),
        (("data",), ["data.a"], False),
        (("metadata", "labels", "a.b"), ['metadata.labels["a.b"]'], True),
        (("database",), ["data"], False),
        (("rules", 0, "verbs"), ["rules[0]"], True),
    ],
)
def test_ignore_changes_paths(path, patterns, expected):
    """A change at or below an ignored path is ignored."""
    assert ignored(path, patterns) is expected


def test_drift_excludes_server_defaults():
    """Only changes since the last update are drift, not changes that the server made to the inputs."""
    inputs = {"cpu": "1000m", "labels": {"a": "1", "gone": "1"}, "items": ["x"]}
    before = {"cpu": "1", "labels": {"a": "1", "gone": "1", "b": "others"}, "items": ["x", "injected"]}
    now = {"cpu": "1", "labels": {"a": "2", "b": "changed by others"}, "items": ["x", "injected"]}
    assert objects.drifted(inputs, before, before) == inputs
    assert objects.drifted(inputs, before, now) == {"cpu": "1000m", "labels": {"a": "2"}, "items": ["x"]}


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=8), min_size=1))
def test_string_data_round_trip(texts):
    """String data of a Secret is base64 encoded, and can be decoded from the server's object."""
    sent = objects.desired({"stringData": texts, "metadata": {"name": "s", "uid": "1"}}, SECRET)
    assert "stringData" not in sent
    assert sent["metadata"] == {"name": "s"}
    assert {key: base64.b64decode(value).decode() for key, value in sent["data"].items()} == texts
    assert objects.with_plain_data(sent)["stringData"] == texts


def test_state_of_a_secret_is_secret():
    """The state has the data of a Secret, and kubectl's copy of it, only as secrets."""
    live = {
        "data": {"a": "MQ=="},
        "metadata": {"name": "s", "annotations": {objects.LAST_APPLIED: "{...}"}, "managedFields": []},
    }
    state = objects.state(live, SECRET, Properties({"stringData": {"a": "1"}}), "manager")
    assert state.values["metadata"] == {"name": "s", "annotations": {}}
    wire = state.to_wire()
    assert wire["data"].is_secret
    assert wire["__inputs"].value["stringData"].is_secret
    assert wire["__fieldManager"] == PropertyValue("manager")


def test_invalid_provider_settings_are_reported_together():
    """All unsupported and invalid settings are in one error."""
    variables = {
        "kubernetes:config:renderYamlToDirectory": "out",
        "kubernetes:config:helmReleaseSettings": '{"driver":"secret"}',
        "kubernetes:config:enableConfigMapMutable": "yes",
        "kubernetes:config:kubeClientSettings": '{"burst":"many"}',
    }
    with pytest.raises(InvalidInputError) as caught:
        Settings.parse(variables, {})
    assert len(caught.value.problems) == 4
    for word in ("renderYamlToDirectory", "helmReleaseSettings", "enableConfigMapMutable is 'yes'", "burst"):
        assert word in str(caught.value)


def test_provider_settings_override_the_environment():
    """Settings of the provider override the environment, as in the official plugin."""
    settings = Settings.parse(
        {
            "kubernetes:config:kubeClientSettings": '{"qps":5,"timeout":3}',
            "kubernetes:config:enableSecretMutable": "false",
        },
        {"PULUMI_K8S_ENABLE_SECRET_MUTABLE": "true", "PULUMI_K8S_DELETE_UNREACHABLE": "true"},
    )
    assert settings == Settings(client=ClientSettings(qps=5, timeout=3), delete_unreachable=True)


def kubeconfig(server="https://a", context="x", **more):
    return json.dumps(
        {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": context,
            **more,
        },
    )


def test_kubeconfig_as_text_path_or_environment(tmp_path):
    """A kubeconfig can be text, a path, or the files of KUBECONFIG, which are merged."""
    file = tmp_path / "config"
    file.write_text(kubeconfig())
    other = tmp_path / "other"
    other.write_text(kubeconfig("https://b").replace('"c"', '"c2"').replace('"x"', '"x2"'))
    assert select(Settings(kubeconfig=kubeconfig())).cluster.server == "https://a"
    assert select(Settings(kubeconfig=str(file))).fname == file
    environ = {"KUBECONFIG": f"{tmp_path / 'missing'}:{file}:{other}"}
    assert select(Settings(), environ).cluster.server == "https://a"
    assert select(Settings(context="x2"), environ).cluster.server == "https://b"
    assert select(Settings(cluster="c2"), environ).cluster.server == "https://b"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(kubeconfig="/no/such/file"), "neither a kubeconfig nor the path of a file"),
        (Settings(kubeconfig=kubeconfig(context="nope")), "has no context 'nope'; it has: x"),
        (Settings(kubeconfig="{clusters: []"), "is not YAML"),
        (Settings(kubeconfig="{}"), "is not a kubeconfig"),
        (Settings(kubeconfig=kubeconfig(), cluster="d"), "has no cluster 'd'; it has: c"),
    ],
)
def test_invalid_kubeconfigs_are_rejected(settings, message):
    """The error of an invalid kubeconfig names the missing part."""
    with pytest.raises(KubeconfigError, match=message):
        select(settings)


def test_missing_kubeconfig_is_reported(tmp_path):
    """Without a kubeconfig the error lists the searched locations."""
    with pytest.raises(KubeconfigError, match="KUBECONFIG"):
        load("", {"KUBECONFIG": str(tmp_path / "missing")})


@pytest.mark.parametrize(
    ("old", "new", "changes", "replaces"),
    [
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig()}, False, False),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(preferences={})}, True, False),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig("https://b")}, True, True),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": UNKNOWN}, True, True),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(), "namespace": "n"}, True, False),
        (
            {"kubeconfig": kubeconfig(), "clusterIdentifier": "1"},
            {"kubeconfig": kubeconfig("https://b"), "clusterIdentifier": "1"},
            True,
            False,
        ),
        (
            {"kubeconfig": kubeconfig(), "clusterIdentifier": "1"},
            {"kubeconfig": kubeconfig(), "clusterIdentifier": "2"},
            True,
            True,
        ),
    ],
)
def test_provider_changes_replace_objects_of_another_cluster(old, new, changes, replaces):
    """Another cluster replaces the objects; clusterIdentifier, if set, alone identifies the cluster."""
    response = diff_configuration(old, new)
    assert response.changes is changes
    assert bool(response.replaces) is replaces


def test_difference_paths_have_pulumis_format():
    """The path of a difference has Pulumi's format."""
    (difference,) = differences(
        {"metadata": {"annotations": {"a.b/c": "1"}}}, {"metadata": {"annotations": {"a.b/c": "2"}}}
    )
    assert dotted(difference.path) == 'metadata.annotations["a.b/c"]'
