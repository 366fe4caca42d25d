"""Nothing of a request is ignored: odd values are validation errors, and each member and property has an effect."""

import json
from pathlib import Path

import pytest
from moto.core.utils import get_service_model

from lab.cloud.cloudformation.changes import list_changes
from lab.cloud.cloudformation.errors import ValidationError
from lab.cloud.cloudformation.parameters import check_declarations, describe_declarations, resolve
from lab.cloud.cloudformation.records import StackRecord, StackSettings
from lab.cloud.cloudformation.resource_schemas import load_schema
from lab.cloud.cloudformation.resource_types import RESOURCE_TYPES
from lab.cloud.cloudformation.templates import Template
from lab.cloud.services import SERVICES
from support.cloudformation_stacks import as_text, role


def read(template):
    return Template(as_text(template), "ap-northeast-1")


ODD_VALUES = [None, True, 7, "", "x", [], ["x"], [{}], {}, {"Ref": {}}, {"Fn::If": [{}, 1, 2]}, {"Fn::GetAtt": [1, 2]}]
COMPLETE = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Description": "text",
    "Metadata": {"a": 1},
    "Parameters": {"P": {"Type": "String", "Default": "a", "AllowedPattern": "a+", "MinLength": 1, "NoEcho": False}},
    "Mappings": {"M": {"a": {"b": "c"}}},
    "Conditions": {"C": {"Fn::Not": [{"Fn::Equals": [{"Ref": "P"}, "b"]}]}, "D": {"Condition": "C"}},
    "Resources": {
        "A": {
            **role(Tags=[{"Key": "a", "Value": "b"}], Path={"Fn::Sub": ["/${x}/", {"x": "y"}]}),
            "Condition": "C",
            "DeletionPolicy": "Retain",
        },
        "B": {
            "Type": "AWS::IAM::Policy",
            "DependsOn": ["A"],
            "Properties": {
                "PolicyName": {"Fn::Join": ["-", [{"Ref": "P"}, {"Fn::FindInMap": ["M", "a", "b"]}]]},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]},
                "Roles": [{"Fn::If": ["C", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]}],
            },
        },
    },
    "Outputs": {
        "O": {"Condition": "D", "Description": "d", "Value": {"Fn::GetAtt": ["A", "Arn"]}, "Export": {"Name": "n"}}
    },
}


def with_odd_values(value):
    """Yield copies of a template, in each of which one value is replaced by an odd one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        for odd in ODD_VALUES:
            changed = dict(value) if isinstance(value, dict) else list(value)
            changed[key] = odd
            yield changed
        for inner in with_odd_values(item):
            changed = dict(value) if isinstance(value, dict) else list(value)
            changed[key] = inner
            yield changed


def test_no_template_is_an_internal_error():
    """Whatever a template has in any place, it is read or is a validation error."""
    outcomes = {"read": 0, "rejected": 0}
    for template in with_odd_values(COMPLETE):
        try:
            found = read(template)
            check_declarations(found.parameters)
            settings = StackSettings(found, resolve(found.parameters, (), {}), {"team": "a"}, (), None)
            arn = "arn:aws:cloudformation:ap-northeast-1:123456789012:stack/s/1"
            list_changes(StackRecord("s", arn, settings, "CREATE_IN_PROGRESS"), settings)
            json.dumps([describe_declarations(found.parameters), found.capabilities])
            outcomes["read"] += 1
        except ValidationError:
            outcomes["rejected"] += 1
    assert min(outcomes.values()) > 100, outcomes


def test_every_member_of_the_input_is_read_or_listed():
    """Each member of an operation's input has an effect, or is in the lists of members without one."""
    folder = Path(__file__).resolve().parents[4] / "lab" / "cloud" / "cloudformation"
    code = "".join(file.read_text() for file in folder.glob("*.py"))
    model = get_service_model("cloudformation")
    members = {
        member
        for operation in SERVICES["cloudformation"].operations
        for member in model.operation_model(operation).input_shape.members
    }
    assert [name for name in sorted(members) if f'"{name}"' not in code] == []


def test_deeply_nested_templates_are_rejected():
    """A template that nests lists thousands of levels deep is a validation error."""
    for depth in (200, 20_000):
        with pytest.raises(ValidationError):
            read('{"Resources": ' + "[" * depth + "]" * depth + "}")


def test_every_property_of_each_type_is_implemented():
    """Each property that a type's schema lets a template set is used by the type's module."""
    folder = Path(__file__).resolve().parents[4] / "lab" / "cloud" / "cloudformation" / "resource_types"
    code = "".join(file.read_text() for file in folder.glob("*.py"))
    for name in RESOURCE_TYPES:
        schema = load_schema(name)
        properties = set(schema._document["properties"]) - schema.read_only
        plurals = {"Groups", "Roles", "Users", "GroupName", "UserName"}  # the code has the kind and a suffix
        assert [item for item in properties - plurals if f'"{item}"' not in code] == [], name
