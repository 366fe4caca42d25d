"""Intrinsic functions, parameters, conditions and exports, as the outputs of real stacks."""

import pytest

from support.cloud_helpers import expect_error, unique_name
from support.cloudformation_stacks import resources, role


def with_outputs(expressions, **sections):
    outputs = {name: {"Value": value} for name, value in expressions.items()}
    return {**resources(Role=role(Path="/team/")), "Outputs": outputs, **sections}


def test_functions_return_what_cloudformation_returns(cloud, stacks):
    """Each function has its value, also nested."""
    mappings = {"ByRegion": {cloud.region: {"name": "tokyo", "list": ["x", "y"]}}}
    expressions = {
        "Ref": {"Ref": "Role"},
        "Arn": {"Fn::GetAtt": ["Role", "Arn"]},
        "Dotted": {"Fn::GetAtt": "Role.Arn"},
        "Sub": {"Fn::Sub": "${AWS::Region}/${Role.Arn}/${!Literal}/${Role}"},
        "SubMap": {"Fn::Sub": ["${a}-${AWS::AccountId}", {"a": {"Ref": "AWS::Partition"}}]},
        "Join": {"Fn::Join": ["-", ["a", {"Ref": "AWS::URLSuffix"}, {"Fn::If": ["No", "x", {"Ref": "AWS::NoValue"}]}]]},
        "Select": {"Fn::Select": ["1", {"Fn::Split": ["/", {"Fn::GetAtt": ["Role", "Arn"]}]}]},
        "Map": {"Fn::FindInMap": ["ByRegion", {"Ref": "AWS::Region"}, "name"]},
        "MapList": {"Fn::Select": [1, {"Fn::FindInMap": ["ByRegion", {"Ref": "AWS::Region"}, "list"]}]},
        "Base64": {"Fn::Base64": "text"},
        "If": {"Fn::If": ["Both", "yes", "no"]},
        "Stack": {"Ref": "AWS::StackName"},
        "StackId": {"Ref": "AWS::StackId"},
        "Number": 5,
        "List": {"Fn::Select": [2, {"Ref": "Items"}]},
    }
    conditions = {
        "Yes": {"Fn::Equals": [{"Ref": "Env"}, "prod"]},
        "No": {"Fn::Not": [{"Condition": "Yes"}]},
        "Both": {"Fn::And": [{"Condition": "Yes"}, {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}]},
    }
    parameters = {
        "Env": {"Type": "String", "Default": "prod"},
        "Items": {"Type": "CommaDelimitedList", "Default": "a, b,c"},
    }
    template = with_outputs(expressions, Mappings=mappings, Conditions=conditions, Parameters=parameters)
    stack = stacks.create(template)
    outputs, name = stacks.outputs(stack), stacks.physical_ids(stack)["Role"]
    arn = f"arn:aws:iam::{cloud.account}:role/team/{name}"
    assert outputs == {
        "Ref": name,
        "Arn": arn,
        "Dotted": arn,
        "Sub": f"{cloud.region}/{arn}/${{Literal}}/{name}",
        "SubMap": f"aws-{cloud.account}",
        "Join": "a-amazonaws.com",
        "Select": "team",
        "Map": "tokyo",
        "MapList": "y",
        "Base64": "dGV4dA==",
        "If": "yes",
        "Stack": stack,
        "StackId": stacks.describe(stack)["StackId"],
        "Number": "5",
        "List": "c",
    }
    assert name.startswith(f"{stack}-Role-")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Fn::Select": [3, ["a"]]}, "Fn::Select cannot select nonexistent value at index 3"),
        ({"Fn::FindInMap": ["M", "a", "z"]}, "Unable to get mapping for M::a::z"),
        ({"Fn::ImportValue": "missing"}, "No export named missing found"),
        ({"Fn::Join": ["-", "text"]}, "every Fn::Join object requires a list of values"),
        ({"Fn::Sub": ["a"]}, "every Fn::Sub object requires a list with 2 parameters"),
        (["a", {"k": 1}], "The Value field of Output O must evaluate to a String"),
    ],
)
def test_expressions_without_a_value_fail(stacks, expression, message):
    """An expression that has no value fails with CloudFormation's message, before or during the creation."""
    template = with_outputs({"O": expression}, Mappings={"M": {"a": {"b": "c"}}})
    name = unique_name("stack")
    try:
        stacks.create(template, name)
        found = stacks.reasons(name)
    except stacks.api.exceptions.ClientError as error:
        found = str(error)
    else:
        assert stacks.status(name) == "ROLLBACK_COMPLETE"
    assert message in found


def test_conditions_decide_about_resources_and_outputs(stacks):
    """A resource or an output whose condition is false does not exist; an update can create it."""
    template = {
        **resources(Role=role(), Extra={**role(), "Condition": "More"}),
        "Parameters": {"More": {"Type": "String", "Default": "no", "AllowedValues": ["yes", "no"]}},
        "Conditions": {"More": {"Fn::Equals": [{"Ref": "More"}, "yes"]}},
        "Outputs": {"Extra": {"Condition": "More", "Value": {"Ref": "Extra"}}},
    }
    stack = stacks.create(template)
    assert (set(stacks.physical_ids(stack)), stacks.outputs(stack)) == ({"Role"}, {})
    more = [{"ParameterKey": "More", "ParameterValue": "yes"}]
    assert stacks.update(stack, template, Parameters=more) == "UPDATE_COMPLETE"
    assert stacks.outputs(stack) == {"Extra": stacks.physical_ids(stack)["Extra"]}
    previous = [{"ParameterKey": "More", "UsePreviousValue": True}]
    message = expect_error(lambda: stacks.update(stack, template, Parameters=previous))[1]
    assert message == "No updates are to be performed."


def test_reference_to_a_resource_without_its_condition_is_rejected(stacks):
    """A resource that refers to one whose condition is false is a validation error; there is no stack."""
    template = {
        **resources(No={**role(), "Condition": "No"}, Role=role(Description={"Ref": "No"})),
        "Conditions": {"No": {"Fn::Equals": ["a", "b"]}},
    }
    code, message = expect_error(lambda: stacks.create(template))
    assert (code, "Unresolved resource dependencies [No]" in message) == ("ValidationError", True)


@pytest.mark.parametrize(
    ("declaration", "value", "message"),
    [
        ({"Type": "String"}, None, "Parameters: [P] must have values"),
        ({"Type": "String", "AllowedValues": ["a"]}, "b", "Parameter 'P' must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A1", "Parameter 'P' must match pattern [a-z]+"),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "lower case"},
            "A",
            "Parameter 'P' failed to satisfy constraint: lower case",
        ),
        ({"Type": "String", "MinLength": 3}, "ab", "Parameter 'P' must contain at least 3 characters"),
        ({"Type": "String", "MaxLength": 1}, "ab", "Parameter 'P' must contain at most 1 characters"),
        ({"Type": "Number", "MaxValue": 5}, "6", "Parameter 'P' must be a number not greater than 5"),
        ({"Type": "Number"}, "x", "Parameter validation failed: parameter value x for P is not a number"),
        ({"Type": "AWS::EC2::VPC::Id"}, "vpc-1", "The lab does not implement the parameter type AWS::EC2::VPC::Id"),
        ({"Type": "String", "Foo": 1}, "x", "Invalid template parameter property 'Foo'"),
        ({"Default": "x"}, "x", "Every Parameters object must contain a Type member: P"),
    ],
)
def test_invalid_parameters_are_rejected(stacks, declaration, value, message):
    """A parameter's value that its declaration does not allow is a validation error."""
    template = with_outputs({"O": {"Ref": "P"}}, Parameters={"P": declaration})
    values = [] if value is None else [{"ParameterKey": "P", "ParameterValue": value}]
    code, text = expect_error(lambda: stacks.create(template, Parameters=values))
    assert (code, message in text) == ("ValidationError", True), text


def test_unknown_parameters_are_rejected_and_hidden_ones_are_masked(stacks):
    """A value without a declaration is an error. NoEcho values are not shown."""
    template = with_outputs({}, Parameters={"Secret": {"Type": "String", "NoEcho": True}})
    secret = {"ParameterKey": "Secret", "ParameterValue": "s3cret"}
    other = {"ParameterKey": "Other", "ParameterValue": "x"}
    message = expect_error(lambda: stacks.create(template, Parameters=[secret, other]))[1]
    assert message == "Parameters: [Other] do not exist in the template"
    stack = stacks.create(template, Parameters=[secret])
    assert stacks.describe(stack)["Parameters"] == [{"ParameterKey": "Secret", "ParameterValue": "****"}]


def test_exports_are_imported_and_protected(stacks):
    """Another stack imports an export, which then can neither be deleted nor exported twice."""
    export = unique_name("export")
    exporting = {**resources(Role=role()), "Outputs": {"O": {"Value": {"Ref": "Role"}, "Export": {"Name": export}}}}
    first = stacks.create(exporting)
    second = stacks.create(with_outputs({"Name": {"Fn::ImportValue": export}}))
    assert stacks.outputs(second)["Name"] == stacks.physical_ids(first)["Role"]
    assert stacks.api.list_imports(ExportName=export)["Imports"] == [second]
    names = [entry["Name"] for entry in stacks.api.list_exports()["Exports"]]
    assert export in names
    third = stacks.create(exporting)
    assert stacks.status(third) == "ROLLBACK_COMPLETE"
    assert f"Export with name {export} is already exported by stack {first}" in stacks.reasons(third)
    assert stacks.delete(first) == "DELETE_FAILED"
    assert f"Export {export} cannot be deleted as it is in use by {second}" in stacks.reasons(first)
    assert stacks.delete(second) == "DELETE_COMPLETE"
    assert stacks.delete(first) == "DELETE_COMPLETE"
