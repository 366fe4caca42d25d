"""The examples in docs/environments.md work as shown."""

import re

import pytest
import yaml
from jsonschema import Draft202012Validator

from eks_identity.runtime.inputs import InvalidInputError
from stacks import prod, settings
from stacks.settings import schema
from support.stack_files import PROJECT, load_settings, set_value


@pytest.fixture(scope="module")
def code_blocks():
    """The code blocks of the page by language, in order."""
    text = (PROJECT / "docs" / "environments.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {language: [code for other, code in blocks if other == language] for language, _ in blocks}


def project_settings(config):
    return {
        key.removeprefix("eks-identity:"): value for key, value in config.items() if key.startswith("eks-identity:")
    }


def test_docs_example_adds_an_environment(code_blocks):
    """The module and the settings file of the example are a valid environment."""
    module = {}
    exec(code_blocks["python"][0], module)  # noqa: S102 - the page's own code
    assert callable(module["compose"])
    file = yaml.safe_load(code_blocks["yaml"][0])
    Draft202012Validator(schema.build_schema()).validate(file)
    parsed = settings.parse(
        project_settings(file["config"]), module["PROFILE"], project="eks-identity", stack="staging"
    )
    assert list(parsed.clusters) == ["staging"]


def test_docs_example_of_three_kinds_of_clusters(code_blocks):
    """The example of new, referenced and existing clusters is valid."""
    values = {"account": "111122223333", **project_settings(yaml.safe_load(code_blocks["yaml"][1]))}
    parsed = settings.parse(values, project="eks-identity", stack="staging")
    assert len(parsed.clusters) == 3
    assert parsed.addon_mode("aws-ebs-csi-driver", parsed.clusters["new"].addons["aws-ebs-csi-driver"]) == "irsa"


def test_docs_example_of_a_validation_error(code_blocks):
    """The validation error in the page equals the one that the settings raise."""
    values = load_settings("prod")
    set_value(values, "access.operators.access_method", "aws-auth")
    set_value(values, "workloads.reports.colour", "red")
    with pytest.raises(InvalidInputError) as error:
        settings.parse(values, prod.PROFILE, project="eks-identity", stack="prod")
    _, _, output = code_blocks["console"][0].partition("\n")
    assert str(error.value) == output.rstrip()
