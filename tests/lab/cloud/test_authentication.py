"""Authentication: each reason to reject a request, with the error of each service."""

import ssl
from datetime import UTC, datetime, timedelta

import botocore.auth
import httpx2
import pytest
from botocore.config import Config

from lab.cloud.sessions import sessions
from lab.interfaces import Credentials
from support.cloud_helpers import (
    allow,
    anonymous_client,
    assume,
    client,
    expect_error,
    expect_error_code,
    new_role,
    new_user,
    run_aws_cli,
    trust_policy,
    unique_name,
)

CALLS = {
    "sts": lambda api: api.get_caller_identity(),
    "iam": lambda api: api.list_users(),
    "ec2": lambda api: api.describe_vpcs(),
    "s3": lambda api: api.list_buckets(),
    "eks": lambda api: api.list_clusters(),
    "logs": lambda api: api.describe_log_groups(),
}
UNKNOWN_KEY = {
    "sts": "InvalidClientTokenId",
    "iam": "InvalidClientTokenId",
    "ec2": "AuthFailure",
    "s3": "InvalidAccessKeyId",
    "eks": "UnrecognizedClientException",
    "logs": "UnrecognizedClientException",
}
WRONG_SIGNATURE = {
    "sts": "SignatureDoesNotMatch",
    "iam": "SignatureDoesNotMatch",
    "ec2": "AuthFailure",
    "s3": "SignatureDoesNotMatch",
    "eks": "InvalidSignatureException",
    "logs": "InvalidSignatureException",
}
EXPIRED_SESSION = {
    "sts": "ExpiredToken",
    "iam": "ExpiredToken",
    "ec2": "RequestExpired",
    "s3": "ExpiredToken",
    "eks": "ExpiredTokenException",
    "logs": "ExpiredTokenException",
}
SKEWED_CLOCK = {
    "sts": "SignatureDoesNotMatch",
    "iam": "SignatureDoesNotMatch",
    "ec2": "RequestExpired",
    "s3": "RequestTimeTooSkewed",
    "eks": "InvalidSignatureException",
    "logs": "InvalidSignatureException",
}
MISSING_SIGNATURE = {
    "iam": "MissingAuthenticationToken",
    "ec2": "MissingAuthenticationToken",
    "s3": "AccessDenied",
    "eks": "MissingAuthenticationTokenException",
    "logs": "MissingAuthenticationTokenException",
}
UNKNOWN_CREDENTIALS = Credentials("AKIAAAAAAAAAAAAAAAAA", "secret")


@pytest.fixture(scope="module")
def role(cloud):
    return new_role(cloud, trust_policy({"AWS": cloud.account}), allow("*"))


@pytest.mark.parametrize("service", CALLS)
def test_valid_signature_is_accepted_by_every_protocol(cloud, service):
    """Every protocol accepts a valid signature of an existing key, for GET and POST."""
    assert CALLS[service](client(cloud, service))


@pytest.mark.parametrize("service", CALLS)
def test_unknown_access_key_is_rejected(cloud, service):
    """A key that does not exist is rejected with the service's own error."""
    assert (
        expect_error_code(lambda: CALLS[service](client(cloud, service, UNKNOWN_CREDENTIALS))) == UNKNOWN_KEY[service]
    )


@pytest.mark.parametrize("service", CALLS)
def test_wrong_secret_access_key_is_rejected(cloud, service):
    """A request signed with a wrong secret is rejected."""
    forged = Credentials(cloud.administrator.access_key_id, "x" * 40)
    assert expect_error_code(lambda: CALLS[service](client(cloud, service, forged))) == WRONG_SIGNATURE[service]


@pytest.mark.parametrize("service", MISSING_SIGNATURE)
def test_unsigned_request_is_rejected(cloud, service):
    """A request without a signature is rejected."""
    assert expect_error_code(lambda: CALLS[service](anonymous_client(cloud, service))) == MISSING_SIGNATURE[service]


@pytest.mark.parametrize("service", CALLS)
def test_expired_session_is_rejected_as_expired(cloud, role, service):
    """An expired session is rejected as expired, not as unknown."""
    key = assume(cloud, role)
    session = sessions.get(key.access_key_id)
    expired = Credentials(key.access_key_id, key.secret_access_key, key.session_token, datetime.now(UTC))
    object.__setattr__(session, "credentials", expired)
    assert expect_error_code(lambda: CALLS[service](client(cloud, service, expired))) == EXPIRED_SESSION[service]


@pytest.mark.parametrize("service", CALLS)
def test_signature_with_skewed_clock_is_rejected(cloud, service, monkeypatch):
    """A signature that is half an hour old is rejected."""
    past = datetime.now(UTC) - timedelta(minutes=30)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_args, **_options: past.replace(tzinfo=None))
    assert expect_error_code(lambda: CALLS[service](client(cloud, service))) == SKEWED_CLOCK[service]


def test_session_key_requires_its_session_token(cloud, role):
    """The access key of a session is rejected without its session token, or with another one."""
    session = assume(cloud, role)
    without_token = Credentials(session.access_key_id, session.secret_access_key)
    other_token = Credentials(session.access_key_id, session.secret_access_key, "another")
    for credentials in (without_token, other_token):
        assert (
            expect_error_code(lambda credentials=credentials: client(cloud, "sts", credentials).get_caller_identity())
            == "InvalidClientTokenId"
        )
    assert expect_error_code(lambda: client(cloud, "s3", other_token).list_buckets()) == "InvalidToken"


def test_user_key_with_session_token_is_rejected(cloud):
    """A user's long-term access key is rejected with a session token."""
    with_token = Credentials(cloud.administrator.access_key_id, cloud.administrator.secret_access_key, "token")
    assert expect_error_code(lambda: client(cloud, "sts", with_token).get_caller_identity()) == "InvalidClientTokenId"


def test_inactive_and_deleted_access_keys_are_rejected(cloud):
    """An access key is accepted only while it is active."""
    user, key = new_user(cloud, allow("*"))
    iam, sts = client(cloud, "iam"), client(cloud, "sts", key)
    assert sts.get_caller_identity()["Arn"].endswith(f"user/{user}")
    iam.update_access_key(UserName=user, AccessKeyId=key.access_key_id, Status="Inactive")
    assert expect_error_code(sts.get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName=user, AccessKeyId=key.access_key_id, Status="Active")
    assert sts.get_caller_identity()
    iam.delete_access_key(UserName=user, AccessKeyId=key.access_key_id)
    assert expect_error_code(sts.get_caller_identity) == "InvalidClientTokenId"


def test_session_is_rejected_after_its_role_is_recreated(cloud):
    """A session ends with its role, even if a role with the same ARN is created again."""
    role_name = unique_name("recreated")
    arn = new_role(cloud, trust_policy({"AWS": cloud.account}), RoleName=role_name)
    session = assume(cloud, arn)
    assert client(cloud, "sts", session).get_caller_identity()
    client(cloud, "iam").delete_role(RoleName=role_name)
    assert new_role(cloud, trust_policy({"AWS": cloud.account}), RoleName=role_name) == arn
    assert expect_error_code(lambda: client(cloud, "sts", session).get_caller_identity()) == "InvalidClientTokenId"
    assert client(cloud, "sts", assume(cloud, arn)).get_caller_identity()


def test_signature_for_another_region_is_rejected(cloud):
    """A signature is valid in its own region only."""
    eks = client(cloud, "eks", region="us-west-2", endpoint_url=f"https://eks.{cloud.region}.amazonaws.com")
    assert expect_error(eks.list_clusters) == (
        "InvalidSignatureException",
        "Credential should be scoped to a valid region.",
    )


def _presigned(cloud, *, seconds=60, cluster="eks-clu", caller=None):
    sts = client(cloud, "sts", caller)

    def read_cluster_name(params, context, **_):
        context["cluster"] = params.pop("ClusterName")

    def add_header(request, **_):
        request.headers["x-k8s-aws-id"] = request.context["cluster"]

    sts.meta.events.register("provide-client-params.sts.GetCallerIdentity", read_cluster_name)
    sts.meta.events.register("before-sign.sts.GetCallerIdentity", add_header)
    return sts.generate_presigned_url(
        "get_caller_identity", Params={"ClusterName": cluster}, ExpiresIn=seconds, HttpMethod="GET"
    )


def _get(cloud, url, **headers):
    tls = ssl.create_default_context(cafile=cloud.access.ca_file)
    with httpx2.Client(proxy=cloud.access.proxy_url, verify=tls, trust_env=False) as http:
        return http.get(url, headers=headers)


def test_presigned_get_caller_identity_as_kubectl_sends_it(cloud):
    """A presigned GetCallerIdentity with the cluster header returns the caller, in JSON if the client accepts it."""
    url = _presigned(cloud)
    response = _get(cloud, url, **{"x-k8s-aws-id": "eks-clu", "accept": "application/json"})
    assert response.status_code == 200
    result = response.json()["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
    assert result["Arn"] == f"arn:aws:iam::{cloud.account}:user/lab-admin"
    assert "<Arn>" in _get(cloud, url, **{"x-k8s-aws-id": "eks-clu"}).text


def test_presigned_identity_is_for_one_cluster(cloud):
    """The cluster header is signed: another cluster's name, or no header, invalidates the signature."""
    url = _presigned(cloud)
    for headers in ({"x-k8s-aws-id": "irsa"}, {}):
        response = _get(cloud, url, **headers)
        assert response.status_code == 403
        assert "SignatureDoesNotMatch" in response.text


@pytest.mark.parametrize(("minutes", "seconds", "status"), [(14, 60, 200), (16, 60, 403), (16, 3600, 403)])
def test_presigned_identity_is_valid_for_15_minutes(cloud, monkeypatch, minutes, seconds, status):
    """STS ignores the lifetime of a presigned URL: kubectl keeps a token of 60 seconds for 14 minutes.

    Source: https://github.com/aws/aws-sdk-go/issues/2167
    """
    response = _get(cloud, _presigned_before(monkeypatch, minutes, cloud, seconds), **{"x-k8s-aws-id": "eks-clu"})
    assert response.status_code == status
    assert ("Signature expired" in response.text) == (status == 403)


def _presigned_before(monkeypatch, minutes, cloud, seconds):
    """Return a presigned GetCallerIdentity that was signed `minutes` ago."""
    past = datetime.now(UTC) - timedelta(minutes=minutes)
    with monkeypatch.context() as clock:
        clock.setattr(botocore.auth, "get_current_datetime", lambda *_args, **_options: past.replace(tzinfo=None))
        return _presigned(cloud, seconds=seconds)


def test_presigned_get_caller_identity_of_a_session(cloud, role):
    """The presigned URL of a session has its session token."""
    response = _get(cloud, _presigned(cloud, caller=assume(cloud, role)), **{"x-k8s-aws-id": "eks-clu"})
    assert "assumed-role" in response.text


def test_presigned_s3_url_is_accepted_unchanged_only(cloud):
    """A presigned S3 URL is accepted, and rejected after a change of its query."""
    s3 = client(cloud, "s3", config=Config(signature_version="s3v4"))
    bucket = unique_name("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=bucket, Key="a b/ü.txt", Body=b"hello")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü.txt"})
    assert _get(cloud, url).content == b"hello"
    assert _get(cloud, url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")).status_code == 403


def test_moto_account_header_of_a_client_is_ignored(cloud):
    """moto's account header is ignored in requests of clients."""
    sts = client(cloud, "sts")
    sts.meta.events.register(
        "before-send.sts", lambda request, **_: request.headers.__setitem__("x-moto-account-id", "999999999999")
    )
    assert sts.get_caller_identity()["Account"] == cloud.account


def test_changed_body_is_rejected(cloud):
    """A body that was changed after signing is rejected."""
    iam = client(cloud, "iam")

    def tamper(request, **_):
        request.body = request.body.replace("alice", "mallo")

    iam.meta.events.register("before-send.iam", tamper)
    assert expect_error_code(lambda: iam.create_user(UserName="alice")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=a/b",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam/aws4_request, SignedHeaders=date, Signature=0",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam, SignedHeaders=host, Signature=0",
    ],
)
def test_incomplete_signature_is_rejected(cloud, header):
    """An incomplete Authorization header is rejected as IncompleteSignature."""
    response = _get(
        cloud, "https://iam.amazonaws.com/?Action=ListUsers", authorization=header, **{"x-amz-date": "20260101T000000Z"}
    )
    assert (response.status_code, "IncompleteSignature" in response.text) == (400, True)


def test_aws_cli_authentication(cloud, tmp_path):
    """The AWS CLI is authenticated, and prints the error code for an unknown key."""
    result = run_aws_cli(
        cloud, "sts", "get-caller-identity", "--query", "Arn", home=tmp_path / "a", caller=cloud.administrator
    )
    assert result.stdout.strip() == f'"arn:aws:iam::{cloud.account}:user/lab-admin"'
    rejected = run_aws_cli(cloud, "eks", "list-clusters", home=tmp_path / "b", caller=UNKNOWN_CREDENTIALS)
    assert "(UnrecognizedClientException)" in rejected.stderr
