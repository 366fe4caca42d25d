"""Single objects: patches, conflicts, imports, readiness and names, one call at a time."""

import threading

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, ServiceAccount

from lab.plugins.errors import InitError, InvalidInputError, PluginError
from lab.plugins.kubernetes.apply import AlreadyExistsError
from lab.plugins.kubernetes.client import ApiError
from lab.plugins.kubernetes.discovery import NotServedError
from lab.plugins.kubernetes.provider import NothingToPatchError
from lab.plugins.values import plain

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
PATCH = "kubernetes:core/v1:ConfigMapPatch"


def named(namespace, data, name="shared", **annotations):
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture
def shared(cluster, namespace):
    """A ConfigMap that somebody else made."""
    cluster.create(ConfigMap(metadata=ObjectMeta(name="shared", namespace=namespace), data={"a": "theirs"}))
    return lambda: cluster.get(ConfigMap, "shared", namespace=namespace).data


def test_conflict(plugin, namespace, shared):
    """A field that another manager holds is a conflict: it names the manager, the field and both ways out."""
    with pytest.raises(ApiError) as caught:
        plugin.create(PATCH, named(namespace, {"a": "mine"}))
    message = str(caught.value)
    assert message.startswith(f"ConfigMap {namespace}/shared: Apply failed with 1 conflict: conflict with")
    assert '"somebody-else"' in message
    assert "remove data.a from this resource" in message
    assert 'pulumi.com/patchForce: "true"' in message
    assert shared() == {"a": "theirs"}


@pytest.mark.parametrize("by", ["annotation", "provider"])
def test_forced_patch(plugin, namespace, shared, by):
    """A field can be taken over by force, for one resource or for all of a provider."""
    if by == "provider":
        plugin.configure(enablePatchForce="true")
    force = {"pulumi.com/patchForce": "true"} if by == "annotation" else {}
    plugin.create(PATCH, named(namespace, {"a": "mine"}, **force))
    assert shared() == {"a": "mine"}


def test_own_field_manager(plugin, cluster, namespace, shared):
    """A patch can be given the name of its field manager, and each other resource has one of its own."""
    plugin.create(PATCH, named(namespace, {"b": "1"}, **{"pulumi.com/patchFieldManager": "me"}))
    first = plugin.create(PATCH, named(namespace, {"c": "1"}))[1]["__fieldManager"]
    second = plugin.create(PATCH, named(namespace, {"d": "1"}))[1]["__fieldManager"]
    assert shared() == {"a": "theirs", "b": "1", "c": "1", "d": "1"}
    managers = cluster.get(ConfigMap, "shared", namespace=namespace).metadata.managedFields
    assert {"me", first, second} <= {each.manager for each in managers if each.operation == "Apply"}
    assert first != second


def test_required_field_of_a_patch(plugin, cluster, namespace):
    """A patch that holds a field which the object cannot be without cannot go, and says what to do."""
    containers = [{"name": "main", "image": "a"}]
    pod = {"metadata": {"name": "pod", "namespace": namespace}, "spec": {"containers": containers}}
    skip = {"annotations": {"pulumi.com/skipAwait": "true"}}
    manager = {"pulumi.com/patchFieldManager": "one"}
    made = {**pod, "metadata": {**pod["metadata"], "annotations": {**skip["annotations"], **manager}}}
    plugin.create("kubernetes:core/v1:Pod", {"apiVersion": "v1", "kind": "Pod", **made})
    patch = {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {**pod["metadata"], "annotations": manager}}
    identity, state = plugin.create("kubernetes:core/v1:PodPatch", patch)
    with pytest.raises(PluginError, match=r"cannot be without spec\.containers(.|\n)*retain_on_delete"):
        plugin.delete("kubernetes:core/v1:PodPatch", identity, state)
    assert cluster.get(Pod, "pod", namespace=namespace).spec.containers[0].image == "a"


def test_patch_of_nothing(plugin, namespace):
    """A patch of what is not there is previewed, as it may be made first, and fails in the update if it was not."""
    assert plugin.create(PATCH, named(namespace, {"a": "1"}), preview=True)[1]["data"] == {"a": "1"}
    with pytest.raises(NothingToPatchError, match="declare a ConfigMap to create it"):
        plugin.create(PATCH, named(namespace, {"a": "1"}))


def test_refused_inputs(plugin):
    """All that is wrong with the inputs is said at once."""
    plugin.configure(enableServerSideApply="false")
    annotations = {"pulumi.com/waitFor": "x", "pulumi.com/timeoutSeconds": "long"}
    with pytest.raises(InvalidInputError) as caught:
        plugin.check(PATCH, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": annotations}})
    words = ("needs server-side apply", "needs metadata.name", "pulumi.com/waitFor is not covered", "whole seconds")
    assert len(caught.value.problems) == len(words)
    for word in words:
        assert word in str(caught.value)


def test_list(plugin):
    """A List is refused: its objects must be declared."""
    with pytest.raises(InvalidInputError, match="declare each of them"):
        plugin.check("kubernetes:core/v1:ConfigMapList", {"apiVersion": "v1", "kind": "ConfigMapList", "items": []})


def test_existing_object(plugin, namespace, shared):
    """An object that exists already is not overwritten; the message says how to adopt it. A provider may allow it."""
    with pytest.raises(AlreadyExistsError, match=rf"`import` \('{namespace}/shared'\)"):
        plugin.create(CONFIG_MAP, named(namespace, {"b": "1"}))
    plugin.configure(upsertExistingObjects="true")
    plugin.create(CONFIG_MAP, named(namespace, {"b": "1"}))
    assert shared() == {"a": "theirs", "b": "1"}


def test_existing_object_client_side(plugin, namespace, shared):
    """The same without server-side apply."""
    plugin.configure(enableServerSideApply="false")
    with pytest.raises(AlreadyExistsError):
        plugin.create(CONFIG_MAP, named(namespace, {"b": "1"}))
    assert shared() == {"a": "theirs"}


def test_import(plugin, namespace, shared):
    """An import reads all but what the server writes, and an object that is not there is gone."""
    read = plugin.read(CONFIG_MAP, f"{namespace}/shared")
    metadata = {"name": "shared", "namespace": namespace}
    assert plain(read.inputs) == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": shared()}
    assert plugin.read(CONFIG_MAP, f"{namespace}/other").resource_id is None


def test_kind_that_is_not_served(plugin, namespace):
    """An object of no known kind is previewed, as its definition may be made first; else the message names the kind."""
    token = "kubernetes:example.com/v1:Unheard"
    document = {"apiVersion": "example.com/v1", "kind": "Unheard", "metadata": {"name": "u", "namespace": namespace}}
    assert plugin.create(token, document, preview=True)[1]["kind"] == "Unheard"
    with pytest.raises(NotServedError, match=r"does not serve example\.com/v1 Unheard"):
        plugin.create(token, document)


def test_namespace_that_is_not_there_yet(plugin, namespace):
    """An object in a namespace that is not there is previewed, and refused in the API server's words."""
    document = named(f"{namespace}-to-come", {})
    assert plugin.create(CONFIG_MAP, document, preview=True)[1]["metadata"]["name"] == "shared"
    with pytest.raises(ApiError, match=f'namespaces "{namespace}-to-come" not found'):
        plugin.create(CONFIG_MAP, document)


def test_immutable_field(plugin, namespace):
    """A field that the API server will not change is its own refusal, with the way out."""
    document = {**named(namespace, {"a": "1"}), "immutable": True}
    identity, state = plugin.create(CONFIG_MAP, document)
    with pytest.raises(ApiError, match=r"immutable(.|\n)*replace_on_changes"):
        plugin.update(CONFIG_MAP, identity, state, {**document, "data": {"a": "2"}})


def test_update_of_what_is_gone(plugin, cluster, namespace):
    """An object that was deleted behind Pulumi's back is not made again in secret."""
    identity, state = plugin.create(CONFIG_MAP, named(namespace, {"a": "1"}))
    cluster.delete(ConfigMap, "shared", namespace=namespace)
    with pytest.raises(PluginError, match=r"does not exist in the cluster(.|\n)*pulumi refresh"):
        plugin.update(CONFIG_MAP, identity, state, named(namespace, {"a": "1"}, note="new"))


def test_delete_twice(plugin, namespace, missing):
    """Deleting waits until the object is gone, and what is gone already is no error."""
    identity, state = plugin.create(CONFIG_MAP, named(namespace, {"a": "1"}))
    plugin.delete(CONFIG_MAP, identity, state)
    assert missing(ConfigMap, "shared", namespace)
    plugin.delete(CONFIG_MAP, identity, state)


def test_delete_that_is_held_up(plugin, cluster, namespace):
    """A deletion that a finalizer holds up ends with the time, and names the finalizer."""
    document = named(namespace, {"a": "1"}, **{"pulumi.com/timeoutSeconds": "1"})
    document["metadata"]["finalizers"] = ["example.com/wait"]
    identity, state = plugin.create(CONFIG_MAP, document)
    with pytest.raises(
        PluginError, match=r"1 seconds are over, and .* still exists; its finalizers: .*example\.com/wait"
    ):
        plugin.delete(CONFIG_MAP, identity, state)
    cluster.patch(ConfigMap, "shared", {"metadata": {"finalizers": None}}, namespace=namespace)


def test_generated_name(plugin, cluster, namespace):
    """generateName gives a name of its own to each object, and an update finds it again by its id."""
    document = named(namespace, {"a": "1"})
    document["metadata"] = {"generateName": "made-", "namespace": namespace}
    identity, state = plugin.create(CONFIG_MAP, document)
    name = identity.removeprefix(f"{namespace}/")
    assert name.startswith("made-")
    assert len(name) == len("made-") + 5
    document["metadata"]["labels"] = {"a": "1"}
    plugin.update(CONFIG_MAP, identity, state, document)
    assert cluster.get(ConfigMap, name, namespace=namespace).metadata.labels == {"a": "1"}


def pod(namespace, **annotations):
    metadata = {"name": "pod", "namespace": namespace, "annotations": annotations}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": "amazon/aws-cli"}]}}


def test_pod_that_never_starts(plugin, cluster, namespace):
    """A pod that is not ready in time fails the update and says why; the engine is told to keep it in the state."""
    with pytest.raises(
        InitError, match=r"1 seconds are over, and Pod .*/pod is not ready: its phase is Pending"
    ) as caught:
        plugin.create("kubernetes:core/v1:Pod", pod(namespace, **{"pulumi.com/timeoutSeconds": "1"}))
    assert caught.value.resource_id == f"{namespace}/pod"
    assert plain(caught.value.properties)["status"]["phase"] == "Pending"
    assert cluster.get(Pod, "pod", namespace=namespace).status.phase == "Pending"


def kubelet(cluster, namespace, status):
    """Gives the first pod of the namespace `status`, as a node would."""

    def run():
        for _, found in cluster.watch(Pod, namespace=namespace):
            cluster.patch(Pod.Status, found.metadata.name, {"status": status}, namespace=namespace)
            return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_pod_becomes_ready(plugin, cluster, namespace):
    """An update goes on as soon as its pod is ready."""
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    node = kubelet(cluster, namespace, ready)
    _, state = plugin.create("kubernetes:core/v1:Pod", pod(namespace))
    node.join()
    assert state["status"]["phase"] == "Running"


def test_pod_that_fails(plugin, cluster, namespace):
    """A pod that has failed is not waited for any longer, and its container's reason is told."""
    terminated = {"exitCode": 1, "reason": "Error", "message": "no such bucket"}
    container = {"name": "main", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    failed = {"phase": "Failed", "containerStatuses": [{**container, "state": {"terminated": terminated}}]}
    node = kubelet(cluster, namespace, failed)
    with pytest.raises(InitError, match=r"has failed; container main .*no such bucket"):
        plugin.create("kubernetes:core/v1:Pod", pod(namespace))
    node.join()


def test_cancel(plugin, cluster, namespace):
    """A cancelled update stops waiting."""
    plugin.plugin.cancelled.set()
    with pytest.raises(InitError, match="the update was cancelled, and Pod"):
        plugin.create("kubernetes:core/v1:Pod", pod(namespace))
    assert cluster.get(Namespace, namespace).status.phase == "Active"


def test_secret_inputs_are_marked(plugin, namespace):
    """Whatever a program says, the strings of a Secret are secret from the check on."""
    identity, state = plugin.create(
        "kubernetes:core/v1:Secret",
        {"metadata": {"name": "s", "namespace": namespace}, "stringData": {"a": "1"}},
    )
    read = plugin.read("kubernetes:core/v1:Secret", identity, state)
    assert read.inputs["stringData"].is_secret
    assert read.properties["data"].is_secret
    assert plain(read.inputs)["stringData"] == {"a": "1"}


def test_patch_of_a_service_account(plugin, cluster, namespace):
    """An account made by others can be annotated by a patch and keeps what they set."""
    labels = {"theirs": "1"}
    cluster.create(ServiceAccount(metadata=ObjectMeta(name="robot", namespace=namespace, labels=labels)))
    metadata = {"name": "robot", "namespace": namespace, "annotations": {"role": "a"}}
    patch = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    identity, state = plugin.create("kubernetes:core/v1:ServiceAccountPatch", patch)
    found = cluster.get(ServiceAccount, "robot", namespace=namespace).metadata
    assert (found.annotations, found.labels) == ({"role": "a"}, labels)
    plugin.delete("kubernetes:core/v1:ServiceAccountPatch", identity, state)
    assert not cluster.get(ServiceAccount, "robot", namespace=namespace).metadata.annotations
