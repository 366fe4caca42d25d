"""Role chains: what a session inherits and cannot change, and revoking the sessions of a role."""

import time
from datetime import UTC, datetime, timedelta

import pytest

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
)

TAGS = ("sts:AssumeRole", "sts:TagSession")
SOURCE_IDENTITY = ("sts:AssumeRole", "sts:SetSourceIdentity")
TEAM = [{"Key": "team", "Value": "blue"}]


def account(cloud):
    return {"AWS": cloud.account}


@pytest.fixture(scope="module")
def first(cloud):
    """The first role of the chains."""
    return new_role(cloud, trust_policy(account(cloud), *TAGS, "sts:SetSourceIdentity"), allow("sts:*"))


@pytest.fixture(scope="module")
def tagged(cloud, first):
    """A session of the first role with a transitive tag."""
    return assume(cloud, first, Tags=TEAM, TransitiveTagKeys=["team"])


@pytest.fixture(scope="module")
def identified(cloud, first):
    """A session of the first role with a source identity."""
    return assume(cloud, first, SourceIdentity="ann")


def denied(action, role):
    return ("AccessDenied", f"is not authorized to perform: {action} on resource: {role}")


def chain_error(cloud, role, session, **members):
    code, message = expect_error(lambda: assume(cloud, role, session, **members))
    return code, message[message.index("is not authorized") :] if code == "AccessDenied" else message


@pytest.mark.parametrize("key", ["team", "TEAM"])
@pytest.mark.parametrize("value", ["blue", "red"])
def test_transitive_tag_cannot_be_passed_again(cloud, tagged, key, value):
    """A chained request cannot set an inherited transitive tag, whatever its case and value."""
    second = new_role(cloud, trust_policy(account(cloud), *TAGS))
    code, message = chain_error(cloud, second, tagged, Tags=[{"Key": key, "Value": value}])
    assert code == "InvalidParameterValue"
    assert message.startswith("One of the specified transitive tag keys can't be set because it conflicts with")


def test_transitive_tags_require_tag_session_in_both_policies(cloud):
    """The caller's policies must allow sts:TagSession too, if the trust policy names only the account."""
    role = new_role(cloud, trust_policy(account(cloud), *TAGS), allow("sts:AssumeRole"))
    session = assume(cloud, role, Tags=TEAM, TransitiveTagKeys=["team"])
    second = new_role(cloud, trust_policy(account(cloud), *TAGS))
    assert chain_error(cloud, second, session) == denied("sts:TagSession", second)


def test_transitive_tags_stay_transitive(cloud, tagged):
    """A transitive tag reaches the third role of a chain, where sts:TagSession is required again."""
    second = new_role(cloud, trust_policy(account(cloud), *TAGS), allow("sts:*"))
    untagged, third = (
        new_role(cloud, trust_policy(account(cloud), *actions)) for actions in (["sts:AssumeRole"], TAGS)
    )
    chained = assume(cloud, second, tagged, Tags=[{"Key": "cost", "Value": "1"}])
    assert chain_error(cloud, untagged, chained) == denied("sts:TagSession", untagged)
    assert assume(cloud, third, chained)


def test_inherited_source_identity_requires_permission(cloud, identified):
    """A chained session inherits the source identity, for which sts:SetSourceIdentity is required."""
    without = new_role(cloud, trust_policy(account(cloud)))
    assert chain_error(cloud, without, identified) == denied("sts:SetSourceIdentity", without)
    is_ann = {"StringEquals": {"sts:SourceIdentity": "ann"}}
    second = new_role(
        cloud,
        trust_policy(account(cloud), *SOURCE_IDENTITY, Condition=is_ann),
        allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:SourceIdentity": "ann"}}),
    )
    response = client(cloud, "sts", identified).assume_role(RoleArn=second, RoleSessionName="next")
    assert response["SourceIdentity"] == "ann"
    assert client(cloud, "s3", read_credentials(response)).list_buckets()


def test_source_identity_cannot_be_changed(cloud, identified, tmp_path):
    """A chained request can repeat the source identity but not change it, through every client."""
    second = new_role(cloud, trust_policy(account(cloud), *SOURCE_IDENTITY))
    assert assume(cloud, second, identified, SourceIdentity="ann")
    expected = denied("sts:SetSourceIdentity", second)
    assert chain_error(cloud, second, identified, SourceIdentity="bob") == expected
    command = ("sts", "assume-role", "--role-arn", second, "--role-session-name", "next", "--source-identity", "bob")
    result = run_aws_cli(cloud, *command, home=tmp_path, caller=identified)
    assert expected[1] in result.stderr


def revoke_older_sessions(cloud, role, moment):
    """Attach the policy with which the IAM console revokes sessions."""
    condition = {"DateLessThan": {"aws:TokenIssueTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
    client(cloud, "iam").put_role_policy(
        RoleName=role.rpartition("/")[2],
        PolicyName="AWSRevokeOlderSessions",
        PolicyDocument=policy_document(deny("*", Condition=condition)),
    )


def test_revoking_older_sessions(cloud):
    """AWSRevokeOlderSessions denies the sessions that were opened before it, and no later one."""
    role = new_role(cloud, trust_policy(account(cloud)), allow("s3:ListAllMyBuckets"))
    before = assume(cloud, role)
    assert client(cloud, "s3", before).list_buckets()
    time.sleep(1)  # a session's time of issue has whole seconds
    revoke_older_sessions(cloud, role, datetime.now(UTC).replace(microsecond=0))
    error = expect_error(lambda: client(cloud, "s3", before).list_buckets())
    assert error[0] == "AccessDenied"
    assert error[1].endswith("with an explicit deny in an identity-based policy")
    assert client(cloud, "s3", assume(cloud, role)).list_buckets()


def test_session_that_is_older_than_its_role_chain_is_revoked(cloud, first):
    """A revoked session cannot assume the next role of a chain."""
    role = new_role(cloud, trust_policy(account(cloud)), allow("sts:*"))
    session = assume(cloud, role)
    revoke_older_sessions(cloud, role, datetime.now(UTC) + timedelta(minutes=1))
    assert expect_error_code(lambda: assume(cloud, first, session)) == "AccessDenied"


def test_token_issue_time_is_a_key_of_temporary_credentials_only(cloud):
    """aws:TokenIssueTime is missing for a user's access key, and present for the user's session."""
    only_long_term = allow("s3:ListAllMyBuckets", Condition={"Null": {"aws:TokenIssueTime": "True"}})
    _, key = new_user(cloud, only_long_term)
    assert client(cloud, "s3", key).list_buckets()
    session = read_credentials(client(cloud, "sts", key).get_session_token())
    assert expect_error_code(lambda: client(cloud, "s3", session).list_buckets()) == "AccessDenied"
