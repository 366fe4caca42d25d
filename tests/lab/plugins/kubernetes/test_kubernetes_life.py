"""Kubernetes objects in the lab's kubernetes plugin: all kinds in one stack, through all operations of the engine.

Each run of the engine takes seconds, so the stack goes through each step once, and every test verifies one aspect.
"""

from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s
import pytest
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, Secret, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from support.kubernetes_engine import Outcome, Stack

RBAC = "rbac.authorization.k8s.io"
OPERATORS = [{"kind": "Group", "name": "operators", "api_group": RBAC}]
TAG = "tour"
GROUP = "tour.example.com"
THING = create_namespaced_resource(GROUP, "v1", "Thing", "things")
OBJECTS = 27
"""The number of resources of `declare`, the stack and its four providers included."""


def declare(version, late_kubeconfig, *, second_patch=True):
    """Return the program. Objects with `version` change between steps; one provider gets `late_kubeconfig` late."""

    def program(options):
        def metadata(name, **more):
            return {"name": name, "namespace": TAG, **more}

        def provider(name, **settings):
            return pulumi.ResourceOptions(provider=k8s.Provider(name, kubeconfig=kubeconfig, **settings))

        def with_options(base, **more):
            return pulumi.ResourceOptions.merge(base, pulumi.ResourceOptions(**more))

        kubeconfig = options.provider.kubeconfig
        mutable = provider("mutable", enable_config_map_mutable=True)
        client_side = provider("client-side", enable_server_side_apply=False)

        inner = k8s.core.v1.Namespace("inner", metadata={"name": f"{TAG}-inner"}, opts=options)
        account = k8s.core.v1.ServiceAccount
        account("inside", metadata={"name": "inside", "namespace": inner.metadata["name"]}, opts=options)
        account("annotated", metadata=metadata("annotated", annotations={"role": version}), opts=options)
        lost = {"lost": "1"} if version == "1" else {}
        account("shared", metadata=metadata("shared", annotations={"mine": version, **lost}), opts=options)
        account("client-side", metadata=metadata("by-client", annotations={"mine": version, **lost}), opts=client_side)

        config_map = k8s.core.v1.ConfigMap
        config_map("named", metadata=metadata("named"), data={"a": version}, opts=options)
        config_map("automatic", metadata={"namespace": TAG}, data={"a": version}, opts=options)
        config_map("mutable", metadata=metadata("mutable"), data={"a": version, **lost}, opts=mutable)
        config_map(
            "ignored",
            metadata=metadata("ignored", labels={"version": version}),
            data={"mine": "1"},
            opts=with_options(mutable, ignore_changes=["data"]),
        )
        config_map(
            "imported",
            metadata=metadata("imported"),
            data={"a": "1"},
            opts=with_options(options, import_=f"{TAG}/imported"),
        )

        secret = {"word": "swordfish", "version": version}
        k8s.core.v1.Secret("secret", metadata=metadata("secret"), string_data=secret, opts=options)
        k8s.core.v1.Pod(
            "pod",
            metadata=metadata("pod", annotations={"pulumi.com/skipAwait": "true"}),
            spec={"containers": [{"name": "main", "image": f"amazon/aws-cli:{version}"}]},
            opts=options,
        )

        rule = {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"][: int(version)]}
        cluster_role = k8s.rbac.v1.ClusterRole("cluster-role", metadata={"name": TAG}, rules=[rule], opts=options)
        k8s.rbac.v1.Role("role", metadata=metadata("role"), rules=[rule], opts=options)
        bound = {"api_group": RBAC, "kind": "ClusterRole", "name": cluster_role.metadata["name"]}
        other = {**bound, "name": "view"} if version == "2" else bound
        binding = {"role_ref": other, "subjects": OPERATORS, "opts": options}
        k8s.rbac.v1.ClusterRoleBinding("cluster-binding", metadata={"name": TAG}, **binding)
        k8s.rbac.v1.RoleBinding("binding", metadata=metadata("binding"), **binding)

        schema = {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
        served = {"name": "v1", "served": True, "storage": True, "schema": {"open_apiv3_schema": schema}}
        definition = k8s.apiextensions.v1.CustomResourceDefinition(
            "definition",
            metadata={"name": f"things.{GROUP}"},
            spec={
                "group": GROUP,
                "names": {"plural": "things", "kind": "Thing"},
                "scope": "Namespaced",
                "versions": [served],
            },
            opts=options,
        )
        k8s.apiextensions.CustomResource(
            "thing",
            api_version=f"{GROUP}/v1",
            kind="Thing",
            metadata=metadata("thing"),
            spec={"size": int(version)},
            opts=with_options(options, depends_on=[definition]),
        )
        stored = config_map(
            "kubeconfig",
            metadata={"namespace": TAG, "generateName": "generated-"},
            data={"config": late_kubeconfig},
            opts=options,
        )
        # A generated name, and every value computed from it, is known only after the update.
        late = pulumi.Output.all(stored.metadata["name"], stored.data["config"]).apply(lambda parts: parts[1])
        on_it = pulumi.ResourceOptions(provider=k8s.Provider("late", kubeconfig=late))
        account("on-it", metadata=metadata("on-it"), opts=on_it)

        patch = k8s.core.v1.ConfigMapPatch
        patch("one", metadata=metadata("patched"), data={"one": version}, opts=options)
        if second_patch:
            patch("two", metadata=metadata("patched"), data={"two": version}, opts=options)

    return program


@dataclass
class Lifecycle:
    """The results of each step."""

    previewed: Outcome
    created: Outcome
    second_update: Outcome
    changed: Outcome = field(default_factory=Outcome)
    refreshed: Outcome = field(default_factory=Outcome)
    moved: Outcome = field(default_factory=Outcome)
    drifted: Outcome = field(default_factory=Outcome)
    drift_preview: Outcome = field(default_factory=Outcome)
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    state: str = ""
    remaining: dict = field(default_factory=dict)


def list_objects(cluster):
    """Return the objects of all kinds in the cluster by kind and name."""
    kinds = (ConfigMap, Namespace, Pod, Secret, ServiceAccount, ClusterRole, ClusterRoleBinding, Role, RoleBinding)
    objects = {}
    for kind in kinds:
        namespaced = kind not in {Namespace, ClusterRole, ClusterRoleBinding}
        for item in cluster.list(kind, **({"namespace": TAG} if namespaced else {})):
            objects[kind.__name__, item.metadata.name] = item
    return objects


@pytest.fixture(scope="module")
def lifecycle(engine, api_server, cluster, tmp_path_factory, pulumi_home, engine_environment):
    stack = Stack(engine, tmp_path_factory.mktemp("lifecycle"), pulumi_home, engine_environment)
    stack.provider["kubeconfig"] = api_server.kubeconfig
    cluster.create(Namespace(metadata=ObjectMeta(name=TAG)))
    for name, data in (("patched", {"theirs": "0"}), ("imported", {"a": "1"})):
        cluster.create(ConfigMap(metadata=ObjectMeta(name=name, namespace=TAG), data=data))
    try:
        first = declare("1", api_server.kubeconfig)
        previewed, created = (stack.outcome(step, first) for step in ("preview", "up"))
        results = Lifecycle(previewed, created, second_update=stack.outcome("up", first), before=list_objects(cluster))
        for name in ("shared", "by-client"):
            cluster.patch(ServiceAccount, name, {"metadata": {"annotations": {"theirs": "1"}}}, namespace=TAG)
        cluster.patch(ConfigMap, "ignored", {"data": {"mine": "changed", "theirs": "1"}}, namespace=TAG)
        second = declare("2", api_server.kubeconfig, second_patch=False)
        stack.provider["kubeconfig"] += "preferences: {}\n"
        results.changed = stack.outcome("up", second)
        results.after, results.state = list_objects(cluster), stack.state()
        results.after["thing"] = cluster.get(THING, "thing", namespace=TAG)
        results.refreshed = stack.outcome("refresh")
        kubeconfig = stack.provider["kubeconfig"]
        stack.provider["kubeconfig"] = kubeconfig.replace("127.0.0.1", "localhost")
        results.moved = stack.outcome("preview", second)
        stack.provider["kubeconfig"] = kubeconfig
        cluster.patch(Secret, "secret", {"stringData": {"word": "drifted"}}, namespace=TAG)
        cluster.patch(ServiceAccount, "annotated", {"metadata": {"annotations": {"other": "1"}}}, namespace=TAG)
        cluster.delete(Role, "role", namespace=TAG)
        results.drifted = stack.outcome("refresh")
        results.drift_preview = stack.outcome("preview", second)
    finally:
        stack.destroy()
    results.remaining = list_objects(cluster)
    yield results
    cluster.delete(Namespace, TAG)


def steps(outcome, name):
    """Return the operations on a resource and their causes."""
    return {(step.operation, step.causes) for step in outcome.steps if step.name == name}


def test_create_of_all_kinds(lifecycle):
    """Preview and update create all kinds, objects in a namespace of the same update included."""
    expected = {"create": OBJECTS - 1, "import": 1}
    assert (lifecycle.previewed.changes, lifecycle.created.changes) == (expected, expected)


def test_second_update_of_kubernetes_objects_changes_nothing(lifecycle):
    """A second update has no changes."""
    assert lifecycle.second_update.changes == {"same": OBJECTS}


def test_named_config_map_is_replaced_delete_first(lifecycle):
    """Changed data replaces a ConfigMap with `data.a` as the cause; one with an explicit name is deleted first."""
    assert [(step.operation, step.causes) for step in lifecycle.changed.steps if step.name == "named"] == [
        ("delete-replaced", ()),
        ("replace", ("data.a",)),
        ("create-replacement", ("data.a",)),
    ]
    before, after = lifecycle.before["ConfigMap", "named"], lifecycle.after["ConfigMap", "named"]
    assert after.data == {"a": "2"}
    assert after.metadata.uid != before.metadata.uid


def test_config_map_with_automatic_name_is_created_before_deleted(lifecycle):
    """A ConfigMap without a name has its logical name as prefix, and its replacement is created before its deletion."""
    operations = [step.operation for step in lifecycle.changed.steps if step.name == "automatic"]
    assert operations.index("create-replacement") < operations.index("delete-replaced")
    (before,), (after,) = (
        [name for kind, name in keys if kind == "ConfigMap" and name.startswith("automatic-")]
        for keys in (lifecycle.before, (key for key in lifecycle.after if key != "thing"))
    )
    assert before != after
    assert len(after) == len("automatic-") + 8


def test_mutable_config_map_changes_in_place(lifecycle):
    """With enable_config_map_mutable data changes in place, and removed keys are deleted."""
    before, after = lifecycle.before["ConfigMap", "mutable"], lifecycle.after["ConfigMap", "mutable"]
    assert (after.data, after.metadata.uid) == ({"a": "2"}, before.metadata.uid)


def test_ignore_changes_keeps_data_of_other_writers(lifecycle):
    """With ignore_changes on data, an update of other fields keeps data of other writers."""
    after = lifecycle.after["ConfigMap", "ignored"]
    assert after.data == {"mine": "changed", "theirs": "1"}
    assert after.metadata.labels == {"version": "2"}


def test_annotation_changes_in_place(lifecycle):
    """A changed annotation of a ServiceAccount keeps the object's uid."""
    before, after = lifecycle.before["ServiceAccount", "annotated"], lifecycle.after["ServiceAccount", "annotated"]
    assert (before.metadata.annotations, after.metadata.annotations) == ({"role": "1"}, {"role": "2"})
    assert after.metadata.uid == before.metadata.uid


@pytest.mark.parametrize("name", ["shared", "by-client"])
def test_update_keeps_fields_of_other_writers(lifecycle, name):
    """With and without server-side apply, an update keeps fields of other writers and deletes its own removed ones."""
    assert lifecycle.after["ServiceAccount", name].metadata.annotations == {"mine": "2", "theirs": "1"}


def test_client_side_apply_sets_the_managed_by_label(lifecycle):
    """Objects without server-side apply have Pulumi's managed-by label; the others have field managers."""
    assert lifecycle.after["ServiceAccount", "by-client"].metadata.labels == {"app.kubernetes.io/managed-by": "pulumi"}
    assert lifecycle.after["ServiceAccount", "shared"].metadata.labels is None


def test_role_rules_change_in_place(lifecycle):
    """Changed rules keep the uid of Role and ClusterRole."""
    for kind, name in (("ClusterRole", TAG), ("Role", "role")):
        before, after = lifecycle.before[kind, name], lifecycle.after[kind, name]
        assert (before.rules[0].verbs, after.rules[0].verbs) == (["get"], ["get", "list"])
        assert before.metadata.uid == after.metadata.uid


def test_bindings_are_replaced(lifecycle):
    """A roleRef is immutable, so a change replaces the binding, with the field as cause."""
    for logical, kind, name in (("cluster-binding", "ClusterRoleBinding", TAG), ("binding", "RoleBinding", "binding")):
        assert ("replace", ("roleRef.name",)) in steps(lifecycle.changed, logical)
        assert lifecycle.after[kind, name].roleRef.name == "view"
        assert lifecycle.after[kind, name].subjects[0].name == "operators"


def test_secret_data_is_encrypted_in_the_state(lifecycle):
    """String data of a Secret is base64 encoded in the cluster, and encrypted in the state."""
    assert lifecycle.before["Secret", "secret"].data == {"word": "c3dvcmRmaXNo", "version": "MQ=="}
    assert "ServiceAccount" in lifecycle.state
    assert "swordfish" not in lifecycle.state
    assert "c3dvcmRmaXNo" not in lifecycle.state


def test_pod_image_change_replaces_the_pod(lifecycle):
    """A pod with pulumi.com/skipAwait is created without a node, and another image replaces it."""
    before, after = lifecycle.before["Pod", "pod"], lifecycle.after["Pod", "pod"]
    assert after.spec.containers[0].image == "amazon/aws-cli:2"
    assert after.metadata.uid != before.metadata.uid


def test_custom_resource_of_a_definition_in_the_stack(lifecycle):
    """A custom resource is created after the definition in the same stack, and changes in place."""
    assert lifecycle.after["thing"]["spec"] == {"size": 2}
    assert ("update", ()) in {(step.operation, ()) for step in lifecycle.changed.steps if step.name == "thing"}


def test_removed_patch_deletes_only_its_fields(lifecycle):
    """Two patches each set a key of another writer's object; the removal of one patch deletes only its key."""
    assert lifecycle.before["ConfigMap", "patched"].data == {"theirs": "0", "one": "1", "two": "1"}
    assert lifecycle.after["ConfigMap", "patched"].data == {"theirs": "0", "one": "2"}


def test_refresh_after_update_finds_no_drift(lifecycle):
    """A refresh after an update has no changes, even if the server changed the inputs."""
    assert set(lifecycle.refreshed.changes) <= {"same"}


def test_provider_with_an_unknown_kubeconfig(lifecycle):
    """Objects of a provider whose kubeconfig is unknown are previewed without an error, and created by the update."""
    for outcome in (lifecycle.previewed, lifecycle.created):
        assert steps(outcome, "late") == steps(outcome, "on-it") == {("create", ())}
    assert ("ServiceAccount", "on-it") in lifecycle.before


def test_changed_server_replaces_the_objects(lifecycle):
    """Another server in the kubeconfig replaces the provider's objects; changes of other fields do not."""
    assert steps(lifecycle.changed, "cluster") == {("update", ())}
    assert steps(lifecycle.changed, "imported") == {("same", ())}
    before, after = lifecycle.before["ServiceAccount", "annotated"], lifecycle.after["ServiceAccount", "annotated"]
    assert after.metadata.uid == before.metadata.uid
    assert lifecycle.moved.changes == {"same": 1, "replace": OBJECTS - 2}


def test_drift_of_kubernetes_objects_is_found(lifecycle):
    """A refresh finds fields and objects that others changed or deleted, but not fields that only others set."""
    assert lifecycle.drifted.changes["delete"] == 1
    assert ("create", ()) in steps(lifecycle.drift_preview, "role")
    assert ("replace", ("data.word",)) in steps(lifecycle.drift_preview, "secret")
    assert lifecycle.drift_preview.changes == {"create": 1, "replace": 1, "same": OBJECTS - 3}


def test_destroy_keeps_objects_of_other_writers(lifecycle):
    """Destroy deletes all objects of the stack, waits for their deletion, and keeps those of other writers."""
    remaining = {key for key in lifecycle.remaining if not key[1].startswith(("system:", "kube", "default"))}
    expected = {
        key for key in remaining if TAG in key[1] or key[0] not in {"ClusterRole", "ClusterRoleBinding", "Namespace"}
    }
    assert expected == {("Namespace", TAG), ("ConfigMap", "patched")}
    assert lifecycle.remaining["ConfigMap", "patched"].data == {"theirs": "0"}
