"""The IAM resource types of CloudFormation: their entities, identifiers and attributes."""

import json

from support.cloud_helpers import (
    allow,
    expect_error,
    new_role,
    trust_policy,
    unique_name,
)
from support.cloudformation_stacks import POD_TRUST, READ, WRITE, policy, resources, role


def test_all_iam_types_have_their_identifiers(cloud, stacks, iam):
    """Each IAM type creates its entity, `Ref` and `Fn::GetAtt` name it, and the deletion removes it."""
    user, group = unique_name("user"), unique_name("group")
    iam.create_user(UserName=user)
    iam.create_group(GroupName=group)
    own = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"})).rpartition("/")[2]
    issuer = f"https://oidc.example.com/id/{user}"
    document = {"PolicyDocument": READ}
    template = resources(
        Role=role(),
        Profile={"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}},
        Inline=policy(READ, Roles=[{"Ref": "Role"}, own], Users=[user], Groups=[group]),
        OfRole={"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "r", "RoleName": own, **document}},
        OfUser={"Type": "AWS::IAM::UserPolicy", "Properties": {"PolicyName": "u", "UserName": user, **document}},
        OfGroup={"Type": "AWS::IAM::GroupPolicy", "Properties": {"PolicyName": "g", "GroupName": group, **document}},
        Managed={"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Users": [user], "Path": "/team/", **document}},
        Provider={"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": issuer, "ClientIdList": ["a", "b"]}},
        Linked={"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "spot.amazonaws.com"}},
    )
    attributes = {"Profile": "Arn", "Managed": "PolicyArn", "Provider": "Arn", "Linked": "RoleName", "Inline": "Id"}
    template["Outputs"] = {name: {"Value": {"Fn::GetAtt": [name, value]}} for name, value in attributes.items()}
    stack = stacks.create(template)
    assert stacks.status(stack) == "CREATE_COMPLETE", stacks.reasons(stack)
    ids, outputs = stacks.physical_ids(stack), stacks.outputs(stack)
    profile = iam.get_instance_profile(InstanceProfileName=ids["Profile"])["InstanceProfile"]
    assert [entry["RoleName"] for entry in profile["Roles"]] == [ids["Role"]]
    assert outputs["Profile"] == profile["Arn"]
    assert set(iam.list_role_policies(RoleName=own)["PolicyNames"]) == {"p", "r"}
    assert set(iam.list_user_policies(UserName=user)["PolicyNames"]) == {"p", "u"}
    assert set(iam.list_group_policies(GroupName=group)["PolicyNames"]) == {"p", "g"}
    assert (ids["OfRole"], ids["OfUser"]) == (f"r|{own}", f"u|{user}")
    attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    assert [entry["PolicyArn"] for entry in attached] == [ids["Managed"]] == [outputs["Managed"]]
    assert ids["Provider"] == f"arn:aws:iam::{cloud.account}:oidc-provider/oidc.example.com/id/{user}"
    assert iam.get_role(RoleName=ids["Linked"])["Role"]["Path"] == "/aws-service-role/spot.amazonaws.com/"
    changed = json.loads(json.dumps(template))
    changed["Resources"]["Managed"]["Properties"] |= {"PolicyDocument": WRITE, "Users": [], "Groups": [group]}
    changed["Resources"]["Provider"]["Properties"]["ClientIdList"] = ["b", "c"]
    changed["Resources"]["OfUser"]["Properties"]["PolicyDocument"] = WRITE
    changed["Resources"]["Inline"]["Properties"]["Roles"] = [own]
    assert stacks.update(stack, changed) == "UPDATE_COMPLETE", stacks.reasons(stack)
    version = iam.get_policy(PolicyArn=ids["Managed"])["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=ids["Managed"], VersionId=version)["PolicyVersion"]["Document"]
    assert found == WRITE
    assert iam.list_attached_user_policies(UserName=user)["AttachedPolicies"] == []
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ids["Provider"])
    assert provider["ClientIDList"] == ["b", "c"]
    assert iam.get_user_policy(UserName=user, PolicyName="u")["PolicyDocument"] == WRITE
    assert iam.list_role_policies(RoleName=ids["Role"])["PolicyNames"] == []
    assert stacks.delete(stack) == "DELETE_COMPLETE", stacks.reasons(stack)
    assert iam.list_role_policies(RoleName=own)["PolicyNames"] == []
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []
    assert expect_error(lambda: iam.get_role(RoleName=ids["Linked"]))[0] == "NoSuchEntity"
    assert expect_error(lambda: iam.get_policy(PolicyArn=ids["Managed"]))[0] == "NoSuchEntity"


def test_role_of_a_stack_trusts_as_the_template_says(stacks, iam):
    """The trust policy of eksctl's form, with a condition and a list of actions, is stored unchanged."""
    stack = stacks.create(resources(Role=role()))
    found = iam.get_role(RoleName=stacks.physical_ids(stack)["Role"])["Role"]
    assert found["AssumeRolePolicyDocument"] == POD_TRUST


def test_existing_entities_are_neither_overwritten_nor_deleted(cloud, stacks, iam):
    """A stack whose role or inline policy exists already fails, and its rollback leaves the existing one."""
    own = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"}), allow("s3:*")).rpartition("/")[2]
    before = iam.get_role_policy(RoleName=own, PolicyName="inline")["PolicyDocument"]
    properties = {"PolicyName": "inline", "RoleName": own, "PolicyDocument": WRITE}
    for resource in (role(RoleName=own), {"Type": "AWS::IAM::RolePolicy", "Properties": properties}):
        stack = stacks.create(resources(Existing=resource))
        assert stacks.status(stack) == "ROLLBACK_COMPLETE"
        assert "HandlerErrorCode: AlreadyExists" in stacks.reasons(stack)
        assert iam.get_role_policy(RoleName=own, PolicyName="inline")["PolicyDocument"] == before
