"""The root user of an account, which has all permissions without an IAM policy."""

import json

import pytest

from support.cloud_helpers import client, expect_error_code, unique_name

ROOT_ARN = "arn:aws:iam::{}:root"


@pytest.fixture
def root(cloud):
    return cloud.root_user(cloud.account)


def test_root_user_identity(cloud, root):
    """Its ARN ends with `root`, its user id is the account id, and ListUsers does not list it."""
    identity = client(cloud, "sts", root).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (ROOT_ARN.format(cloud.account), cloud.account)
    assert client(cloud, "iam", root).get_user()["User"]["Arn"] == identity["Arn"]
    assert identity["Arn"] not in {user["Arn"] for user in client(cloud, "iam").list_users()["Users"]}


def test_root_user_has_full_access_to_its_account_only(cloud, root):
    """It needs no policy, and each account has its own root user."""
    user_name = unique_name("created-by-root")
    client(cloud, "iam", root).create_user(UserName=user_name)
    assert (
        client(cloud, "iam").get_user(UserName=user_name)["User"]["Arn"].endswith(f"{cloud.account}:user/{user_name}")
    )
    cloud.add_account("222222222222")
    other = cloud.root_user("222222222222")
    assert client(cloud, "sts", other).get_caller_identity()["Account"] == "222222222222"
    assert expect_error_code(lambda: client(cloud, "iam", other).get_user(UserName=user_name)) == "NoSuchEntity"


def test_root_user_cannot_assume_roles(cloud, root):
    """It cannot assume a role, even if the role trusts the whole account."""
    principal = {"AWS": ROOT_ARN.format(cloud.account)}
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    role = client(cloud, "iam").create_role(RoleName=unique_name("role"), AssumeRolePolicyDocument=json.dumps(document))
    request = {"RoleArn": role["Role"]["Arn"], "RoleSessionName": "root"}
    assert client(cloud, "sts").assume_role(**request)
    assert expect_error_code(lambda: client(cloud, "sts", root).assume_role(**request)) == "AccessDenied"


def test_root_user_with_wrong_secret_is_rejected(cloud, root):
    """Its signature is verified like every other one."""
    credentials = type(root)(root.access_key_id, "0" * 40)
    assert expect_error_code(lambda: client(cloud, "sts", credentials).get_caller_identity()) == "SignatureDoesNotMatch"
