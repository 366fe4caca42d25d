"""`eks-access trace whoami` and `explain` with credentials that AWS rejects: inactive, deleted, expired and wrong."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from eks_access.catalogue import caller as kinds
from eks_access.questions.explain import explain
from eks_access.questions.trace_whoami import trace_whoami
from eks_access.sources.live_caller import read_caller
from lab.cloud.sessions import sessions
from lab.environment import unset
from lab.interfaces import Credentials
from support.cloud_helpers import allow, assume, client, new_role, new_user, run_aws_cli, trust_policy


@pytest.fixture
def as_caller(cloud, monkeypatch, tmp_path):
    """A function that gives this process the credentials of a caller, and no kubeconfig."""

    def enter(key):
        for name in unset(os.environ):
            monkeypatch.delenv(name, raising=False)
        for name, value in cloud.access.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        if key is not None:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret_access_key)
        if key is not None and key.session_token:
            monkeypatch.setenv("AWS_SESSION_TOKEN", key.session_token)

    return enter


def inactive_key(cloud):
    arn, key = new_user(cloud)
    iam, name = client(cloud, "iam"), arn.rpartition("/")[2]
    iam.update_access_key(UserName=name, AccessKeyId=key.access_key_id, Status="Inactive")
    return key


def deleted_key(cloud):
    arn, key = new_user(cloud)
    client(cloud, "iam").delete_access_key(UserName=arn.rpartition("/")[2], AccessKeyId=key.access_key_id)
    return key


def expired_session(cloud):
    key = assume(cloud, new_role(cloud, trust_policy({"AWS": cloud.account}), allow("s3:*")))
    expired = Credentials(key.access_key_id, key.secret_access_key, key.session_token, datetime.now(UTC))
    object.__setattr__(sessions.get(key.access_key_id), "credentials", expired)
    return expired


def wrong_secret(cloud):
    _, key = new_user(cloud)
    return Credentials(key.access_key_id, "x" * 40)


REJECTED = {
    "inactive key": (inactive_key, kinds.ACCESS_KEY_UNKNOWN, "access-key-unknown"),
    "deleted key": (deleted_key, kinds.ACCESS_KEY_UNKNOWN, "access-key-unknown"),
    "expired session": (expired_session, kinds.SESSION_EXPIRED, "session-expired"),
    "wrong secret": (wrong_secret, kinds.ACCESS_KEY_SECRET, "access-key-secret"),
    "no credentials": (lambda _: None, kinds.CREDENTIALS_MISSING, "credentials-missing"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_credentials_are_named(cloud, as_caller, name):
    """`trace whoami` names the fault of the credentials, once, and no other fault than the missing kubeconfig."""
    make, kind, _ = REJECTED[name]
    as_caller(make(cloud))
    traced = trace_whoami(read_caller(region=cloud.region), None, "")
    assert [finding.kind for finding in traced.findings] == [kind, kinds.KUBECONFIG_MISSING]


@pytest.mark.parametrize("name", REJECTED)
def test_text_of_the_aws_cli_is_explained(cloud, as_caller, tmp_path, name):
    """The message of the AWS CLI ends in `trace whoami`, for services of each protocol."""
    make, _, error = REJECTED[name]
    key = make(cloud)
    as_caller(key)
    for command in (("sts", "get-caller-identity"), ("eks", "list-clusters"), ("s3api", "list-buckets")):
        done = run_aws_cli(cloud, *command, home=tmp_path / "home", caller=key)
        found = explain(done.stderr)
        assert (found.error, str(found)) == (error, "eks-access trace whoami"), done.stderr


def test_clock_is_compared_with_the_date_of_sts(cloud, as_caller, monkeypatch):
    """A clock that is twenty minutes ahead is the fault, not the key, although STS says SignatureDoesNotMatch."""
    as_caller(cloud.administrator)
    assert abs(read_caller(region=cloud.region).shell.clock_skew) < timedelta(seconds=30)
    ahead = timedelta(minutes=20)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: (datetime.now(UTC) + ahead).replace(tzinfo=None))
    monkeypatch.setattr("eks_access.sources.live_caller.now", lambda: datetime.now(UTC) + ahead)
    caller = read_caller(region=cloud.region)
    assert caller.shell.error == "SignatureDoesNotMatch"
    traced = trace_whoami(caller, None, "")
    assert traced.findings[0].kind is kinds.CLOCK_SKEW
    assert "20 min" in traced.findings[0].says
