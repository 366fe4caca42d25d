"""The settings of the stacks that there are, and what is said of wrong ones."""

import importlib
import json

import pulumi
import pulumi_eks
import pytest
from stack_files import put, stored

from eks_identity.inputs import Refused
from stacks import select, settings


def parse(given, stack="lab"):
    rules = importlib.import_module(f"stacks.{stack}").RULES
    return settings.parse(given, rules, project="eks-identity", stack=stack)


@pytest.mark.parametrize("stack", select.environments())
def test_every_stack_has_settings_that_are_right(stack):
    """The committed file of each stack is read without a word."""
    assert parse(stored(stack), stack).clusters


def test_the_lab_says_what_the_stories_say():
    """The names of both stories are the lab's."""
    lab = parse(stored("lab"))
    assert [principal.user for principal in lab.people["operators"].principals] == ["eks-ope"]
    assert (lab.workloads["my-sa"].cluster, lab.workloads["test-sa"].said()["role_name"]) == ("irsa", "sa-role")


def test_everything_wrong_is_said_at_once_with_file_and_key():
    """Unknown keys, wrong values and missing ones are each named with file, key and the command that mends it."""
    wrong = stored("lab")
    wrong["people"]["operators"]["via"] = "ssh"
    wrong["people"]["operators"]["colour"] = "red"
    wrong["people"]["operators"]["cluster"] = "other"
    wrong["peeple"] = {}
    del wrong["workloads"]["my-sa"]["namespace"]
    wrong["account"] = "210987654321"
    with pytest.raises(Refused) as refusal:
        parse(wrong)
    assert sorted(problem.input for problem in refusal.value.problems) == [
        "Pulumi.lab.yaml: eks-identity:account",
        "Pulumi.lab.yaml: eks-identity:peeple",
        "Pulumi.lab.yaml: eks-identity:people.operators.cluster",
        "Pulumi.lab.yaml: eks-identity:people.operators.colour",
        "Pulumi.lab.yaml: eks-identity:people.operators.via",
        "Pulumi.lab.yaml: eks-identity:workloads.my-sa.namespace",
    ]
    assert "pulumi config set --path 'eks-identity:workloads.my-sa.namespace'" in str(refusal.value)


@pytest.mark.parametrize(
    ("stack", "path", "value", "rule"),
    [
        ("lab", "people.operators.cluster", "other", "one of clusters: eks-clu, irsa"),
        ("lab", "clusters.irsa.oidc_provider", "none", "needs the OIDC provider of irsa"),
        ("lab", "people.operators.principals", [{"user": "a", "role": "b"}], "one of user, role, arn"),
        ("lab", "people.operators.principals", [{}], "one of user, role, arn"),
        ("lab", "clusters.irsa.protect", True, "protect of a cluster that is made here"),
        ("lab", "clusters.irsa.node_groups", {"a": {}}, "node_groups of a cluster that is made here"),
        ("dev", "clusters.dev.stack", "organization/eks-identity/prod", "made here .create. or in another stack"),
        ("dev", "clusters.dev.create.vpc", "vpc-1", "a setting that there is"),
        ("dev", "clusters.dev.create.service_role", "arn:aws:iam::111122223333:role/a", "a setting that there is"),
        ("dev", "clusters.dev.create.endpoint_private_access", "yes", "valid boolean"),
        ("dev", "clusters.dev.node_groups.small.scaling_config.min_size", "1", "valid integer"),
        ("dev", "clusters.dev.node_groups.small.size", 1, "a setting that there is"),
        ("dev", "defaults.mode", "kube2iam", "'irsa' or 'pod-identity'"),
        ("dev", "account", "1111", "pattern"),
        ("dev", "account", None, "required"),
        ("dev", "clusters", {}, "at least 1 item"),
        ("dev", "clusters.dev.addons", {}, "needs the add-on eks-pod-identity-agent"),
    ],
)
def test_what_is_wrong_is_refused(stack, path, value, rule):
    """What is not there, is said twice, is of another type or of no meaning where it stands is refused by its rule."""
    wrong = stored(stack)
    put(wrong, path, value)
    if "addons" in path:
        put(wrong, "defaults.mode", "pod-identity")
    with pytest.raises(Refused, match=rule) as refusal:
        parse(wrong, stack)
    (problem,) = refusal.value.problems
    assert problem.input.startswith(f"Pulumi.{stack}.yaml: eks-identity:{path.partition('.')[0]}")
    assert problem.fix


def handed_over(monkeypatch, given):
    values = {f"eks-identity:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in given}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values | {"aws:region": "ap-northeast-1"}))


def test_a_misspelt_key_is_read(monkeypatch):
    """A key of the project that nobody asks for is refused: what stands under it would be left out in silence."""
    handed_over(monkeypatch, stored("lab").items())
    assert settings.read(own=pulumi.Config("eks-identity"), stack="lab").people
    handed_over(monkeypatch, [*stored("lab").items(), ("peeple", {})])
    with pytest.raises(Refused, match="eks-identity:peeple"):
        settings.read(own=pulumi.Config("eks-identity"), stack="lab")


def test_an_account_stays_its_digits(monkeypatch):
    """The engine hands over words as they are: twelve digits are an account, and no number."""
    handed_over(monkeypatch, (stored("lab") | {"account": "012345678901"}).items())
    assert settings.read(own=pulumi.Config("eks-identity"), stack="lab").account == "012345678901"
    handed_over(monkeypatch, stored("lab").items())
    assert settings.read(own=pulumi.Config("eks-identity"), stack="lab").account == "123456789012"


def test_nothing_is_declared_twice():
    """Two declarations of one role, binding, principal, service account or IAM role are refused, with both places."""
    wrong = stored("lab")
    wrong["people"]["operators"] = {
        "cluster": "eks-clu",
        "group": "operators",
        "roles": [{"name": "r", "binding_name": "b", "rules": [{"verbs": ["get"], "resources": ["pods"]}]}],
        "principals": [{"user": "eks-ope"}],
    }
    wrong["people"]["again"] = wrong["people"]["operators"]
    wrong["workloads"]["again"] = wrong["workloads"]["test-sa"]
    wrong["clusters"]["again"] = {"name": "irsa"}
    with pytest.raises(Refused) as refusal:
        parse(wrong)
    assert {problem.input: problem.fix for problem in refusal.value.problems} == {
        f"Pulumi.lab.yaml: eks-identity:{again}": f"take out this one, or {first}"
        for again, first in {
            "clusters.again": "clusters.irsa",
            "people.again.roles[0].name": "people.operators.roles[0].name",
            "people.again.roles[0].binding_name": "people.operators.roles[0].binding_name",
            "people.again.principals[0].user": "people.operators.principals[0].user",
            "workloads.again.service_account": "workloads.test-sa.service_account",
            "workloads.again.role_name": "workloads.test-sa.role_name",
        }.items()
    }


def test_a_stack_without_a_composition_is_refused():
    """The refusal names the stacks that there are."""
    assert {"lab", "dev", "prod"} <= set(select.environments())
    with pytest.raises(Refused, match=r"one of .*lab"):
        select.composition("nonsense")
    assert callable(select.composition("lab").compose)


def test_options_of_pulumi_eks_are_handed_on_as_its_own_types():
    """Options within options become pulumi_eks's own arguments, which know how each name goes over the wire."""
    given = stored("dev")
    selectors = [{"namespace": "batch"}]
    put(given, "clusters.dev.create.fargate", {"pod_execution_role_arn": "arn", "selectors": selectors})
    put(given, "clusters.dev.node_groups.small.taints", [{"key": "gpu", "effect": "NO_SCHEDULE"}])
    said = parse(given, "dev").clusters["dev"]
    fargate = said.create.said()["fargate"]
    assert isinstance(fargate, pulumi_eks.FargateProfileArgs)
    assert (fargate.pod_execution_role_arn, fargate.selectors[0].namespace) == ("arn", "batch")
    group = said.node_groups["small"].said()
    assert (group["scaling_config"].max_size, group["taints"][0].key) == (2, "gpu")
    put(given, "clusters.dev.node_groups.small.taints", [{"key": "gpu"}])
    with pytest.raises(Refused, match=r"taints\[0\].effect"):
        parse(given, "dev")
