"""The committed JSON schema of settings files: up to date, valid for the repository, as strict as the models."""

import copy

import pytest
from jsonschema import Draft202012Validator

from stacks import environments
from stacks.settings import schema
from support.stack_files import PROJECT, load_file, set_value


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(schema.build_schema())
    return Draft202012Validator(schema.build_schema())


def test_schema_file_is_up_to_date():
    """stacks/schema.json equals the generated schema; `make schema` updates it."""
    assert schema.FILE.read_text() == schema.schema_text()


@pytest.mark.parametrize("stack", environments.list_environments())
def test_schema_validates_every_settings_file(stack, validator):
    """Each settings file is valid against the schema, and its first line refers editors to it."""
    assert list(validator.iter_errors(load_file(stack))) == []
    first_line, *_ = (PROJECT / f"Pulumi.{stack}.yaml").read_text().splitlines()
    assert first_line == f"# yaml-language-server: $schema={schema.FILE.relative_to(PROJECT)}"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("eks-identity:acess", {}),
        ("eks-identity:account", 111122223333),
        ("eks-identity:account", None),
        ("eks-identity:clusters.dev.colour", "red"),
        ("eks-identity:clusters.dev.create.vpc", "vpc-1"),
        ("eks-identity:clusters.dev.create.authentication_mode", "SSH"),
        ("eks-identity:clusters.dev.node_groups.small.instance_types", "t3.small"),
        ("eks-identity:access.operators.access_method", "ssh"),
        ("eks-identity:access.operators.principals", [{"name": "eks-ope"}]),
        ("eks-identity:workloads.reports.mode", "kube2iam"),
        ("eks-identity:workloads.reports.namespace", None),
        ("aws:region", None),
    ],
)
def test_schema_rejects_invalid_settings(path, value, validator):
    """The schema rejects unknown keys, missing keys and wrong values."""
    document = copy.deepcopy(load_file("dev"))
    set_value(document["config"], path, value)
    assert list(validator.iter_errors(document))


def test_schema_allows_settings_of_other_packages(validator):
    """Settings of providers and Pulumi's own keys are valid."""
    document = load_file("dev") | {"encryptionsalt": "v1:abc"}
    document["config"]["aws:profile"] = "dev"
    document["config"]["kubernetes:enableServerSideApply"] = "true"
    assert list(validator.iter_errors(document)) == []


def test_schema_describes_every_setting():
    """Each setting of the project, of the components and of pulumi_eks has a description for editors."""
    document = schema.build_schema()
    definitions = {"config": document["properties"]["config"], **document["$defs"]}
    undescribed = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, value in definition.get("properties", {}).items()
        if not value.get("description")
    ]
    assert undescribed == []
