"""What docs/environments.md shows is what happens."""

import re

import pytest
import yaml
from jsonschema import Draft202012Validator
from stack_files import PROJECT, put, stored

from eks_identity.runtime.inputs import InvalidInputError
from stacks import prod, settings
from stacks.settings import schema


@pytest.fixture(scope="module")
def shown():
    """The code blocks by their language, in order."""
    text = (PROJECT / "docs" / "environments.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {kind: [code for other, code in blocks if other == kind] for kind, _ in blocks}


def own(config):
    return {
        key.removeprefix("eks-identity:"): value for key, value in config.items() if key.startswith("eks-identity:")
    }


def test_one_environment_more(shown):
    """The module and the settings file that are shown are an environment."""
    module = {}
    exec(shown["python"][0], module)  # noqa: S102 - the page's own code
    assert callable(module["compose"])
    file = yaml.safe_load(shown["yaml"][0])
    Draft202012Validator(schema.schema()).validate(file)
    said = settings.parse(own(file["config"]), module["PROFILE"], project="eks-identity", stack="staging")
    assert list(said.clusters) == ["staging"]


def test_three_kinds_of_clusters(shown):
    """The clusters that are shown are read without a word."""
    given = {"account": "111122223333", **own(yaml.safe_load(shown["yaml"][1]))}
    said = settings.parse(given, project="eks-identity", stack="staging")
    assert len(said.clusters) == 3
    assert said.mode_of_addon("aws-ebs-csi-driver", said.clusters["made-here"].addons["aws-ebs-csi-driver"]) == "irsa"


def test_what_a_refusal_looks_like(shown):
    """The refusal that is shown is the refusal that is given, word for word."""
    wrong = stored("prod")
    put(wrong, "access.operators.access_method", "aws-auth")
    put(wrong, "workloads.reports.colour", "red")
    with pytest.raises(InvalidInputError) as refusal:
        settings.parse(wrong, prod.PROFILE, project="eks-identity", stack="prod")
    _, _, printed = shown["console"][0].partition("\n")
    assert str(refusal.value) == printed.rstrip()
