"""The life of a stack under the real engine: one stack with every kind of object that the lab has, step by step.

Each step of the engine costs seconds, so the stack goes through its life once, and every test looks at one aspect.
"""

from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as k8s
import pytest
from kubernetes_engine import Outcome, Stack
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, Secret, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

RBAC = "rbac.authorization.k8s.io"
OPERATORS = [{"kind": "Group", "name": "operators", "api_group": RBAC}]
TAG = "tour"
GROUP = "tour.example.com"
THING = create_namespaced_resource(GROUP, "v1", "Thing", "things")
OBJECTS = 27
"""How many resources `declare` declares, the stack and its four providers included."""


def declare(version, reached_by, *, second_patch=True):
    """The whole stack; what `version` is in changes from one step to the next. A provider is made by `reached_by`."""

    def program(options):
        def place(name, **more):
            return {"name": name, "namespace": TAG, **more}

        def provider(name, **settings):
            return pulumi.ResourceOptions(provider=k8s.Provider(name, kubeconfig=kubeconfig, **settings))

        def plus(base, **more):
            return pulumi.ResourceOptions.merge(base, pulumi.ResourceOptions(**more))

        kubeconfig = options.provider.kubeconfig
        mutable = provider("mutable", enable_config_map_mutable=True)
        client_side = provider("client-side", enable_server_side_apply=False)

        inner = k8s.core.v1.Namespace("inner", metadata={"name": f"{TAG}-inner"}, opts=options)
        account = k8s.core.v1.ServiceAccount
        account("inside", metadata={"name": "inside", "namespace": inner.metadata["name"]}, opts=options)
        account("annotated", metadata=place("annotated", annotations={"role": version}), opts=options)
        lost = {"lost": "1"} if version == "1" else {}
        account("shared", metadata=place("shared", annotations={"mine": version, **lost}), opts=options)
        account("client-side", metadata=place("by-client", annotations={"mine": version, **lost}), opts=client_side)

        config_map = k8s.core.v1.ConfigMap
        config_map("named", metadata=place("named"), data={"a": version}, opts=options)
        config_map("automatic", metadata={"namespace": TAG}, data={"a": version}, opts=options)
        config_map("mutable", metadata=place("mutable"), data={"a": version, **lost}, opts=mutable)
        config_map(
            "ignored",
            metadata=place("ignored", labels={"version": version}),
            data={"mine": "1"},
            opts=plus(mutable, ignore_changes=["data"]),
        )
        config_map(
            "imported", metadata=place("imported"), data={"a": "1"}, opts=plus(options, import_=f"{TAG}/imported")
        )

        secret = {"word": "swordfish", "version": version}
        k8s.core.v1.Secret("secret", metadata=place("secret"), string_data=secret, opts=options)
        k8s.core.v1.Pod(
            "pod",
            metadata=place("pod", annotations={"pulumi.com/skipAwait": "true"}),
            spec={"containers": [{"name": "main", "image": f"amazon/aws-cli:{version}"}]},
            opts=options,
        )

        rule = {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list"][: int(version)]}
        cluster_role = k8s.rbac.v1.ClusterRole("cluster-role", metadata={"name": TAG}, rules=[rule], opts=options)
        k8s.rbac.v1.Role("role", metadata=place("role"), rules=[rule], opts=options)
        bound = {"api_group": RBAC, "kind": "ClusterRole", "name": cluster_role.metadata["name"]}
        other = {**bound, "name": "view"} if version == "2" else bound
        binding = {"role_ref": other, "subjects": OPERATORS, "opts": options}
        k8s.rbac.v1.ClusterRoleBinding("cluster-binding", metadata={"name": TAG}, **binding)
        k8s.rbac.v1.RoleBinding("binding", metadata=place("binding"), **binding)

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
            metadata=place("thing"),
            spec={"size": int(version)},
            opts=plus(options, depends_on=[definition]),
        )
        held = config_map(
            "kubeconfig",
            metadata={"namespace": TAG, "generateName": "made-"},
            data={"config": reached_by},
            opts=options,
        )
        # A generated name is known after the update only, and so is all that is made of it.
        late = pulumi.Output.all(held.metadata["name"], held.data["config"]).apply(lambda parts: parts[1])
        on_it = pulumi.ResourceOptions(provider=k8s.Provider("made", kubeconfig=late))
        account("on-it", metadata=place("on-it"), opts=on_it)

        patch = k8s.core.v1.ConfigMapPatch
        patch("one", metadata=place("patched"), data={"one": version}, opts=options)
        if second_patch:
            patch("two", metadata=place("patched"), data={"two": version}, opts=options)

    return program


@dataclass
class Tour:
    """What was seen at each step."""

    previewed: Outcome
    created: Outcome
    again: Outcome
    changed: Outcome = field(default_factory=Outcome)
    refreshed: Outcome = field(default_factory=Outcome)
    moved: Outcome = field(default_factory=Outcome)
    drifted: Outcome = field(default_factory=Outcome)
    drift_shown: Outcome = field(default_factory=Outcome)
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    state: str = ""
    left: dict = field(default_factory=dict)


def look(cluster):
    """Everything of the tour that the cluster has, by kind and name."""
    kinds = (ConfigMap, Namespace, Pod, Secret, ServiceAccount, ClusterRole, ClusterRoleBinding, Role, RoleBinding)
    found = {}
    for kind in kinds:
        namespaced = kind not in {Namespace, ClusterRole, ClusterRoleBinding}
        for each in cluster.list(kind, **({"namespace": TAG} if namespaced else {})):
            found[kind.__name__, each.metadata.name] = each
    return found


@pytest.fixture(scope="module")
def tour(engine, api_server, cluster, tmp_path_factory, pulumi_home, engine_environment):
    stack = Stack(engine, tmp_path_factory.mktemp("tour"), pulumi_home, engine_environment)
    stack.provider["kubeconfig"] = api_server.kubeconfig
    cluster.create(Namespace(metadata=ObjectMeta(name=TAG)))
    for name, data in (("patched", {"theirs": "0"}), ("imported", {"a": "1"})):
        cluster.create(ConfigMap(metadata=ObjectMeta(name=name, namespace=TAG), data=data))
    try:
        first = declare("1", api_server.kubeconfig)
        previewed, created = (stack.outcome(step, first) for step in ("preview", "up"))
        seen = Tour(previewed, created, again=stack.outcome("up", first), before=look(cluster))
        for name in ("shared", "by-client"):
            cluster.patch(ServiceAccount, name, {"metadata": {"annotations": {"theirs": "1"}}}, namespace=TAG)
        cluster.patch(ConfigMap, "ignored", {"data": {"mine": "changed", "theirs": "1"}}, namespace=TAG)
        second = declare("2", api_server.kubeconfig, second_patch=False)
        stack.provider["kubeconfig"] += "preferences: {}\n"
        seen.changed = stack.outcome("up", second)
        seen.after, seen.state = look(cluster), stack.state()
        seen.after["thing"] = cluster.get(THING, "thing", namespace=TAG)
        seen.refreshed = stack.outcome("refresh")
        here = stack.provider["kubeconfig"]
        stack.provider["kubeconfig"] = here.replace("127.0.0.1", "localhost")
        seen.moved = stack.outcome("preview", second)
        stack.provider["kubeconfig"] = here
        cluster.patch(Secret, "secret", {"stringData": {"word": "drifted"}}, namespace=TAG)
        cluster.patch(ServiceAccount, "annotated", {"metadata": {"annotations": {"other": "1"}}}, namespace=TAG)
        cluster.delete(Role, "role", namespace=TAG)
        seen.drifted = stack.outcome("refresh")
        seen.drift_shown = stack.outcome("preview", second)
    finally:
        stack.destroy()
    seen.left = look(cluster)
    yield seen
    cluster.delete(Namespace, TAG)


def steps(outcome, name):
    """What the engine did with a resource: operations and their causes."""
    return {(step.operation, step.causes) for step in outcome.steps if step.name == name}


def test_create(tour):
    """All kinds are previewed and made in one update, objects in a namespace of the same update included."""
    made = {"create": OBJECTS - 1, "import": 1}
    assert (tour.previewed.changes, tour.created.changes) == (made, made)


def test_nothing_to_do(tour):
    """A second update finds nothing to do."""
    assert tour.again.changes == {"same": OBJECTS}


def test_named_config_map_is_replaced_delete_first(tour):
    """Changed data replaces a ConfigMap, with `data.a` as the cause; one with a name of its own is deleted first."""
    assert [(step.operation, step.causes) for step in tour.changed.steps if step.name == "named"] == [
        ("delete-replaced", ()),
        ("replace", ("data.a",)),
        ("create-replacement", ("data.a",)),
    ]
    before, after = tour.before["ConfigMap", "named"], tour.after["ConfigMap", "named"]
    assert after.data == {"a": "2"}
    assert after.metadata.uid != before.metadata.uid


def test_automatic_name(tour):
    """A ConfigMap without a name is called after its logical name, and its replacement exists before it goes."""
    operations = [step.operation for step in tour.changed.steps if step.name == "automatic"]
    assert operations.index("create-replacement") < operations.index("delete-replaced")
    (before,), (after,) = (
        [name for kind, name in each if kind == "ConfigMap" and name.startswith("automatic-")]
        for each in (tour.before, (key for key in tour.after if key != "thing"))
    )
    assert before != after
    assert len(after) == len("automatic-") + 8


def test_mutable_config_map(tour):
    """With enable_config_map_mutable data changes in place, and a key that is taken out disappears."""
    before, after = tour.before["ConfigMap", "mutable"], tour.after["ConfigMap", "mutable"]
    assert (after.data, after.metadata.uid) == ({"a": "2"}, before.metadata.uid)


def test_ignored_changes(tour):
    """With ignore_changes on data, what others wrote there since survives a change of something else."""
    after = tour.after["ConfigMap", "ignored"]
    assert after.data == {"mine": "changed", "theirs": "1"}
    assert after.metadata.labels == {"version": "2"}


def test_annotation_in_place(tour):
    """The annotation of a ServiceAccount changes in place: the object keeps its uid."""
    before, after = tour.before["ServiceAccount", "annotated"], tour.after["ServiceAccount", "annotated"]
    assert (before.metadata.annotations, after.metadata.annotations) == ({"role": "1"}, {"role": "2"})
    assert after.metadata.uid == before.metadata.uid


@pytest.mark.parametrize("name", ["shared", "by-client"])
def test_fields_of_others(tour, name):
    """With and without server-side apply, fields of others survive an update, and own ones can be taken out."""
    assert tour.after["ServiceAccount", name].metadata.annotations == {"mine": "2", "theirs": "1"}


def test_managed_by(tour):
    """Objects that are not applied by the server are labelled as Pulumi's; the others have field managers."""
    assert tour.after["ServiceAccount", "by-client"].metadata.labels == {"app.kubernetes.io/managed-by": "pulumi"}
    assert tour.after["ServiceAccount", "shared"].metadata.labels is None


def test_roles_in_place(tour):
    """Rules change in place."""
    for kind, name in (("ClusterRole", TAG), ("Role", "role")):
        before, after = tour.before[kind, name], tour.after[kind, name]
        assert (before.rules[0].verbs, after.rules[0].verbs) == (["get"], ["get", "list"])
        assert before.metadata.uid == after.metadata.uid


def test_bindings_are_replaced(tour):
    """A binding's roleRef cannot change, so the binding is replaced, and says why."""
    for logical, kind, name in (("cluster-binding", "ClusterRoleBinding", TAG), ("binding", "RoleBinding", "binding")):
        assert ("replace", ("roleRef.name",)) in steps(tour.changed, logical)
        assert tour.after[kind, name].roleRef.name == "view"
        assert tour.after[kind, name].subjects[0].name == "operators"


def test_secret(tour):
    """A Secret's strings are sent encoded, and none of its data is readable in the state."""
    assert tour.before["Secret", "secret"].data == {"word": "c3dvcmRmaXNo", "version": "MQ=="}
    assert "ServiceAccount" in tour.state
    assert "swordfish" not in tour.state
    assert "c3dvcmRmaXNo" not in tour.state


def test_pod(tour):
    """A pod with pulumi.com/skipAwait is made without a node to run it; another image replaces it."""
    before, after = tour.before["Pod", "pod"], tour.after["Pod", "pod"]
    assert after.spec.containers[0].image == "amazon/aws-cli:2"
    assert after.metadata.uid != before.metadata.uid


def test_custom_resource(tour):
    """An object of a definition in the same stack is made after it, and changes in place."""
    assert tour.after["thing"]["spec"] == {"size": 2}
    assert ("update", ()) in {(step.operation, ()) for step in tour.changed.steps if step.name == "thing"}


def test_patches(tour):
    """Two patches hold a key each of somebody else's object; when one goes, its key goes, and all others stay."""
    assert tour.before["ConfigMap", "patched"].data == {"theirs": "0", "one": "1", "two": "1"}
    assert tour.after["ConfigMap", "patched"].data == {"theirs": "0", "one": "2"}


def test_refresh(tour):
    """Refresh right after an update finds no drift, whatever the server made of the inputs."""
    assert set(tour.refreshed.changes) <= {"same"}


def test_kubeconfig_that_is_not_known_yet(tour):
    """Objects on a cluster that the same update makes are previewed without an error, and made by the update."""
    for outcome in (tour.previewed, tour.created):
        assert steps(outcome, "made") == steps(outcome, "on-it") == {("create", ())}
    assert ("ServiceAccount", "on-it") in tour.before


def test_changed_server_moves_the_objects(tour):
    """Another server in the kubeconfig replaces what the provider made; another word elsewhere in it does not."""
    assert steps(tour.changed, "cluster") == {("update", ())}
    assert steps(tour.changed, "imported") == {("same", ())}
    before, after = tour.before["ServiceAccount", "annotated"], tour.after["ServiceAccount", "annotated"]
    assert after.metadata.uid == before.metadata.uid
    assert tour.moved.changes == {"same": 1, "replace": OBJECTS - 2}


def test_drift(tour):
    """What others changed or deleted is found by refresh, and shown by the next preview; what only they set is not."""
    assert tour.drifted.changes["delete"] == 1
    assert ("create", ()) in steps(tour.drift_shown, "role")
    assert ("replace", ("data.word",)) in steps(tour.drift_shown, "secret")
    assert tour.drift_shown.changes == {"create": 1, "replace": 1, "same": OBJECTS - 3}


def test_destroy(tour):
    """Destroy takes away all that is ours, waits until it is gone, and leaves what is others'."""
    left = {key for key in tour.left if not key[1].startswith(("system:", "kube", "default"))}
    ours = {key for key in left if TAG in key[1] or key[0] not in {"ClusterRole", "ClusterRoleBinding", "Namespace"}}
    assert ours == {("Namespace", TAG), ("ConfigMap", "patched")}
    assert tour.left["ConfigMap", "patched"].data == {"theirs": "0"}
