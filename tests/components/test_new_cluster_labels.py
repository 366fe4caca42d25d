"""Tags, labels, annotations and taints of new clusters: each option is checked, by the rule of its service."""

import typing

import pulumi
import pytest

import eks_identity as eks
from eks_identity.clusters.option_labels import CLUSTER_RULES, NODE_GROUP_RULES
from eks_identity.runtime import typed_dicts
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import Cloud, deploy

GROUP = "node_groups.apps"
SPECIFICATIONS = {"launch_template_tag_specifications": [{"resource_type": "volume", "tags": {"": "x"}}]}
CLOUD = Cloud(getPartition={"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"})
LONG = "x" * 64


def preview(create=None, **args):
    return deploy(lambda: eks.Cluster("clu", {"create": create or {}, **args}), preview=True, cloud=CLOUD)


def problems(create=None, **args):
    with pytest.raises(InvalidInputError) as error:
        preview(create, **args)
    assert all(problem.fix and problem.rule.startswith("must") for problem in error.value.problems)
    return [(problem.input, problem.value) for problem in error.value.problems]


def paths(typed_dict, prefix=""):
    """Yield the paths of all options that are mappings of strings, `*` for the items of lists and mappings."""
    for name, field in typed_dicts.fields(typed_dict).items():
        yield from below(field.annotation, f"{prefix}{name}")


def below(annotation, path):
    if typed_dicts.is_union(annotation):
        for member in typed_dicts.plain_types(annotation):
            yield from below(member, path)
        return
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if typing.is_typeddict(annotation):
        yield from paths(annotation, f"{path}.")
    elif origin is list:
        yield from below(arguments[0], f"{path}.*")
    elif origin is dict:
        value = typed_dicts.plain_types(arguments[1]) if typed_dicts.is_union(arguments[1]) else (arguments[1],)
        if value == (str,) or list(value) == [str]:
            yield path
        yield from below(arguments[1], f"{path}.*")


@pytest.mark.parametrize(
    ("typed_dict", "rules"), [(eks.NewClusterArgs, CLUSTER_RULES), (eks.NodeGroupArgs, NODE_GROUP_RULES)]
)
def test_every_option_with_tags_or_labels_has_a_rule(typed_dict, rules):
    """An option that is added later, a mapping of texts, must get a rule too."""
    found = {path for path in paths(typed_dict) if path.rpartition(".")[2].endswith(("tags", "labels", "annotations"))}
    assert found == {path for path in rules if not path.endswith("taints")}


@pytest.mark.parametrize(
    ("create", "place", "value"),
    [
        ({"tags": {"aws:owner": "x"}}, "tags.aws:owner", "aws:owner"),
        ({"tags": {"Team": "x", "team": "y"}}, "tags.team", "team"),
        ({"cluster_tags": {"team": "a;b"}}, "cluster_tags.team", "a;b"),
        ({"cluster_security_group_tags": {"x" * 129: "y"}}, f"cluster_security_group_tags.{'x' * 129}", "x" * 129),
        ({"access_entries": {"tags": {"principal_arn": "x", "tags": {"a": ";"}}}}, "access_entries.tags.tags.a", ";"),
        (
            {"fargate": {"selectors": [{"namespace": "a", "labels": {"tier": "a b"}}]}},
            "fargate.selectors[0].labels.tier",
            "a b",
        ),
        (
            {"storage_classes": {"fast": {"type": "gp3", "metadata": {"labels": {"a": "-"}}}}},
            "storage_classes.fast.metadata.labels.a",
            "-",
        ),
        ({"node_group_options": {"labels": {"a": LONG}}}, "node_group_options.labels.a", LONG),
        (
            {"node_group_options": SPECIFICATIONS},
            "node_group_options.launch_template_tag_specifications[0].tags",
            "",
        ),
    ],
)  # fmt: skip
def test_tags_and_labels_that_the_service_rejects_are_rejected(create, place, value):
    assert problems(create) == [(f"create.{place}", value)]


@pytest.mark.parametrize(
    ("labels", "place", "value"),
    [
        ({"role": "a b"}, "role", "a b"),
        ({"role": ""}, "role", ""),
        ({"node-role.kubernetes.io/app": "x"}, "node-role.kubernetes.io/app", "node-role.kubernetes.io/app"),
        ({"k8s.io/app": "x"}, "k8s.io/app", "k8s.io/app"),
        ({"eks.amazonaws.com/nodegroup": "x"}, "eks.amazonaws.com/nodegroup", "eks.amazonaws.com/nodegroup"),
        ({f"{'a' * 60}.example.com/b": "x"}, f"{'a' * 60}.example.com/b", f"{'a' * 60}.example.com/b"),
    ],
)
def test_labels_with_which_nodes_cannot_join_are_rejected(labels, place, value):
    """EKS creates the node group, and its nodes fail after minutes; or EKS rejects it."""
    assert problems(node_groups={"apps": {"labels": labels}}) == [(f"{GROUP}.labels.{place}", value)]


def test_tags_of_node_groups_are_checked_with_the_other_options():
    group = {"tags": {"a": "x" * 257}, "node_role": "x", "labels": {"b": "-"}}
    expected = [f"{GROUP}.tags.a", f"{GROUP}.labels.b", f"{GROUP}.node_role", "create.ip_family"]
    assert sorted(place for place, _ in problems({"ip_family": "x"}, node_groups={"apps": group})) == sorted(expected)


def test_valid_tags_and_labels_of_new_clusters_are_accepted():
    """EC2 accepts any characters, EKS keys that differ by case, and the kubelet its own labels."""
    labels = {"node.kubernetes.io/pool": "a", "topology.kubernetes.io/zone": "b", "example.com/c": "d"}

    def program():
        create = {
            "cluster_tags": {"Team": "a", "team": "b"},
            "node_security_group_tags": {"a;b": "c\u2603"},
            "tags": {"team": pulumi.Output.from_input("shop")},
        }
        group = {"labels": labels, "tags": pulumi.Output.from_input({"a": "b"})}
        eks.Cluster("clu", {"create": create, "node_groups": {"apps": group}})

    deployment = deploy(program, preview=True, cloud=CLOUD)
    assert deployment.one("eks:index:ManagedNodeGroup").inputs["labels"] == labels


def test_tags_of_a_launch_template_are_checked():
    with pytest.raises(InvalidInputError) as error:
        deploy(lambda: eks.NodeIsolation("nodes", {"tags": {"aws:x": "y", "team": "z" * 257}}))
    assert [problem.input for problem in error.value.problems] == ["tags.aws:x", "tags.team"]


@pytest.mark.parametrize(
    ("taint", "part"),
    [
        ({"key": "a b", "effect": "NO_SCHEDULE"}, ("key", "a b")),
        ({"key": f"example.com/{'x' * 52}", "effect": "NO_SCHEDULE"}, ("key", f"example.com/{'x' * 52}")),
        ({"key": "gpu", "value": LONG, "effect": "NO_SCHEDULE"}, ("value", LONG)),
        ({"key": "gpu", "effect": "NoSchedule"}, ("effect", "NoSchedule")),
    ],
)
def test_taint_of_a_managed_node_group_that_eks_rejects(taint, part):
    """EKS has its own names of effects, and limits the whole key. The fix has the effect in the right form."""
    valid = {"key": "example.com/gpu", "value": "a100", "effect": "PREFER_NO_SCHEDULE"}
    with pytest.raises(InvalidInputError) as error:
        preview(node_groups={"apps": {"taints": [valid, taint]}})
    (problem,) = error.value.problems
    assert (problem.input, problem.value) == (f"{GROUP}.taints[1].{part[0]}", part[1])
    assert part[0] != "effect" or problem.fix == "write NO_SCHEDULE"


def test_taints_are_unique_and_at_most_fifty():
    """A key may have several effects, each once."""
    twice = [{"key": "gpu", "effect": effect} for effect in ("NO_SCHEDULE", "NO_EXECUTE", "NO_SCHEDULE")]
    assert problems(node_groups={"apps": {"taints": twice}}) == [(f"{GROUP}.taints[2].key", "gpu")]
    many = [{"key": f"k{number}", "effect": "NO_SCHEDULE"} for number in range(51)]
    assert problems(node_groups={"apps": {"taints": many}}) == [(f"{GROUP}.taints", 51)]


def test_taint_of_the_default_node_group_that_the_kubelet_rejects():
    """The kubelet has Kubernetes' names of effects."""
    taints = {"gpu": {"value": "a b", "effect": "NO_SCHEDULE"}, "a b": {"value": "", "effect": "NoExecute"}}
    found = problems({"node_group_options": {"taints": taints}})
    place = "create.node_group_options.taints"
    assert sorted(found) == sorted(
        [(f"{place}.gpu.value", "a b"), (f"{place}.gpu.effect", "NO_SCHEDULE"), (f"{place}.the name 'a b'", "a b")]
    )
