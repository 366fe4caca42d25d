"""Templates: what CloudFormation rejects before it creates anything, and what the lab does not implement."""

import json

import pytest

from lab.cloud.cloudformation.documents import parse_document
from lab.cloud.cloudformation.errors import ValidationError
from lab.cloud.cloudformation.templates import Template
from support.cloud_helpers import client, expect_error, unique_name
from support.cloudformation_stacks import as_text, resources, role

YAML = """
AWSTemplateFormatVersion: 2010-09-09
Conditions:
  HasName: !Not [!Equals [!Ref Name, ""]]
Parameters:
  Name: {Type: String, Default: ""}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !If [HasName, !Ref Name, !Ref "AWS::NoValue"]
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Principal: {Service: !Sub "ec2.${AWS::URLSuffix}"}, Action: "sts:AssumeRole"}
Outputs:
  Arn:
    Value: !GetAtt Role.Arn
"""


def read(template):
    return Template(as_text(template), "ap-northeast-1")


def problem(template):
    with pytest.raises(ValidationError) as raised:
        read(template)
    return raised.value.message


def test_yaml_has_the_short_forms_of_functions():
    """YAML and JSON are read alike. The version of a policy is text, and not a date."""
    document = parse_document(YAML)
    assert document["AWSTemplateFormatVersion"] == "2010-09-09"
    assert document["Outputs"]["Arn"]["Value"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert document["Conditions"]["HasName"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]}
    policy = document["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]
    assert policy["Version"] == "2012-10-17"
    assert policy["Statement"][0]["Principal"] == {"Service": {"Fn::Sub": "ec2.${AWS::URLSuffix}"}}
    assert parse_document(json.dumps(document)) == document
    assert parse_document("Mappings: {ByAccount: {012345678901: {yes: 1}}}") == {
        "Mappings": {"ByAccount": {"012345678901": {"yes": 1}}}
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Resources": ', "Template format error: JSON not well-formed. (line 1, column 15)"),
        ("Resources:\n  - a\n  b", "Template format error: YAML not well-formed. (line 3, column 4)"),
        ("Resources: &a {}\nOutputs: *a", "Template error: YAML aliases are not allowed in CloudFormation templates"),
        ("A: 1\nA: 2", "Template format error: YAML not well-formed. (line 1, column 1)"),
        ('{"Description": "\\u0001"}', "Template format error: the template has a control character"),
        ("just text", "Template format error: unsupported structure."),
        ("- a", "Template format error: unsupported structure."),
        ("Resources: !!python/object:x.y {}", "Template format error: YAML not well-formed. (line 1, column 12)"),
    ],
)
def test_malformed_text_is_rejected(text, message):
    """A text that is no template names the position of its error."""
    with pytest.raises(ValidationError) as raised:
        parse_document(text)
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"Resources": {}}, "Template format error: At least one Resources member must be defined."),
        ({**resources(A=role()), "Foo": {}}, "Invalid template property or properties [Foo]"),
        ({**resources(A=role()), "AWSTemplateFormatVersion": "2011"}, "unsupported value for AWSTemplateFormatVersion"),
        ({"Resources": {"a-b": role()}}, "Template format error: Resource name a-b is non alphanumeric."),
        ({"Resources": {"A": {}}}, "[/Resources/A] Every Resources object must contain a Type member."),
        ({"Resources": {"A": "x"}}, "Every Resources member must be an object"),
        (resources(A={**role(), "Foo": 1}), "Invalid template resource property 'Foo'"),
        (resources(A={**role(), "DependsOn": "B"}), "Unresolved resource dependencies [B] in the Resources block"),
        (resources(A={**role(), "Condition": "C"}), "Unresolved condition dependency C"),
        (resources(A={**role(), "DeletionPolicy": "Snapshot"}), "does not support DeletionPolicy Snapshot"),
        (resources(A=role(RoleName={"Ref": "X"})), "Unresolved resource dependencies [X] in the Resources block"),
        (resources(A=role(RoleName={"Fn::Sub": "${X.Arn}-${AWS::Region}"})), "Unresolved resource dependencies [X]"),
        (
            resources(A=role(), B=role(Description={"Fn::GetAtt": "A.Foo"})),
            "Template error: resource A does not support attribute type Foo in Fn::GetAtt",
        ),
        (
            resources(A=role(RoleName={"Ref": "B"}), B=role(RoleName={"Ref": "A"})),
            "Circular dependency between resources: [",
        ),
        (resources(A=role(RoleName={"Fn::If": ["C", 1, 2]})), "Unresolved condition dependency C"),
        (resources(A=role(RoleName={"Fn::Equals": [1, 2]})), "can only be used in the Conditions section"),
        ({**resources(A=role()), "Outputs": {"O": {}}}, "Output O must have a Value"),
        ({**resources(A=role()), "Outputs": {"O": {"Value": {"Ref": "X"}}}}, "[X] in the Outputs block"),
    ],
)
def test_invalid_templates_are_rejected(template, message):
    """A template that CloudFormation rejects is rejected with its message."""
    assert message in problem(template)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ({**resources(A=role()), "Transform": "AWS::Serverless-2016-10-31"}, "Transform"),
        ({**resources(A=role()), "Rules": {}}, "Rules"),
        (resources(A={**role(), "CreationPolicy": {}}), "CreationPolicy"),
        (resources(A=role(RoleName={"Fn::GetAZs": ""})), "Fn::GetAZs"),
        (resources(A=role(RoleName="{{resolve:ssm:name}}")), "{{resolve:"),
        (resources(A={"Type": "AWS::S3::Bucket"}, B={"Type": "AWS::EC2::VPC"}), "[AWS::S3::Bucket, AWS::EC2::VPC]"),
        (resources(A={"Type": "AWS::EKS::Cluster"}), "[AWS::EKS::Cluster]"),
        (resources(A={"Type": "AWS::CloudFormation::Stack"}), "[AWS::CloudFormation::Stack]"),
    ],
)
def test_what_the_lab_does_not_implement_is_named(template, name):
    """A section, function, attribute or resource type that the lab does not implement is an error that names it."""
    message = problem(template)
    assert message.startswith("The lab does not implement")
    assert name in message


@pytest.mark.parametrize("type_name", ["AWS::Foo::Bar", "Custom::Thing", "AWS::IAM::Roles", "AWS::EKS::Accessentry"])
def test_unknown_resource_types_create_nothing(stacks, type_name):
    """CreateStack, CreateChangeSet and ValidateTemplate reject a type that does not exist. There is no stack then."""
    template, name = as_text(resources(Role=role(), A={"Type": type_name})), unique_name("stack")
    named = {"StackName": name, "Capabilities": ["CAPABILITY_IAM"]}
    for call in (
        lambda: stacks.api.create_stack(TemplateBody=template, **named),
        lambda: stacks.api.create_change_set(TemplateBody=template, ChangeSetName="c", ChangeSetType="CREATE", **named),
        lambda: stacks.api.validate_template(TemplateBody=template),
    ):
        expected = f"Template format error: Unrecognized resource types: [{type_name}]"
        assert expect_error(call) == ("ValidationError", expected)
    assert expect_error(lambda: stacks.describe(name))[0] == "ValidationError"


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"RoelName": "x"}, "#: extraneous key [RoelName] is not permitted"),
        ({"Arn": "arn:aws:iam::123456789012:role/x"}, "#: extraneous key [Arn] is not permitted"),
        ({"AssumeRolePolicyDocument": {"Ref": "AWS::NoValue"}}, "#: required key [AssumeRolePolicyDocument] not found"),
        ({"MaxSessionDuration": 60}, "#/MaxSessionDuration: 60 is less than the minimum of 3600"),
        ({"Policies": [{"PolicyName": "p"}]}, "#/Policies/0: required key [PolicyDocument] not found"),
        ({"Tags": [{"Key": "a<b", "Value": "x"}]}, "#/Tags/0/Key: string [a<b] does not match pattern"),
    ],
)
def test_invalid_properties_fail_the_resource(stacks, properties, message):
    """A resource with invalid properties fails and names them, and the stack rolls back."""
    stack = stacks.create(resources(Bad=role(**properties)))
    assert stacks.status(stack) == "ROLLBACK_COMPLETE"
    assert "Properties validation failed for resource Bad with message:" in stacks.reasons(stack)
    assert message in stacks.reasons(stack)
    assert stacks.physical_ids(stack) == {"Bad": ""}


def test_validate_template_describes_it(stacks):
    """ValidateTemplate returns the parameters, and the capabilities with their reason."""
    described = stacks.api.validate_template(TemplateBody=YAML)
    assert described["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert described["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"
    assert described["Parameters"] == [{"ParameterKey": "Name", "DefaultValue": "", "NoEcho": False}]


def test_template_of_a_stack_is_returned(stacks):
    """GetTemplate returns the text as sent, and GetTemplateSummary its parameters and types."""
    stack = stacks.create(YAML)
    assert stacks.api.get_template(StackName=stack)["TemplateBody"] == YAML
    summary = stacks.api.get_template_summary(StackName=stack)
    assert (summary["ResourceTypes"], summary["Version"]) == (["AWS::IAM::Role"], "2010-09-09")
    assert summary["Parameters"][0]["ParameterType"] == "String"


def test_members_that_the_lab_does_not_implement_are_rejected(stacks, cloud):
    """A member of the input without an implementation is an error that names it."""
    template = as_text(resources(Role=role()))
    for member, value in (
        ("NotificationARNs", ["arn:aws:sns:us-east-1:123456789012:t"]),
        ("StackPolicyBody", "{}"),
        ("RollbackConfiguration", {"MonitoringTimeInMinutes": 5}),
    ):
        request = {"StackName": unique_name("s"), "TemplateBody": template, member: value}
        code, message = expect_error(lambda r=request: stacks.api.create_stack(**r))
        assert (code, f"The lab does not implement {member}" in message) == ("ValidationError", True)
    iam = client(cloud, "iam")
    assert [entry for entry in iam.list_roles()["Roles"] if entry["RoleName"].startswith("s-")] == []
