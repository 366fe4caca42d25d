"""The settings of the stacks that there are, and what is said of wrong ones."""

import json
from pathlib import Path

import pulumi
import pytest
import yaml

from eks_identity.inputs import Refused
from stacks import select, settings

PROJECT = Path(__file__).parents[2]


def stored(stack):
    config = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {
        key.removeprefix("eks-identity:"): value for key, value in config.items() if key.startswith("eks-identity:")
    }


@pytest.mark.parametrize("stack", select.environments())
def test_every_stack_has_settings_that_are_right(stack):
    """The committed file of each stack is read without a word."""
    assert settings.parse(stored(stack), project="eks-identity", stack=stack).clusters


def test_the_lab_says_what_the_stories_say():
    """The names of both stories are the lab's."""
    lab = settings.parse(stored("lab"), project="eks-identity", stack="lab")
    operators = lab.people["operators"]
    assert (operators.role.name, operators.binding_name) == ("test-clu-role", "test-clu-rolebinding")
    assert [principal.user for principal in operators.principals] == ["eks-ope"]
    assert (lab.workloads["my-sa"].cluster, lab.workloads["test-sa"].role_name) == ("irsa", "sa-role")


def test_everything_wrong_is_said_at_once_with_file_and_key():
    """Unknown keys, wrong values and missing ones are each named with file, key and the command that mends it."""
    wrong = stored("lab")
    wrong["people"]["operators"]["via"] = "ssh"
    wrong["people"]["operators"]["colour"] = "red"
    wrong["people"]["operators"]["cluster"] = "other"
    wrong["peeple"] = {}
    del wrong["workloads"]["my-sa"]["namespace"]
    with pytest.raises(Refused) as refusal:
        settings.parse(wrong, project="eks-identity", stack="lab")
    assert [problem.input for problem in refusal.value.problems] == [
        "Pulumi.lab.yaml: eks-identity:people.operators.via",
        "Pulumi.lab.yaml: eks-identity:people.operators.colour",
        "Pulumi.lab.yaml: eks-identity:workloads.my-sa.namespace",
        "Pulumi.lab.yaml: eks-identity:peeple",
        "Pulumi.lab.yaml: eks-identity:people.operators.cluster",
    ]
    assert "pulumi config set --path 'eks-identity:workloads.my-sa.namespace'" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"people.operators.cluster": "other"}, "one of clusters: eks-clu, irsa"),
        ({"clusters.irsa.oidc_provider": "none"}, "needs the OIDC provider of irsa"),
        ({"people.operators.principals": [{"user": "a", "role": "b"}]}, "one of user, role and arn"),
    ],
)
def test_settings_refer_to_what_is_there(change, rule):
    """A cluster that is not declared, a provider that is not made, and a principal named twice are refused."""
    wrong = stored("lab")
    for path, value in change.items():
        *folders, last = path.split(".")
        node = wrong
        for folder in folders:
            node = node[folder]
        node[last] = value
    with pytest.raises(Refused, match=rule):
        settings.parse(wrong, project="eks-identity", stack="lab")


def test_a_misspelt_key_is_read(monkeypatch):
    """A key of the project that nobody asks for is refused: what stands under it would be left out in silence."""
    handed_over = {f"eks-identity:{key}": json.dumps(value) for key, value in stored("lab").items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(handed_over | {"aws:region": "ap-northeast-1"}))
    assert settings.read(pulumi.Config("eks-identity"), stack="lab").people
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(handed_over | {"eks-identity:peeple": "{}"}))
    with pytest.raises(Refused, match="eks-identity:peeple"):
        settings.read(pulumi.Config("eks-identity"), stack="lab")


def test_nothing_is_declared_twice():
    """Two declarations of one role, binding, principal, service account or IAM role are refused, with both places."""
    wrong = stored("lab")
    wrong["people"]["again"] = wrong["people"]["operators"]
    wrong["workloads"]["again"] = wrong["workloads"]["test-sa"]
    with pytest.raises(Refused) as refusal:
        settings.parse(wrong, project="eks-identity", stack="lab")
    assert {problem.input: problem.fix for problem in refusal.value.problems} == {
        f"Pulumi.lab.yaml: eks-identity:{again}": f"take out this one, or {first}"
        for again, first in {
            "people.again.role.name": "people.operators.role.name",
            "people.again.binding_name": "people.operators.binding_name",
            "people.again.principals[0].user": "people.operators.principals[0].user",
            "workloads.again.service_account": "workloads.test-sa.service_account",
            "workloads.again.role_name": "workloads.test-sa.role_name",
        }.items()
    }


def test_a_stack_without_a_composition_is_refused():
    """The refusal names the stacks that there are."""
    assert "lab" in select.environments()
    with pytest.raises(Refused, match=r"one of .*lab"):
        select.composition("nonsense")
    assert callable(select.composition("lab").compose)
