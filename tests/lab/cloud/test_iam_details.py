"""GetAccountAuthorizationDetails: what one listing says of all users, groups, roles and policies."""

import pytest

from support.cloud_helpers import (
    allow,
    assume,
    client,
    expect_error_code,
    new_role,
    new_user,
    policy_document,
    trust_policy,
    unique_name,
)


@pytest.fixture(scope="module")
def iam(cloud):
    return client(cloud, "iam")


def details_of(iam, **arguments):
    """Return the lists of all pages."""
    lists = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    for page in iam.get_paginator("get_account_authorization_details").paginate(**arguments):
        for name in lists:
            lists[name] += page[name]
    return lists


def named(entries, name):
    (entry,) = (entry for entry in entries if name in entry.values())
    return entry


def test_account_authorization_details_have_policies_trust_boundary_tags_and_last_use(cloud, iam):
    """The listing says of a role what GetRole and the requests for its policies say, with RoleLastUsed."""
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    arn = new_role(
        cloud,
        trust_policy({"AWS": "123456789012"}),
        allow("s3:ListBucket"),
        PermissionsBoundary=boundary,
        Tags=[{"Key": "team", "Value": "a"}],
    )
    name = arn.rpartition("/")[2]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    assert "LastUsedDate" not in named(details_of(iam)["RoleDetailList"], arn)["RoleLastUsed"]
    assume(cloud, arn)
    listed, role = named(details_of(iam)["RoleDetailList"], arn), iam.get_role(RoleName=name)["Role"]
    for member in ("Arn", "RoleId", "CreateDate", "AssumeRolePolicyDocument", "Tags", "PermissionsBoundary"):
        assert listed[member] == role[member]
    assert listed["RoleLastUsed"]["LastUsedDate"] == role["RoleLastUsed"]["LastUsedDate"]
    inline = iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"]
    assert listed["RolePolicyList"] == [{"PolicyName": "inline", "PolicyDocument": inline}]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert listed["AttachedManagedPolicies"] == attached


def test_account_authorization_details_have_users_with_groups_and_groups_with_policies(cloud, iam):
    """The listing says which groups a user is in, and which policies users and groups have."""
    user, _ = new_user(cloud, allow("s3:ListBucket"), PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    group = unique_name("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.put_group_policy(GroupName=group, PolicyName="own", PolicyDocument=policy_document(allow("s3:GetObject")))
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    iam.attach_user_policy(UserName=user, PolicyArn="arn:aws:iam::aws:policy/SecurityAudit")
    details = details_of(iam)
    listed = named(details["UserDetailList"], user)
    assert listed["GroupList"] == [group]
    assert [policy["PolicyName"] for policy in listed["UserPolicyList"]] == ["inline"]
    assert listed["UserPolicyList"][0]["PolicyDocument"]["Statement"][0]["Action"] == ["s3:ListBucket"]
    assert [policy["PolicyName"] for policy in listed["AttachedManagedPolicies"]] == ["SecurityAudit"]
    assert listed["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("/ReadOnlyAccess")
    of_group = named(details["GroupDetailList"], group)
    assert [policy["PolicyName"] for policy in of_group["GroupPolicyList"]] == ["own"]
    assert [policy["PolicyName"] for policy in of_group["AttachedManagedPolicies"]] == ["SecurityAudit"]


def test_account_authorization_details_have_all_local_policies_and_only_attached_ones_of_aws(iam):
    """A policy of AWS is listed while an entity has it; a policy of the account always, with its versions."""
    name, job = unique_name("policy"), "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
    document = policy_document(allow("s3:ListBucket"))
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy_document(allow("s3:GetObject")), SetAsDefault=True)
    listed = named(details_of(iam)["Policies"], arn)
    assert {version["VersionId"]: version["IsDefaultVersion"] for version in listed["PolicyVersionList"]} == {
        "v1": False,
        "v2": True,
    }
    assert listed["DefaultVersionId"] == "v2"
    assert job not in [policy["Arn"] for policy in details_of(iam)["Policies"]]
    group = unique_name("group")
    iam.create_group(GroupName=group)
    iam.attach_group_policy(GroupName=group, PolicyArn=job)
    (version,) = named(details_of(iam, Filter=["AWSManagedPolicy"])["Policies"], job)["PolicyVersionList"]
    assert version["Document"]["Version"] == "2012-10-17"
    iam.detach_group_policy(GroupName=group, PolicyArn=job)
    assert job not in [policy["Arn"] for policy in details_of(iam)["Policies"]]


def test_account_authorization_details_have_pages_and_filters(cloud, iam):
    """Pages of one entity give all entities, and a filter gives one kind."""
    new_user(cloud)
    new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"}))
    everything = details_of(iam)
    assert details_of(iam, PaginationConfig={"PageSize": 1}) == everything
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert only["RoleDetailList"] == everything["RoleDetailList"]
    assert (only["UserDetailList"], only["Policies"]) == ([], [])
    page = iam.get_account_authorization_details(MaxItems=1)
    assert page["IsTruncated"]
    assert sum(len(page[name]) for name in everything) == 1
    assert expect_error_code(lambda: iam.get_account_authorization_details(Marker="x")) == "ValidationError"


def test_account_authorization_details_require_their_own_action(cloud):
    """A principal that may list roles and users is denied, with the action in the message."""
    _, key = new_user(cloud, allow("iam:ListRoles", "iam:ListUsers"))
    denied = lambda: client(cloud, "iam", key).get_account_authorization_details()  # noqa: E731
    assert expect_error_code(denied) == "AccessDenied"
