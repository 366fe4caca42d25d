"""Settings of all stacks, and validation errors of invalid settings."""

import functools
import importlib
import json
import os

import pulumi
import pytest

from eks_identity.runtime.inputs import InvalidInputError
from stacks import environments, settings
from support.stack_files import load_settings, set_value


def parse(values, stack="lab"):
    profile = importlib.import_module(f"stacks.{stack}").PROFILE
    return settings.parse(values, profile, project="eks-identity", stack=stack)


@pytest.mark.parametrize("stack", environments.list_environments())
def test_settings_file_of_every_stack_is_valid(stack):
    """The settings file of each stack has no problems."""
    assert parse(load_settings(stack), stack).clusters


def test_lab_settings_have_the_names_of_the_scenarios():
    """The lab's settings use the names of the user access and workload identity scenarios."""
    lab = parse(load_settings("lab"))
    assert [principal.user for principal in lab.access["operators"].principals] == ["eks-ope"]
    assert (lab.workloads["my-sa"].cluster, lab.workloads["test-sa"].to_args()["role_name"]) == ("irsa", "sa-role")


def test_settings_errors_are_reported_at_once_with_file_and_key():
    """Unknown keys, wrong values and missing keys are reported together, each with file, key and fix."""
    values = load_settings("lab")
    values["access"]["operators"]["access_method"] = "ssh"
    values["access"]["operators"]["colour"] = "red"
    values["access"]["operators"]["cluster"] = "other"
    values["acess"] = {}
    del values["workloads"]["my-sa"]["namespace"]
    values["account"] = "210987654321"
    with pytest.raises(InvalidInputError) as error:
        parse(values)
    assert sorted(problem.input for problem in error.value.problems) == [
        "Pulumi.lab.yaml: eks-identity:access.operators.access_method",
        "Pulumi.lab.yaml: eks-identity:access.operators.cluster",
        "Pulumi.lab.yaml: eks-identity:access.operators.colour",
        "Pulumi.lab.yaml: eks-identity:account",
        "Pulumi.lab.yaml: eks-identity:acess",
        "Pulumi.lab.yaml: eks-identity:workloads.my-sa.namespace",
    ]
    assert "pulumi config set --path 'eks-identity:workloads.my-sa.namespace'" in str(error.value)


@pytest.mark.parametrize(
    ("stack", "path", "value", "rule"),
    [
        ("lab", "access.operators.cluster", "other", "must be one of clusters: eks-clu, irsa"),
        ("lab", "clusters.irsa.oidc_provider", "none", "needs the OIDC provider of irsa"),
        (
            "lab",
            "access.operators.principals",
            [{"user": "a", "role": "b"}],
            "must have exactly one of user, role, arn",
        ),
        ("lab", "access.operators.principals", [{}], "must have exactly one of user, role, arn"),
        ("lab", "clusters.irsa.protect", True, "must be omitted unless create is set: protect is"),
        ("lab", "clusters.irsa.node_groups", {"a": {}}, "must be omitted unless create is set: node_groups is"),
        ("dev", "clusters.dev.stack", "organization/eks-identity/prod", "must be omitted when create is set"),
        ("dev", "clusters.dev.create.vpc", "vpc-1", "must be a known setting"),
        ("dev", "clusters.dev.create.role_mappings", [], "must be a known setting"),
        ("dev", "clusters.dev.create.endpoint_private_access", "yes", "must be true or false, without quotes"),
        (
            "dev",
            "clusters.dev.node_groups.small.scaling_config.min_size",
            "1",
            "must be a whole number, without quotes",
        ),
        ("dev", "clusters.dev.node_groups.small.size", 1, "must be a known setting"),
        ("dev", "defaults.mode", "kube2iam", "must be one of 'irsa' or 'pod-identity'"),
        ("dev", "account", "1111", "must be 12 digits, in quotes"),
        ("dev", "account", None, "must be set"),
        ("dev", "clusters", {}, "must have at least one entry"),
        ("dev", "clusters.dev.addons", {}, "must include eks-pod-identity-agent: .* needs the add-on"),
    ],
)
def test_settings_errors_name_the_rule(stack, path, value, rule):
    """Missing references, conflicts, wrong types and options in the wrong context are errors, each with its rule."""
    values = load_settings(stack)
    set_value(values, path, value)
    if "addons" in path:
        set_value(values, "defaults.mode", "pod-identity")
    with pytest.raises(InvalidInputError, match=rule) as error:
        parse(values, stack)
    (problem,) = error.value.problems
    assert problem.input.startswith(f"Pulumi.{stack}.yaml: eks-identity:{path.partition('.')[0]}")
    assert problem.fix


@pytest.mark.parametrize(
    ("path", "value", "shown", "fix"),
    [
        ("clusters.dev.create.version", 1.33, "1.33", 'write "1.33"'),
        ("tags.since", 2024, "2024", 'write "2024"'),
        ("tags.on", True, "True", 'write "true"'),
        ("access.operators.principals", ["dev-operator"], "[0]: 'dev-operator'", "set keys: user, role, arn, "),
        ("access.operators.principals", {"user": "a"}, "{'user': 'a'}", "put a dash in front of each entry"),
        ("workloads.reports.policies", "AmazonS3FullAccess", "'AmazonS3FullAccess'", "write [AmazonS3FullAccess]"),
        ("workloads", [{"reports": {}}], "[{'reports': {}}]", "replace the dash of each entry with a key"),
        ("clusters.dev.addons", ["coredns"], "['coredns']", "replace the dash of each entry with a key"),
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
def test_settings_errors_suggest_the_required_form(path, value, shown, fix):
    """An error shows the key as written, the value as YAML reads it, and how to write it."""
    values = load_settings("dev")
    set_value(values, path, value)
    with pytest.raises(InvalidInputError) as error:
        parse(values, "dev")
    (problem,) = error.value.problems
    first_line, _, rule_and_fix = str(problem).partition("\n")
    assert first_line.startswith(f"Pulumi.dev.yaml: eks-identity:{path}")
    assert shown in first_line
    assert fix in rule_and_fix
    assert "Input should" not in rule_and_fix


@pytest.mark.parametrize(
    "path", ["clusters.dev.create", "clusters.dev.addons.eks-pod-identity-agent", "access.operators.cluster", "tags"]
)
def test_settings_without_a_value_are_rejected(path):
    """A key without a value, which YAML reads as null, is one error."""
    values = load_settings("dev")
    set_value(values, path, "")
    parent, _, last = path.rpartition(".")
    (functools.reduce(dict.__getitem__, parent.split("."), values) if parent else values)[last] = None
    with pytest.raises(InvalidInputError) as error:
        parse(values, "dev")
    (problem,) = error.value.problems
    assert problem.input == f"Pulumi.dev.yaml: eks-identity:{path}"
    assert problem.rule == "must have a value"


def test_encrypted_settings_are_rejected_without_their_values(monkeypatch):
    """An encrypted setting is an error, because its value would be readable in AWS; no error shows the value."""
    values = load_settings("lab") | {"tags": {"password": 12345678}}
    set_engine_config(monkeypatch, values.items())
    pulumi.runtime.config.set_all_config(json.loads(os.environ["PULUMI_CONFIG"]), ["eks-identity:tags"])
    try:
        with pytest.raises(InvalidInputError) as error:
            settings.load(project_config=pulumi.Config("eks-identity"), stack="lab")
    finally:
        pulumi.runtime.config.set_all_config({}, [])
    message = str(error.value)
    assert "eks-identity:tags: [secret]" in message
    assert "eks-identity:tags.password: [secret]" in message
    assert "pulumi config set --plaintext 'eks-identity:tags' VALUE" in message
    assert "12345678" not in message


def test_settings_under_a_misspelt_project_are_rejected(monkeypatch):
    """Keys under a misspelling of the project's name, and a missing region, are errors; keys of other packages pass."""
    project_values = {f"eks-identity:{key}": value for key, value in load_settings("lab").items()}
    others = {"eks:a": "b", "kubernetes:c": "d"}
    values = {"eks_identity:access": project_values.pop("eks-identity:access"), **project_values, **others}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    with pytest.raises(InvalidInputError) as error:
        settings.load(project_config=pulumi.Config("eks-identity"), stack="lab")
    region, access = error.value.problems
    assert (region.input, region.value) == ("Pulumi.lab.yaml: aws:region", None)
    assert (access.input, access.fix) == ("Pulumi.lab.yaml: eks_identity:access", "did you mean eks-identity:access?")


def set_engine_config(monkeypatch, items):
    values = {f"eks-identity:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in items}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values | {"aws:region": "ap-northeast-1"}))


def test_unknown_keys_of_the_project_are_rejected(monkeypatch):
    """An unknown key under the project's name is an error: without it the key would be ignored silently."""
    set_engine_config(monkeypatch, load_settings("lab").items())
    assert settings.load(project_config=pulumi.Config("eks-identity"), stack="lab").access
    set_engine_config(monkeypatch, [*load_settings("lab").items(), ("acess", {})])
    with pytest.raises(InvalidInputError, match="eks-identity:acess"):
        settings.load(project_config=pulumi.Config("eks-identity"), stack="lab")


def test_account_setting_stays_text(monkeypatch):
    """The engine passes scalars as text: the account keeps its leading zeros."""
    set_engine_config(monkeypatch, (load_settings("lab") | {"account": "012345678901"}).items())
    assert settings.load(project_config=pulumi.Config("eks-identity"), stack="lab").account == "012345678901"
    set_engine_config(monkeypatch, load_settings("lab").items())
    assert settings.load(project_config=pulumi.Config("eks-identity"), stack="lab").account == "123456789012"


def test_duplicate_declarations_are_rejected():
    """Two declarations of one role, binding, principal, service account or IAM role are an error with both paths."""
    values = load_settings("lab")
    values["access"]["operators"] = {
        "cluster": "eks-clu",
        "group": "operators",
        "rbac_roles": [{"name": "r", "binding_name": "b", "rules": [{"verbs": ["get"], "resources": ["pods"]}]}],
        "principals": [{"user": "eks-ope"}],
    }
    values["access"]["again"] = values["access"]["operators"]
    values["workloads"]["again"] = values["workloads"]["test-sa"]
    values["clusters"]["again"] = {"name": "irsa"}
    with pytest.raises(InvalidInputError) as error:
        parse(values)
    assert {problem.input: problem.fix for problem in error.value.problems} == {
        f"Pulumi.lab.yaml: eks-identity:{again}": f"remove this entry, or {first}"
        for again, first in {
            "clusters.again": "clusters.irsa",
            "access.again.rbac_roles[0].name": "access.operators.rbac_roles[0].name",
            "access.again.rbac_roles[0].binding_name": "access.operators.rbac_roles[0].binding_name",
            "access.again.principals[0].user": "access.operators.principals[0].user",
            "workloads.again.service_account": "workloads.test-sa.service_account",
            "workloads.again.role_name": "workloads.test-sa.role_name",
        }.items()
    }


def test_stack_without_an_environment_module_is_rejected():
    """The error for an unknown stack lists the existing environments."""
    assert {"lab", "dev", "prod"} <= set(environments.list_environments())
    with pytest.raises(InvalidInputError, match=r"must be one of .*lab"):
        environments.load_environment("nonsense")
    assert callable(environments.load_environment("lab").compose)


def test_nested_options_of_a_new_cluster_become_args_of_cluster():
    """Nested options become the args of `Cluster`, which pulumi_eks translates for the engine."""
    values = load_settings("dev")
    selectors = [{"namespace": "batch"}]
    set_value(values, "clusters.dev.create.fargate", {"pod_execution_role_arn": "arn", "selectors": selectors})
    set_value(values, "clusters.dev.create.service_role", "arn:aws:iam::111122223333:role/a")
    set_value(values, "clusters.dev.node_groups.small.taints", [{"key": "gpu", "effect": "NO_SCHEDULE"}])
    cluster = parse(values, "dev").clusters["dev"]
    fargate = cluster.create.to_args()["fargate"]
    assert fargate == {"pod_execution_role_arn": "arn", "selectors": selectors}
    assert cluster.create.to_args()["service_role"] == "arn:aws:iam::111122223333:role/a"
    group = cluster.node_groups["small"].to_args()
    assert (group["scaling_config"]["max_size"], group["taints"][0]["key"]) == (2, "gpu")
    set_value(values, "clusters.dev.node_groups.small.taints", [{"key": "gpu"}])
    with pytest.raises(InvalidInputError, match=r"taints\[0\].effect"):
        parse(values, "dev")
