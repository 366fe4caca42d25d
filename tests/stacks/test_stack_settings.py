"""The settings of the stacks that there are, and what is said of wrong ones."""

import functools
import importlib
import json
import os

import pulumi
import pulumi_eks
import pytest
from stack_files import put, stored

from eks_identity.runtime.inputs import InvalidInputError
from stacks import select, settings


def parse(given, stack="lab"):
    rules = importlib.import_module(f"stacks.{stack}").PROFILE
    return settings.parse(given, rules, project="eks-identity", stack=stack)


@pytest.mark.parametrize("stack", select.environments())
def test_every_stack_has_settings_that_are_right(stack):
    """The committed file of each stack is read without a word."""
    assert parse(stored(stack), stack).clusters


def test_the_lab_says_what_the_stories_say():
    """The names of both stories are the lab's."""
    lab = parse(stored("lab"))
    assert [principal.user for principal in lab.access["operators"].principals] == ["eks-ope"]
    assert (lab.workloads["my-sa"].cluster, lab.workloads["test-sa"].said()["role_name"]) == ("irsa", "sa-role")


def test_everything_wrong_is_said_at_once_with_file_and_key():
    """Unknown keys, wrong values and missing ones are each named with file, key and the command that mends it."""
    wrong = stored("lab")
    wrong["access"]["operators"]["access_method"] = "ssh"
    wrong["access"]["operators"]["colour"] = "red"
    wrong["access"]["operators"]["cluster"] = "other"
    wrong["acess"] = {}
    del wrong["workloads"]["my-sa"]["namespace"]
    wrong["account"] = "210987654321"
    with pytest.raises(InvalidInputError) as refusal:
        parse(wrong)
    assert sorted(problem.input for problem in refusal.value.problems) == [
        "Pulumi.lab.yaml: eks-identity:access.operators.access_method",
        "Pulumi.lab.yaml: eks-identity:access.operators.cluster",
        "Pulumi.lab.yaml: eks-identity:access.operators.colour",
        "Pulumi.lab.yaml: eks-identity:account",
        "Pulumi.lab.yaml: eks-identity:acess",
        "Pulumi.lab.yaml: eks-identity:workloads.my-sa.namespace",
    ]
    assert "pulumi config set --path 'eks-identity:workloads.my-sa.namespace'" in str(refusal.value)


@pytest.mark.parametrize(
    ("stack", "path", "value", "rule"),
    [
        ("lab", "access.operators.cluster", "other", "one of clusters: eks-clu, irsa"),
        ("lab", "clusters.irsa.oidc_provider", "none", "needs the OIDC provider of irsa"),
        ("lab", "access.operators.principals", [{"user": "a", "role": "b"}], "one of user, role, arn"),
        ("lab", "access.operators.principals", [{}], "one of user, role, arn"),
        ("lab", "clusters.irsa.protect", True, "protect of a cluster that is made here"),
        ("lab", "clusters.irsa.node_groups", {"a": {}}, "node_groups of a cluster that is made here"),
        ("dev", "clusters.dev.stack", "organization/eks-identity/prod", "made here .create. or in another stack"),
        ("dev", "clusters.dev.create.vpc", "vpc-1", "a setting that there is"),
        ("dev", "clusters.dev.create.service_role", "arn:aws:iam::111122223333:role/a", "a setting that there is"),
        ("dev", "clusters.dev.create.endpoint_private_access", "yes", "true or false, without quotes"),
        ("dev", "clusters.dev.node_groups.small.scaling_config.min_size", "1", "a whole number, without quotes"),
        ("dev", "clusters.dev.node_groups.small.size", 1, "a setting that there is"),
        ("dev", "defaults.mode", "kube2iam", "'irsa' or 'pod-identity'"),
        ("dev", "account", "1111", "12 digits, in quotes"),
        ("dev", "account", None, "required here"),
        ("dev", "clusters", {}, "at least one entry"),
        ("dev", "clusters.dev.addons", {}, "needs the add-on eks-pod-identity-agent"),
    ],
)
def test_what_is_wrong_is_refused(stack, path, value, rule):
    """What is not there, is said twice, is of another type or of no meaning where it stands is refused by its rule."""
    wrong = stored(stack)
    put(wrong, path, value)
    if "addons" in path:
        put(wrong, "defaults.mode", "pod-identity")
    with pytest.raises(InvalidInputError, match=rule) as refusal:
        parse(wrong, stack)
    (problem,) = refusal.value.problems
    assert problem.input.startswith(f"Pulumi.{stack}.yaml: eks-identity:{path.partition('.')[0]}")
    assert problem.fix


@pytest.mark.parametrize(
    ("path", "value", "said", "fix"),
    [
        ("clusters.dev.create.version", 1.33, "1.33", 'write "1.33"'),
        ("tags.since", 2024, "2024", 'write "2024"'),
        ("tags.on", True, "True", 'write "true"'),
        ("access.operators.principals", ["dev-operator"], "[0]: 'dev-operator'", "give it keys: user, role, arn, "),
        ("access.operators.principals", {"user": "a"}, "{'user': 'a'}", "put a dash in front of each entry"),
        ("workloads.reports.policies", "AmazonS3FullAccess", "'AmazonS3FullAccess'", "write [AmazonS3FullAccess]"),
        ("workloads", [{"reports": {}}], "[{'reports': {}}]", "give each entry a key of its own in place of the dash"),
        ("clusters.dev.addons", ["coredns"], "['coredns']", "give each entry a key of its own in place of the dash"),
        ("clusters.dev.protect", "yes", "'yes'", "write true"),
        ("clusters.dev.node_groups.small.scaling_config.min_size", "1", "'1'", "write 1"),
        ("clusters.dev.node_groups.small.instanceTypes", ["t3.small"], "['t3.small']", "did you mean instance_types?"),
        ("workloads.reports.service-account", "a", "'a'", "did you mean service_account?"),
        ("acess", {}, "{}", "did you mean access?"),
        ("defaults.access_method", "access-entries", "'access-entries'", "did you mean access-entry?"),
        ("clusters.dev.create.fargate", "yes", "'yes'", "write true"),
        ("clusters.dev.create.fargate", {"selectors": 3}, ".selectors: 3", "write [3]"),
        (
            "clusters.dev.create.storage_classes",
            {"a": {"type": "gp3", "encryptd": True}},
            ".encryptd: True",
            "encrypted?",
        ),
        ("clusters.dev.create.storage_classes", {"fast": {}}, "fast.type: None", "config set --path"),
    ],
)
def test_a_value_that_is_nearly_right_is_put_right(path, value, said, fix):
    """What YAML made of a value, and what to write for it, is said of the key as it was written, and nothing else."""
    wrong = stored("dev")
    put(wrong, path, value)
    with pytest.raises(InvalidInputError) as refusal:
        parse(wrong, "dev")
    (problem,) = refusal.value.problems
    line, _, way_out = str(problem).partition("\n")
    assert line.startswith(f"Pulumi.dev.yaml: eks-identity:{path}")
    assert said in line
    assert fix in way_out
    assert "Input should" not in way_out


@pytest.mark.parametrize(
    "path", ["clusters.dev.create", "clusters.dev.addons.eks-pod-identity-agent", "access.operators.cluster", "tags"]
)
def test_a_key_with_nothing_behind_it_is_refused(path):
    """YAML's null is no value: it is said once, and nothing is read into it."""
    wrong = stored("dev")
    put(wrong, path, "")
    folder, _, last = path.rpartition(".")
    (functools.reduce(dict.__getitem__, folder.split("."), wrong) if folder else wrong)[last] = None
    with pytest.raises(InvalidInputError) as refusal:
        parse(wrong, "dev")
    (problem,) = refusal.value.problems
    assert problem.input == f"Pulumi.dev.yaml: eks-identity:{path}"
    assert problem.rule == "a value behind the key"


def test_secrets_are_refused_and_not_told(monkeypatch):
    """Settings end up in plain sight: one that is encrypted is refused, and no refusal shows what it says."""
    said = stored("lab") | {"tags": {"password": 12345678}}
    handed_over(monkeypatch, said.items())
    pulumi.runtime.config.set_all_config(json.loads(os.environ["PULUMI_CONFIG"]), ["eks-identity:tags"])
    try:
        with pytest.raises(InvalidInputError) as refusal:
            settings.read(own=pulumi.Config("eks-identity"), stack="lab")
    finally:
        pulumi.runtime.config.set_all_config({}, [])
    told = str(refusal.value)
    assert "eks-identity:tags: [secret]" in told
    assert "eks-identity:tags.password: [secret]" in told
    assert "pulumi config set --plaintext 'eks-identity:tags' VALUE" in told
    assert "12345678" not in told


def test_settings_under_a_misspelt_project_are_refused(monkeypatch):
    """What stands below nearly the project's name is read by nobody; other packages' is theirs, but the region."""
    given = {f"eks-identity:{key}": value for key, value in stored("lab").items()}
    others = {"eks:a": "b", "kubernetes:c": "d"}
    values = {"eks_identity:access": given.pop("eks-identity:access"), **given, **others}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    with pytest.raises(InvalidInputError) as refusal:
        settings.read(own=pulumi.Config("eks-identity"), stack="lab")
    region, people = refusal.value.problems
    assert (region.input, region.value) == ("Pulumi.lab.yaml: aws:region", None)
    assert (people.input, people.fix) == ("Pulumi.lab.yaml: eks_identity:access", "did you mean eks-identity:access?")


def handed_over(monkeypatch, given):
    values = {f"eks-identity:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in given}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values | {"aws:region": "ap-northeast-1"}))


def test_a_misspelt_key_is_read(monkeypatch):
    """A key of the project that nobody asks for is refused: what stands under it would be left out in silence."""
    handed_over(monkeypatch, stored("lab").items())
    assert settings.read(own=pulumi.Config("eks-identity"), stack="lab").access
    handed_over(monkeypatch, [*stored("lab").items(), ("acess", {})])
    with pytest.raises(InvalidInputError, match="eks-identity:acess"):
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
    wrong["access"]["operators"] = {
        "cluster": "eks-clu",
        "group": "operators",
        "rbac_roles": [{"name": "r", "binding_name": "b", "rules": [{"verbs": ["get"], "resources": ["pods"]}]}],
        "principals": [{"user": "eks-ope"}],
    }
    wrong["access"]["again"] = wrong["access"]["operators"]
    wrong["workloads"]["again"] = wrong["workloads"]["test-sa"]
    wrong["clusters"]["again"] = {"name": "irsa"}
    with pytest.raises(InvalidInputError) as refusal:
        parse(wrong)
    assert {problem.input: problem.fix for problem in refusal.value.problems} == {
        f"Pulumi.lab.yaml: eks-identity:{again}": f"take out this one, or {first}"
        for again, first in {
            "clusters.again": "clusters.irsa",
            "access.again.rbac_roles[0].name": "access.operators.rbac_roles[0].name",
            "access.again.rbac_roles[0].binding_name": "access.operators.rbac_roles[0].binding_name",
            "access.again.principals[0].user": "access.operators.principals[0].user",
            "workloads.again.service_account": "workloads.test-sa.service_account",
            "workloads.again.role_name": "workloads.test-sa.role_name",
        }.items()
    }


def test_a_stack_without_a_composition_is_refused():
    """The refusal names the stacks that there are."""
    assert {"lab", "dev", "prod"} <= set(select.environments())
    with pytest.raises(InvalidInputError, match=r"one of .*lab"):
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
    with pytest.raises(InvalidInputError, match=r"taints\[0\].effect"):
        parse(given, "dev")
