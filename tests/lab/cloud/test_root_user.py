"""The root user of an account: a caller that no policy of IAM says anything of."""

import json

import pytest
from cloud_helpers import client, code, name

EVERYBODY_HERE = "arn:aws:iam::{}:root"


@pytest.fixture
def root(cloud):
    return cloud.root_user(cloud.account)


def test_it_is_the_account_and_no_user(cloud, root):
    """Its ARN ends in `root`, its user id is the account's number, and IAM lists it nowhere."""
    known = client(cloud, "sts", root).get_caller_identity()
    assert (known["Arn"], known["UserId"]) == (EVERYBODY_HERE.format(cloud.account), cloud.account)
    assert client(cloud, "iam", root).get_user()["User"]["Arn"] == known["Arn"]
    assert known["Arn"] not in {user["Arn"] for user in client(cloud, "iam").list_users()["Users"]}


def test_it_may_do_everything_in_its_account(cloud, root):
    """Without a policy; and the key of another account's root user is another's."""
    made = name("made-by-root")
    client(cloud, "iam", root).create_user(UserName=made)
    assert client(cloud, "iam").get_user(UserName=made)["User"]["Arn"].endswith(f"{cloud.account}:user/{made}")
    cloud.add_account("222222222222")
    other = cloud.root_user("222222222222")
    assert client(cloud, "sts", other).get_caller_identity()["Account"] == "222222222222"
    assert code(lambda: client(cloud, "iam", other).get_user(UserName=made)) == "NoSuchEntity"


def test_it_takes_no_role_on(cloud, root):
    """Not even one that trusts the whole account."""
    trusted = {"AWS": EVERYBODY_HERE.format(cloud.account)}
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}],
    }
    role = client(cloud, "iam").create_role(RoleName=name("role"), AssumeRolePolicyDocument=json.dumps(document))
    wanted = {"RoleArn": role["Role"]["Arn"], "RoleSessionName": "root"}
    assert client(cloud, "sts").assume_role(**wanted)
    assert code(lambda: client(cloud, "sts", root).assume_role(**wanted)) == "AccessDenied"


def test_a_wrong_secret_is_refused(cloud, root):
    """Its key is checked as every other one."""
    wrong = type(root)(root.access_key_id, "0" * 40)
    assert code(lambda: client(cloud, "sts", wrong).get_caller_identity()) == "SignatureDoesNotMatch"
