"""Single objects of the kubernetes plugin: patches, conflicts, imports, readiness and names."""

import threading

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, ServiceAccount

from lab.plugins.errors import InitError, InvalidInputError, PluginError
from lab.plugins.kubernetes.apply import AlreadyExistsError
from lab.plugins.kubernetes.client import ApiError
from lab.plugins.kubernetes.discovery import NotServedError
from lab.plugins.values import plain

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
PATCH = "kubernetes:core/v1:ConfigMapPatch"


def named(namespace, data, name="shared", **annotations):
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture
def shared(cluster, namespace):
    """A ConfigMap of another writer."""
    cluster.create(ConfigMap(metadata=ObjectMeta(name="shared", namespace=namespace), data={"a": "theirs"}))
    return lambda: cluster.get(ConfigMap, "shared", namespace=namespace).data


def test_patch_conflict_names_the_manager(plugin, namespace, shared):
    """A field of another field manager is a conflict; the error has the manager, the field and two fixes."""
    with pytest.raises(ApiError) as caught:
        plugin.create(PATCH, named(namespace, {"a": "mine"}))
    message = str(caught.value)
    assert message.startswith(f"ConfigMap {namespace}/shared: Apply failed with 1 conflict: conflict with")
    assert '"somebody-else"' in message
    assert "remove data.a from this resource" in message
    assert 'pulumi.com/patchForce: "true"' in message
    assert shared() == {"a": "theirs"}


@pytest.mark.parametrize("by", ["annotation", "provider"])
def test_forced_patch_takes_ownership(plugin, namespace, shared, by):
    """patchForce takes ownership of a field, for one resource or for all of a provider."""
    if by == "provider":
        plugin.configure(enablePatchForce="true")
    force = {"pulumi.com/patchForce": "true"} if by == "annotation" else {}
    plugin.create(PATCH, named(namespace, {"a": "mine"}, **force))
    assert shared() == {"a": "mine"}


def test_patch_field_manager(plugin, cluster, namespace, shared):
    """A patch can set its field manager, and each other resource has its own."""
    plugin.create(PATCH, named(namespace, {"b": "1"}, **{"pulumi.com/patchFieldManager": "me"}))
    first = plugin.create(PATCH, named(namespace, {"c": "1"}))[1]["__fieldManager"]
    second = plugin.create(PATCH, named(namespace, {"d": "1"}))[1]["__fieldManager"]
    assert shared() == {"a": "theirs", "b": "1", "c": "1", "d": "1"}
    managers = cluster.get(ConfigMap, "shared", namespace=namespace).metadata.managedFields
    assert {"me", first, second} <= {each.manager for each in managers if each.operation == "Apply"}
    assert first != second


def test_patch_with_a_required_field_cannot_be_deleted(plugin, cluster, namespace):
    """Deleting a patch with a required field of the object fails with a fix."""
    containers = [{"name": "main", "image": "a"}]
    pod = {"metadata": {"name": "pod", "namespace": namespace}, "spec": {"containers": containers}}
    skip = {"annotations": {"pulumi.com/skipAwait": "true"}}
    manager = {"pulumi.com/patchFieldManager": "one"}
    document = {**pod, "metadata": {**pod["metadata"], "annotations": {**skip["annotations"], **manager}}}
    plugin.create("kubernetes:core/v1:Pod", {"apiVersion": "v1", "kind": "Pod", **document})
    patch = {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {**pod["metadata"], "annotations": manager}}
    identity, state = plugin.create("kubernetes:core/v1:PodPatch", patch)
    with pytest.raises(PluginError, match=r"cannot be without spec\.containers(.|\n)*retain_on_delete"):
        plugin.delete("kubernetes:core/v1:PodPatch", identity, state)
    assert cluster.get(Pod, "pod", namespace=namespace).spec.containers[0].image == "a"


def test_patch_creates_a_missing_object(plugin, cluster, namespace):
    """Server-side apply creates the object of a patch if it does not exist.

    Source: pulumi-kubernetes, provider/pkg/await/await.go, Creation.
    """
    assert plugin.create(PATCH, named(namespace, {"a": "1"}), preview=True)[1]["data"] == {"a": "1"}
    plugin.create(PATCH, named(namespace, {"a": "1"}))
    assert cluster.get(ConfigMap, "shared", namespace=namespace).data == {"a": "1"}


def test_deleted_patch_creates_a_missing_object(plugin, cluster, namespace, shared):
    """Deleting the patch of an object that was deleted creates the object, without the fields of the patch.

    Source: pulumi-kubernetes, provider/pkg/ssa/actions.go, Relinquish.
    """
    identity, state = plugin.create(PATCH, named(namespace, {"b": "1"}))
    cluster.delete(ConfigMap, "shared", namespace=namespace)
    plugin.delete(PATCH, identity, state)
    assert not shared()


def test_refreshed_patch_of_a_missing_object_is_removed(plugin, cluster, namespace, shared):
    """A refresh removes the patch of an object that was deleted from the state, so that a destroy creates nothing."""
    identity, state = plugin.create(PATCH, named(namespace, {"b": "1"}))
    cluster.delete(ConfigMap, "shared", namespace=namespace)
    assert not plugin.read(PATCH, identity, state).resource_id


def test_invalid_object_inputs_are_reported_together(plugin):
    """All problems of the inputs are in one error."""
    plugin.configure(enableServerSideApply="false")
    annotations = {"pulumi.com/waitFor": "x", "pulumi.com/timeoutSeconds": "long"}
    with pytest.raises(InvalidInputError) as caught:
        plugin.check(PATCH, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": annotations}})
    words = ("needs server-side apply", "needs metadata.name", "pulumi.com/waitFor is not covered", "whole seconds")
    assert len(caught.value.problems) == len(words)
    for word in words:
        assert word in str(caught.value)


def test_list_is_rejected(plugin):
    """A List is rejected, because its objects must be declared."""
    with pytest.raises(InvalidInputError, match="declare each of them"):
        plugin.check("kubernetes:core/v1:ConfigMapList", {"apiVersion": "v1", "kind": "ConfigMapList", "items": []})


def test_existing_object_is_not_overwritten(plugin, namespace, shared):
    """Creating an existing object fails with a fix to adopt it, unless the provider allows it."""
    with pytest.raises(AlreadyExistsError, match=rf"`import` \('{namespace}/shared'\)"):
        plugin.create(CONFIG_MAP, named(namespace, {"b": "1"}))
    plugin.configure(upsertExistingObjects="true")
    plugin.create(CONFIG_MAP, named(namespace, {"b": "1"}))
    assert shared() == {"a": "theirs", "b": "1"}


def test_existing_object_is_not_overwritten_client_side(plugin, namespace, shared):
    """Without server-side apply, creating an existing object fails with a fix too."""
    plugin.configure(enableServerSideApply="false")
    with pytest.raises(AlreadyExistsError):
        plugin.create(CONFIG_MAP, named(namespace, {"b": "1"}))
    assert shared() == {"a": "theirs"}


def test_import_reads_the_object(plugin, namespace, shared):
    """An import reads all fields that the server does not set, and a missing object has no id."""
    read = plugin.read(CONFIG_MAP, f"{namespace}/shared")
    metadata = {"name": "shared", "namespace": namespace}
    assert plain(read.inputs) == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": shared()}
    assert plugin.read(CONFIG_MAP, f"{namespace}/other").resource_id is None


def test_unknown_kind(plugin, namespace):
    """An object of an unknown kind is previewed, as its definition may be created first; the update names the kind."""
    token = "kubernetes:example.com/v1:Unheard"
    document = {"apiVersion": "example.com/v1", "kind": "Unheard", "metadata": {"name": "u", "namespace": namespace}}
    assert plugin.create(token, document, preview=True)[1]["kind"] == "Unheard"
    with pytest.raises(NotServedError, match=r"does not serve example\.com/v1 Unheard"):
        plugin.create(token, document)


def test_missing_namespace(plugin, namespace):
    """An object in a missing namespace is previewed, and the update fails with the API server's message."""
    document = named(f"{namespace}-to-come", {})
    assert plugin.create(CONFIG_MAP, document, preview=True)[1]["metadata"]["name"] == "shared"
    with pytest.raises(ApiError, match=f'namespaces "{namespace}-to-come" not found'):
        plugin.create(CONFIG_MAP, document)


def test_immutable_field_is_rejected_with_a_fix(plugin, namespace):
    """A change of an immutable field fails with a fix."""
    document = {**named(namespace, {"a": "1"}), "immutable": True}
    identity, state = plugin.create(CONFIG_MAP, document)
    with pytest.raises(ApiError, match=r"immutable(.|\n)*replace_on_changes"):
        plugin.update(CONFIG_MAP, identity, state, {**document, "data": {"a": "2"}})


def test_update_of_a_deleted_object_fails(plugin, cluster, namespace):
    """An object that was deleted outside Pulumi is not created again by an update."""
    identity, state = plugin.create(CONFIG_MAP, named(namespace, {"a": "1"}))
    cluster.delete(ConfigMap, "shared", namespace=namespace)
    with pytest.raises(PluginError, match=r"does not exist in the cluster(.|\n)*pulumi refresh"):
        plugin.update(CONFIG_MAP, identity, state, named(namespace, {"a": "1"}, note="new"))


def test_delete_of_a_deleted_object_succeeds(plugin, namespace, missing):
    """Delete waits until the object is deleted, and accepts a missing object."""
    identity, state = plugin.create(CONFIG_MAP, named(namespace, {"a": "1"}))
    plugin.delete(CONFIG_MAP, identity, state)
    assert missing(ConfigMap, "shared", namespace)
    plugin.delete(CONFIG_MAP, identity, state)


def test_delete_timeout_names_the_finalizer(plugin, cluster, namespace):
    """A deletion that a finalizer blocks times out, and the error names the finalizer."""
    document = named(namespace, {"a": "1"}, **{"pulumi.com/timeoutSeconds": "1"})
    document["metadata"]["finalizers"] = ["example.com/wait"]
    identity, state = plugin.create(CONFIG_MAP, document)
    with pytest.raises(
        PluginError, match=r"1 seconds are over, and .* still exists; its finalizers: .*example\.com/wait"
    ):
        plugin.delete(CONFIG_MAP, identity, state)
    cluster.patch(ConfigMap, "shared", {"metadata": {"finalizers": None}}, namespace=namespace)


def test_generate_name(plugin, cluster, namespace):
    """generateName gives each object a different name, and an update finds the object by its id."""
    document = named(namespace, {"a": "1"})
    document["metadata"] = {"generateName": "generated-", "namespace": namespace}
    identity, state = plugin.create(CONFIG_MAP, document)
    name = identity.removeprefix(f"{namespace}/")
    assert name.startswith("generated-")
    assert len(name) == len("generated-") + 5
    document["metadata"]["labels"] = {"a": "1"}
    plugin.update(CONFIG_MAP, identity, state, document)
    assert cluster.get(ConfigMap, name, namespace=namespace).metadata.labels == {"a": "1"}


def pod(namespace, **annotations):
    metadata = {"name": "pod", "namespace": namespace, "annotations": annotations}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": "amazon/aws-cli"}]}}


def test_pod_that_is_not_ready_fails_the_update(plugin, cluster, namespace):
    """A pod that is not ready in time fails the update with the reason, and stays in the state."""
    with pytest.raises(
        InitError, match=r"1 seconds are over, and Pod .*/pod is not ready: its phase is Pending"
    ) as caught:
        plugin.create("kubernetes:core/v1:Pod", pod(namespace, **{"pulumi.com/timeoutSeconds": "1"}))
    assert caught.value.resource_id == f"{namespace}/pod"
    assert plain(caught.value.properties)["status"]["phase"] == "Pending"
    assert cluster.get(Pod, "pod", namespace=namespace).status.phase == "Pending"


def kubelet(cluster, namespace, status):
    """Set the status of the first pod of the namespace, as a node does."""

    def run():
        for _, pod in cluster.watch(Pod, namespace=namespace):
            cluster.patch(Pod.Status, pod.metadata.name, {"status": status}, namespace=namespace)
            return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_update_waits_until_the_pod_is_ready(plugin, cluster, namespace):
    """An update continues when its pod is ready."""
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    node = kubelet(cluster, namespace, ready)
    _, state = plugin.create("kubernetes:core/v1:Pod", pod(namespace))
    node.join()
    assert state["status"]["phase"] == "Running"


def test_failed_pod_fails_the_update(plugin, cluster, namespace):
    """An update does not wait for a failed pod, and the error has its container's reason."""
    terminated = {"exitCode": 1, "reason": "Error", "message": "no such bucket"}
    container = {"name": "main", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
    failed = {"phase": "Failed", "containerStatuses": [{**container, "state": {"terminated": terminated}}]}
    node = kubelet(cluster, namespace, failed)
    with pytest.raises(InitError, match=r"has failed; container main .*no such bucket"):
        plugin.create("kubernetes:core/v1:Pod", pod(namespace))
    node.join()


def test_cancel_stops_waiting(plugin, cluster, namespace):
    """A cancelled update stops waiting for a pod."""
    plugin.plugin.cancelled.set()
    with pytest.raises(InitError, match="the update was cancelled, and Pod"):
        plugin.create("kubernetes:core/v1:Pod", pod(namespace))
    assert cluster.get(Namespace, namespace).status.phase == "Active"


def test_secret_data_is_secret_after_check(plugin, namespace):
    """Check marks the strings of a Secret as secret."""
    identity, state = plugin.create(
        "kubernetes:core/v1:Secret",
        {"metadata": {"name": "s", "namespace": namespace}, "stringData": {"a": "1"}},
    )
    read = plugin.read("kubernetes:core/v1:Secret", identity, state)
    assert read.inputs["stringData"].is_secret
    assert read.properties["data"].is_secret
    assert plain(read.inputs)["stringData"] == {"a": "1"}


def test_patch_annotates_an_existing_service_account(plugin, cluster, namespace):
    """A patch annotates a service account of another writer and keeps its fields."""
    labels = {"theirs": "1"}
    cluster.create(ServiceAccount(metadata=ObjectMeta(name="robot", namespace=namespace, labels=labels)))
    metadata = {"name": "robot", "namespace": namespace, "annotations": {"role": "a"}}
    patch = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    identity, state = plugin.create("kubernetes:core/v1:ServiceAccountPatch", patch)
    metadata = cluster.get(ServiceAccount, "robot", namespace=namespace).metadata
    assert (metadata.annotations, metadata.labels) == ({"role": "a"}, labels)
    plugin.delete("kubernetes:core/v1:ServiceAccountPatch", identity, state)
    assert not cluster.get(ServiceAccount, "robot", namespace=namespace).metadata.annotations
