"""The committed JSON schema: made of the models, right for the files of the repository, and as strict as reading."""

import copy

import pytest
from jsonschema import Draft202012Validator
from stack_files import PROJECT, file, put

from stacks import select
from stacks.settings import schema


@pytest.fixture(scope="module")
def validator():
    Draft202012Validator.check_schema(schema.schema())
    return Draft202012Validator(schema.schema())


def test_the_schema_is_what_the_models_say():
    """stacks/schema.json is up to date; `make schema` writes it anew."""
    assert schema.FILE.read_text() == schema.text()


@pytest.mark.parametrize("stack", select.environments())
def test_every_file_is_valid_and_names_the_schema(stack, validator):
    """Each settings file is valid by the schema that its first line hands to editors."""
    assert list(validator.iter_errors(file(stack))) == []
    first, *_ = (PROJECT / f"Pulumi.{stack}.yaml").read_text().splitlines()
    assert first == f"# yaml-language-server: $schema={schema.FILE.relative_to(PROJECT)}"


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
def test_editors_see_what_reading_refuses(path, value, validator):
    """Unknown keys, missing ones and wrong values are errors by the schema too."""
    wrong = copy.deepcopy(file("dev"))
    put(wrong["config"], path, value)
    assert list(validator.iter_errors(wrong))


def test_settings_of_other_packages_are_theirs(validator):
    """Providers' settings and Pulumi's own keys stand beside the project's."""
    theirs = file("dev") | {"encryptionsalt": "v1:abc"}
    theirs["config"]["aws:profile"] = "dev"
    theirs["config"]["kubernetes:enableServerSideApply"] = "true"
    assert list(validator.iter_errors(theirs)) == []


def test_every_setting_is_described():
    """Whatever an editor completes, it can explain: our own settings, the components' and pulumi_eks's."""
    made = schema.schema()
    parts = {"config": made["properties"]["config"], **made["$defs"]}
    silent = [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, value in part.get("properties", {}).items()
        if not value.get("description") and name not in FOREIGN
    ]
    assert silent == []


FOREIGN = {"NodeGroupRemoteAccess", "LaunchTemplateTagSpecification"}
"""Types of the generated SDKs that say nothing of their fields."""
