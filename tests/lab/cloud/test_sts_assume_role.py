"""AssumeRole: both sides, conditions, limits, chains."""

from datetime import UTC, datetime

import pytest
from botocore.config import Config
from cloud_helpers import (
    allow,
    assume,
    aws,
    client,
    code,
    credentials,
    deny,
    document,
    error,
    name,
    new_role,
    new_user,
    trusts,
)


@pytest.fixture(scope="module")
def partner(cloud):
    """The administrator of a second account."""
    return cloud.add_account("210987654321")


def account(cloud, number=None):
    return {"AWS": f"arn:aws:iam::{number or cloud.account}:root"}


def test_an_assumed_role_is_the_role(cloud):
    """The session goes by the role's name without its path, has the role's id, and the role's permissions."""
    arn = new_role(cloud, trusts(account(cloud)), allow("s3:ListAllMyBuckets"), Path="/team/")
    sts = client(cloud, "sts")
    answer = sts.assume_role(RoleArn=arn, RoleSessionName="job")
    role = arn.rpartition("/")[2]
    session = credentials(answer)
    identity = client(cloud, "sts", session).get_caller_identity()
    role_id = client(cloud, "iam").get_role(RoleName=role)["Role"]["RoleId"]
    assert role_id.startswith("AROA")
    assert (
        identity["Arn"] == f"arn:aws:sts::{cloud.account}:assumed-role/{role}/job" == answer["AssumedRoleUser"]["Arn"]
    )
    assert identity["UserId"] == f"{role_id}:job" == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert client(cloud, "s3", session).list_buckets()
    assert code(lambda: client(cloud, "eks", session).list_clusters()) == "AccessDeniedException"


def test_a_role_that_is_not_there(cloud):
    """A role that does not exist cannot be told from one that is not allowed."""
    arn = f"arn:aws:iam::{cloud.account}:role/nobody"
    refused, message = error(lambda: assume(cloud, arn))
    assert refused == "AccessDenied"
    assert message.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {arn}")
    assert code(lambda: assume(cloud, "arn:aws:iam::999999999999:role/nobody")) == "AccessDenied"


@pytest.mark.parametrize(
    ("principal", "permission", "allowed"),
    [
        ("user", [], True),  # named itself: its own policies need not say so
        ("user", [deny("sts:AssumeRole")], False),
        ("account", [], False),
        ("account", [allow("sts:AssumeRole")], True),
        ("account", [allow("sts:AssumeRole", on="arn:aws:iam::*:role/other")], False),
        ("other", [allow("*")], False),
        ("service", [allow("*")], False),
    ],
)
def test_both_sides(cloud, principal, permission, allowed):
    """The trust policy must allow, and the caller's own policies where it names only the account."""
    user, key = new_user(cloud, *permission)
    other, _ = new_user(cloud)
    trusted = {
        "user": {"AWS": f"arn:aws:iam::{cloud.account}:user/{user}"},
        "other": {"AWS": f"arn:aws:iam::{cloud.account}:user/{other}"},
        "account": account(cloud),
        "service": {"Service": "ec2.amazonaws.com"},
    }
    arn = new_role(cloud, trusts(trusted[principal]))
    if allowed:
        assert assume(cloud, arn, key)
    else:
        assert code(lambda: assume(cloud, arn, key)) == "AccessDenied"


def test_across_accounts_both_sides_must_allow(cloud, partner):
    """A role of another account needs its trust, and the caller's permission."""
    user, key = new_user(cloud)
    arn = f"arn:aws:iam::{cloud.account}:user/{user}"
    trusting = new_role(cloud, trusts({"AWS": arn}), allow("s3:*"), who=partner)
    assert code(lambda: assume(cloud, trusting, key)) == "AccessDenied"
    permission = document(allow("sts:AssumeRole", on=trusting))
    client(cloud, "iam").put_user_policy(UserName=user, PolicyName="p", PolicyDocument=permission)
    session = assume(cloud, trusting, key)
    assert client(cloud, "sts", session).get_caller_identity()["Account"] == "210987654321"
    closed = new_role(cloud, trusts(account(cloud, "210987654321")), who=partner)
    assert code(lambda: assume(cloud, closed)) == "AccessDenied"


def test_external_id(cloud):
    """A condition on the external id holds for that id only."""
    wanted = {"StringEquals": {"sts:ExternalId": "s3cret"}}
    arn = new_role(cloud, trusts(account(cloud), Condition=wanted))
    assert assume(cloud, arn, ExternalId="s3cret")
    assert code(lambda: assume(cloud, arn, ExternalId="other")) == "AccessDenied"
    assert code(lambda: assume(cloud, arn)) == "AccessDenied"


def test_conditions_other_than_string_equals(cloud):
    """moto's trust policies know StringEquals only; here every operator counts."""
    arn = new_role(cloud, trusts(account(cloud), Condition={"StringLike": {"sts:RoleSessionName": "ci-*"}}))
    assert assume(cloud, arn, RoleSessionName="ci-1")
    assert code(lambda: assume(cloud, arn, RoleSessionName="dev-1")) == "AccessDenied"


def test_explicit_deny_in_the_trust_policy(cloud):
    """A deny in the trust policy wins."""
    allows = {"Effect": "Allow", "Principal": account(cloud), "Action": "sts:AssumeRole"}
    denies = {**allows, "Effect": "Deny", "Condition": {"StringEquals": {"aws:username": "lab-admin"}}}
    arn = new_role(cloud, document(allows, denies))
    assert code(lambda: assume(cloud, arn)) == "AccessDenied"


def test_a_trusted_user_that_was_made_again(cloud):
    """Trust is in the user that was there when it was written: not in a new one of the same name."""
    user, key = new_user(cloud)
    iam = client(cloud, "iam")
    arn = new_role(cloud, trusts({"AWS": f"arn:aws:iam::{cloud.account}:user/{user}"}))
    assert assume(cloud, arn, key)
    iam.delete_access_key(UserName=user, AccessKeyId=key.access_key_id)
    iam.delete_user(UserName=user)
    iam.create_user(UserName=user)
    again = iam.create_access_key(UserName=user)["AccessKey"]
    fresh = type(key)(again["AccessKeyId"], again["SecretAccessKey"])
    assert code(lambda: assume(cloud, arn, fresh)) == "AccessDenied"


def test_session_policies_narrow(cloud):
    """A session policy takes away, inline or managed, and adds nothing."""
    arn = new_role(cloud, trusts(account(cloud)), allow("s3:ListAllMyBuckets", "eks:ListClusters"))
    narrow = assume(cloud, arn, Policy=document(allow("s3:*", "iam:*")))
    assert client(cloud, "s3", narrow).list_buckets()
    refused = error(lambda: client(cloud, "eks", narrow).list_clusters())
    assert "because no session policy allows the eks:ListClusters action" in refused[1]
    assert code(lambda: client(cloud, "iam", narrow).list_users()) == "AccessDenied"
    managed = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    assert code(lambda: client(cloud, "eks", assume(cloud, arn, PolicyArns=managed)).list_clusters())
    assert code(lambda: assume(cloud, arn, Policy="{")) == "MalformedPolicyDocument"
    missing = [{"arn": "arn:aws:iam::aws:policy/None"}]
    assert code(lambda: assume(cloud, arn, PolicyArns=missing)) == "InvalidInput"


def test_session_tags(cloud):
    """Tags need sts:TagSession on both sides, and become principal tags of the session."""
    tags = [{"Key": "team", "Value": "blue"}]
    plain = new_role(cloud, trusts(account(cloud)))
    refused = error(lambda: assume(cloud, plain, Tags=tags))
    assert refused[0] == "AccessDenied"
    assert "sts:TagSession" in refused[1]
    only_blue = allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    tagged = new_role(cloud, trusts(account(cloud), "sts:AssumeRole", "sts:TagSession"), only_blue)
    assert client(cloud, "s3", assume(cloud, tagged, Tags=tags)).list_buckets()
    assert code(lambda: client(cloud, "s3", assume(cloud, tagged)).list_buckets()) == "AccessDenied"


def test_transitive_tags_survive_a_chain(cloud):
    """Transitive tags go on to the next role; others do not."""
    first = new_role(cloud, trusts(account(cloud), "sts:AssumeRole", "sts:TagSession"), allow("sts:*"))
    blue = allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    second = new_role(cloud, trusts(account(cloud), "sts:AssumeRole", "sts:TagSession"), blue)
    tags = [{"Key": "team", "Value": "blue"}]
    kept = assume(cloud, second, assume(cloud, first, Tags=tags, TransitiveTagKeys=["team"]))
    assert client(cloud, "s3", kept).list_buckets()
    lost = assume(cloud, second, assume(cloud, first, Tags=tags))
    assert code(lambda: client(cloud, "s3", lost).list_buckets()) == "AccessDenied"


def test_inherited_tags_are_tags_of_the_request(cloud):
    """A trust policy reads them as request tags, and must allow sts:TagSession for them."""
    first = new_role(cloud, trusts(account(cloud), "sts:AssumeRole", "sts:TagSession"), allow("sts:*"))
    tagged = assume(cloud, first, Tags=[{"Key": "team", "Value": "blue"}], TransitiveTagKeys=["team"])
    of_blue = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    second = new_role(cloud, trusts(account(cloud), "sts:AssumeRole", "sts:TagSession", Condition=of_blue))
    assert assume(cloud, second, tagged)
    assert code(lambda: assume(cloud, second, assume(cloud, first))) == "AccessDenied"
    refused = error(lambda: assume(cloud, new_role(cloud, trusts(account(cloud))), tagged))
    assert (refused[0], "sts:TagSession" in refused[1]) == ("AccessDenied", True)


def test_durations(cloud):
    """A session lives as long as asked, within 900 seconds and what the role allows; in a chain an hour at most."""
    arn = new_role(cloud, trusts(account(cloud)), allow("sts:*"), MaxSessionDuration=7200)
    lives = assume(cloud, arn, DurationSeconds=7200).expiration - datetime.now(UTC)
    assert 7100 < lives.total_seconds() <= 7200
    refused = error(lambda: assume(cloud, arn, DurationSeconds=7201))
    assert refused == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    chained = assume(cloud, arn)
    assert assume(cloud, arn, chained, DurationSeconds=3600)
    refused = error(lambda: assume(cloud, arn, chained, DurationSeconds=3601))
    assert refused[0] == "ValidationError"
    assert "1 hour session limit for roles assumed by role chaining" in refused[1]
    for seconds in (899, 43_201):
        careless = client(cloud, "sts", config=Config(parameter_validation=False))
        wanted = {"RoleArn": arn, "RoleSessionName": "test", "DurationSeconds": seconds}
        assert code(lambda wanted=wanted, sts=careless: sts.assume_role(**wanted)) == "ValidationError"


@pytest.mark.parametrize("bad", ["x y", "ä1", "a" * 65, "a/b"])
def test_session_names(cloud, bad):
    """A session's name has 2 to 64 of the characters that AWS allows."""
    arn = new_role(cloud, trusts(account(cloud)))
    assert code(lambda: assume(cloud, arn, RoleSessionName=bad)) == "ValidationError"


def test_source_identity_stays(cloud):
    """A source identity needs its own permission, and stays for the chain."""
    actions = ("sts:AssumeRole", "sts:SetSourceIdentity")
    arn = new_role(cloud, trusts(account(cloud), *actions), allow("sts:*"))
    assert assume(cloud, arn, SourceIdentity="ann")
    plain = new_role(cloud, trusts(account(cloud)))
    assert code(lambda: assume(cloud, plain, SourceIdentity="ann")) == "AccessDenied"


def test_session_tokens_of_users(cloud):
    """GetSessionToken gives the user's own permissions for a while, without IAM; a session cannot get one."""
    user, key = new_user(cloud, allow("*"))
    session = credentials(client(cloud, "sts", key).get_session_token())
    assert client(cloud, "sts", session).get_caller_identity()["Arn"].endswith(f"user/{user}")
    assert client(cloud, "s3", session).list_buckets() is not None
    assert code(lambda: client(cloud, "iam", session).list_users()) == "InvalidClientTokenId"
    assert code(lambda: client(cloud, "sts", session).get_session_token()) == "AccessDenied"


def test_what_the_lab_does_not_give_for_nothing(cloud):
    """Federation tokens are refused in words."""
    refused = error(lambda: client(cloud, "sts").get_federation_token(Name="somebody"))
    assert refused == ("InvalidAction", "The lab does not implement sts:GetFederationToken")


def test_get_caller_identity_is_always_allowed(cloud):
    """Who somebody is, they may ask under an explicit deny of everything."""
    user, key = new_user(cloud, deny("*"))
    assert client(cloud, "sts", key).get_caller_identity()["Arn"].endswith(user)


def test_the_aws_command_assumes_a_role_of_its_profile(cloud, tmp_path):
    """A profile with role_arn, as people have it, works through the lab."""
    arn = new_role(cloud, trusts(account(cloud)), RoleName=name("profile"))
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    key = cloud.administrator
    (home / ".aws" / "config").write_text(
        f"[profile reader]\nrole_arn = {arn}\nsource_profile = base\nrole_session_name = cli\n"
        f"[profile base]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    )
    seen = aws(cloud, "sts", "get-caller-identity", "--profile", "reader", "--query", "Arn", home=home)
    assert seen.stdout.strip().endswith(':assumed-role/{}/cli"'.format(arn.rpartition("/")[2])), seen.stderr
