"""AssumeRole: trust policies, caller policies, conditions, limits and role chaining."""

from datetime import UTC, datetime

import pytest
from botocore.config import Config

from support.cloud_helpers import (
    allow,
    assume,
    client,
    deny,
    expect_error,
    expect_error_code,
    new_role,
    new_user,
    policy_document,
    read_credentials,
    run_aws_cli,
    trust_policy,
    unique_name,
)


@pytest.fixture(scope="module")
def partner(cloud):
    """Credentials of the administrator of a second account."""
    return cloud.add_account("210987654321")


def account(cloud, number=None):
    return {"AWS": f"arn:aws:iam::{number or cloud.account}:root"}


def test_assumed_role_identity_and_permissions(cloud):
    """The session's ARN has the role's name without its path, and the session has the role's id and permissions."""
    arn = new_role(cloud, trust_policy(account(cloud)), allow("s3:ListAllMyBuckets"), Path="/team/")
    sts = client(cloud, "sts")
    response = sts.assume_role(RoleArn=arn, RoleSessionName="job")
    role = arn.rpartition("/")[2]
    session = read_credentials(response)
    identity = client(cloud, "sts", session).get_caller_identity()
    role_id = client(cloud, "iam").get_role(RoleName=role)["Role"]["RoleId"]
    assert role_id.startswith("AROA")
    assert (
        identity["Arn"] == f"arn:aws:sts::{cloud.account}:assumed-role/{role}/job" == response["AssumedRoleUser"]["Arn"]
    )
    assert identity["UserId"] == f"{role_id}:job" == response["AssumedRoleUser"]["AssumedRoleId"]
    assert client(cloud, "s3", session).list_buckets()
    assert expect_error_code(lambda: client(cloud, "eks", session).list_clusters()) == "AccessDeniedException"


def test_missing_role_is_denied(cloud):
    """A missing role returns the same error as a role that is denied."""
    arn = f"arn:aws:iam::{cloud.account}:role/missing"
    code, message = expect_error(lambda: assume(cloud, arn))
    assert code == "AccessDenied"
    assert message.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {arn}")
    assert expect_error_code(lambda: assume(cloud, "arn:aws:iam::999999999999:role/missing")) == "AccessDenied"


@pytest.mark.parametrize(
    ("principal", "permission", "allowed"),
    [
        ("user", [], True),  # named in the trust policy: no identity-based policy is required
        ("user", [deny("sts:AssumeRole")], False),
        ("account", [], False),
        ("account", [allow("sts:AssumeRole")], True),
        ("account", [allow("sts:AssumeRole", on="arn:aws:iam::*:role/other")], False),
        ("other", [allow("*")], False),
        ("service", [allow("*")], False),
    ],
)
def test_trust_policy_and_caller_policies(cloud, principal, permission, allowed):
    """The trust policy must allow, and also the caller's policies if it names only the account."""
    user, key = new_user(cloud, *permission)
    other, _ = new_user(cloud)
    principals = {
        "user": {"AWS": f"arn:aws:iam::{cloud.account}:user/{user}"},
        "other": {"AWS": f"arn:aws:iam::{cloud.account}:user/{other}"},
        "account": account(cloud),
        "service": {"Service": "ec2.amazonaws.com"},
    }
    arn = new_role(cloud, trust_policy(principals[principal]))
    if allowed:
        assert assume(cloud, arn, key)
    else:
        assert expect_error_code(lambda: assume(cloud, arn, key)) == "AccessDenied"


def test_cross_account_requires_both_policies(cloud, partner):
    """A role of another account requires its trust policy and the caller's permission."""
    user, key = new_user(cloud)
    arn = f"arn:aws:iam::{cloud.account}:user/{user}"
    target = new_role(cloud, trust_policy({"AWS": arn}), allow("s3:*"), caller=partner)
    assert expect_error_code(lambda: assume(cloud, target, key)) == "AccessDenied"
    permission = policy_document(allow("sts:AssumeRole", on=target))
    client(cloud, "iam").put_user_policy(UserName=user, PolicyName="p", PolicyDocument=permission)
    session = assume(cloud, target, key)
    assert client(cloud, "sts", session).get_caller_identity()["Account"] == "210987654321"
    untrusting = new_role(cloud, trust_policy(account(cloud, "210987654321")), caller=partner)
    assert expect_error_code(lambda: assume(cloud, untrusting)) == "AccessDenied"


def test_external_id_condition(cloud):
    """A condition on the external id is true for that id only."""
    condition = {"StringEquals": {"sts:ExternalId": "s3cret"}}
    arn = new_role(cloud, trust_policy(account(cloud), Condition=condition))
    assert assume(cloud, arn, ExternalId="s3cret")
    assert expect_error_code(lambda: assume(cloud, arn, ExternalId="other")) == "AccessDenied"
    assert expect_error_code(lambda: assume(cloud, arn)) == "AccessDenied"


def test_trust_policy_supports_all_condition_operators(cloud):
    """The lab evaluates every operator of a trust policy. moto evaluates only StringEquals."""
    arn = new_role(cloud, trust_policy(account(cloud), Condition={"StringLike": {"sts:RoleSessionName": "ci-*"}}))
    assert assume(cloud, arn, RoleSessionName="ci-1")
    assert expect_error_code(lambda: assume(cloud, arn, RoleSessionName="dev-1")) == "AccessDenied"


def test_explicit_deny_in_a_trust_policy(cloud):
    """A deny in the trust policy overrides an allow."""
    allows = {"Effect": "Allow", "Principal": account(cloud), "Action": "sts:AssumeRole"}
    denies = {**allows, "Effect": "Deny", "Condition": {"StringEquals": {"aws:username": "lab-admin"}}}
    arn = new_role(cloud, policy_document(allows, denies))
    assert expect_error_code(lambda: assume(cloud, arn)) == "AccessDenied"


def test_trust_policy_does_not_trust_a_recreated_user(cloud):
    """A trust policy does not trust a user that is created again with the same ARN."""
    user, key = new_user(cloud)
    iam = client(cloud, "iam")
    arn = new_role(cloud, trust_policy({"AWS": f"arn:aws:iam::{cloud.account}:user/{user}"}))
    assert assume(cloud, arn, key)
    iam.delete_access_key(UserName=user, AccessKeyId=key.access_key_id)
    iam.delete_user(UserName=user)
    iam.create_user(UserName=user)
    new_key = iam.create_access_key(UserName=user)["AccessKey"]
    recreated = type(key)(new_key["AccessKeyId"], new_key["SecretAccessKey"])
    assert expect_error_code(lambda: assume(cloud, arn, recreated)) == "AccessDenied"


def test_session_policies_limit_permissions(cloud):
    """Inline and managed session policies limit the role's permissions and grant none."""
    arn = new_role(cloud, trust_policy(account(cloud)), allow("s3:ListAllMyBuckets", "eks:ListClusters"))
    limited = assume(cloud, arn, Policy=policy_document(allow("s3:*", "iam:*")))
    assert client(cloud, "s3", limited).list_buckets()
    error = expect_error(lambda: client(cloud, "eks", limited).list_clusters())
    assert "because no session policy allows the eks:ListClusters action" in error[1]
    assert expect_error_code(lambda: client(cloud, "iam", limited).list_users()) == "AccessDenied"
    managed = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    assert expect_error_code(lambda: client(cloud, "eks", assume(cloud, arn, PolicyArns=managed)).list_clusters())
    assert expect_error_code(lambda: assume(cloud, arn, Policy="{")) == "MalformedPolicyDocument"
    missing = [{"arn": "arn:aws:iam::aws:policy/None"}]
    assert expect_error_code(lambda: assume(cloud, arn, PolicyArns=missing)) == "InvalidInput"


def test_session_tags_require_tag_session(cloud):
    """Session tags require sts:TagSession, and become principal tags of the session."""
    tags = [{"Key": "team", "Value": "blue"}]
    untagged = new_role(cloud, trust_policy(account(cloud)))
    error = expect_error(lambda: assume(cloud, untagged, Tags=tags))
    assert error[0] == "AccessDenied"
    assert "sts:TagSession" in error[1]
    only_blue = allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    tagged = new_role(cloud, trust_policy(account(cloud), "sts:AssumeRole", "sts:TagSession"), only_blue)
    assert client(cloud, "s3", assume(cloud, tagged, Tags=tags)).list_buckets()
    assert expect_error_code(lambda: client(cloud, "s3", assume(cloud, tagged)).list_buckets()) == "AccessDenied"


def test_transitive_tags_persist_in_role_chaining(cloud):
    """Transitive tags persist in the session of the next role. Other tags do not."""
    first = new_role(cloud, trust_policy(account(cloud), "sts:AssumeRole", "sts:TagSession"), allow("sts:*"))
    blue = allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    second = new_role(cloud, trust_policy(account(cloud), "sts:AssumeRole", "sts:TagSession"), blue)
    tags = [{"Key": "team", "Value": "blue"}]
    transitive = assume(cloud, second, assume(cloud, first, Tags=tags, TransitiveTagKeys=["team"]))
    assert client(cloud, "s3", transitive).list_buckets()
    not_transitive = assume(cloud, second, assume(cloud, first, Tags=tags))
    assert expect_error_code(lambda: client(cloud, "s3", not_transitive).list_buckets()) == "AccessDenied"


def test_inherited_tags_are_request_tags(cloud):
    """A trust policy reads inherited tags as request tags, and must allow sts:TagSession for them."""
    first = new_role(cloud, trust_policy(account(cloud), "sts:AssumeRole", "sts:TagSession"), allow("sts:*"))
    tagged = assume(cloud, first, Tags=[{"Key": "team", "Value": "blue"}], TransitiveTagKeys=["team"])
    of_blue = {"StringEquals": {"aws:RequestTag/team": "blue"}}
    second = new_role(cloud, trust_policy(account(cloud), "sts:AssumeRole", "sts:TagSession", Condition=of_blue))
    assert assume(cloud, second, tagged)
    assert expect_error_code(lambda: assume(cloud, second, assume(cloud, first))) == "AccessDenied"
    error = expect_error(lambda: assume(cloud, new_role(cloud, trust_policy(account(cloud))), tagged))
    assert (error[0], "sts:TagSession" in error[1]) == ("AccessDenied", True)


def test_durations(cloud):
    """A session lasts as requested: at least 900 seconds, at most the role's maximum, or an hour if chained."""
    arn = new_role(cloud, trust_policy(account(cloud)), allow("sts:*"), MaxSessionDuration=7200)
    lifetime = assume(cloud, arn, DurationSeconds=7200).expiration - datetime.now(UTC)
    assert 7100 < lifetime.total_seconds() <= 7200
    error = expect_error(lambda: assume(cloud, arn, DurationSeconds=7201))
    assert error == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    chained = assume(cloud, arn)
    assert assume(cloud, arn, chained, DurationSeconds=3600)
    error = expect_error(lambda: assume(cloud, arn, chained, DurationSeconds=3601))
    assert error[0] == "ValidationError"
    assert "1 hour session limit for roles assumed by role chaining" in error[1]
    for seconds in (899, 43_201):
        unvalidated = client(cloud, "sts", config=Config(parameter_validation=False))
        request = {"RoleArn": arn, "RoleSessionName": "test", "DurationSeconds": seconds}
        assert (
            expect_error_code(lambda request=request, sts=unvalidated: sts.assume_role(**request)) == "ValidationError"
        )


@pytest.mark.parametrize("session_name", ["x y", "ä1", "a" * 65, "a/b"])
def test_invalid_session_names_are_rejected(cloud, session_name):
    """A session name has 2 to 64 of the characters that AWS allows."""
    arn = new_role(cloud, trust_policy(account(cloud)))
    assert expect_error_code(lambda: assume(cloud, arn, RoleSessionName=session_name)) == "ValidationError"


def test_source_identity_requires_permission(cloud):
    """A source identity requires sts:SetSourceIdentity."""
    actions = ("sts:AssumeRole", "sts:SetSourceIdentity")
    arn = new_role(cloud, trust_policy(account(cloud), *actions), allow("sts:*"))
    assert assume(cloud, arn, SourceIdentity="ann")
    role = new_role(cloud, trust_policy(account(cloud)))
    assert expect_error_code(lambda: assume(cloud, role, SourceIdentity="ann")) == "AccessDenied"


def test_get_session_token(cloud):
    """GetSessionToken returns a session with the user's permissions except IAM. A session cannot call it."""
    user, key = new_user(cloud, allow("*"))
    session = read_credentials(client(cloud, "sts", key).get_session_token())
    assert client(cloud, "sts", session).get_caller_identity()["Arn"].endswith(f"user/{user}")
    assert client(cloud, "s3", session).list_buckets() is not None
    assert expect_error_code(lambda: client(cloud, "iam", session).list_users()) == "InvalidClientTokenId"
    assert expect_error_code(lambda: client(cloud, "sts", session).get_session_token()) == "AccessDenied"


def test_get_federation_token_is_not_implemented(cloud):
    """GetFederationToken returns an error that names the operation."""
    code, message = expect_error(lambda: client(cloud, "sts").get_federation_token(Name="session"))
    assert code == "NotImplemented"
    assert message.startswith("The lab does not implement sts:GetFederationToken")


def test_get_caller_identity_is_always_allowed(cloud):
    """GetCallerIdentity is allowed even under an explicit deny of all actions."""
    user, key = new_user(cloud, deny("*"))
    assert client(cloud, "sts", key).get_caller_identity()["Arn"].endswith(user)


def test_aws_cli_profile_with_role_arn(cloud, tmp_path):
    """A profile with role_arn works through the lab."""
    arn = new_role(cloud, trust_policy(account(cloud)), RoleName=unique_name("profile"))
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    key = cloud.administrator
    (home / ".aws" / "config").write_text(
        f"[profile reader]\nrole_arn = {arn}\nsource_profile = base\nrole_session_name = cli\n"
        f"[profile base]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    )
    result = run_aws_cli(cloud, "sts", "get-caller-identity", "--profile", "reader", "--query", "Arn", home=home)
    assert result.stdout.strip().endswith(':assumed-role/{}/cli"'.format(arn.rpartition("/")[2])), result.stderr
