"""Who is calling: every way to be nobody, told in the words of the service asked."""

import ssl
from datetime import UTC, datetime, timedelta

import botocore.auth
import httpx2
import pytest
from botocore.config import Config
from cloud_helpers import allow, anonymous, assume, aws, client, code, error, name, new_role, new_user, trusts

from lab.cloud.sessions import sessions
from lab.interfaces import Credentials

CALLS = {
    "sts": lambda api: api.get_caller_identity(),
    "iam": lambda api: api.list_users(),
    "ec2": lambda api: api.describe_vpcs(),
    "s3": lambda api: api.list_buckets(),
    "eks": lambda api: api.list_clusters(),
    "logs": lambda api: api.describe_log_groups(),
}
UNKNOWN = {
    "sts": "InvalidClientTokenId",
    "iam": "InvalidClientTokenId",
    "ec2": "AuthFailure",
    "s3": "InvalidAccessKeyId",
    "eks": "UnrecognizedClientException",
    "logs": "UnrecognizedClientException",
}
WRONG = {
    "sts": "SignatureDoesNotMatch",
    "iam": "SignatureDoesNotMatch",
    "ec2": "AuthFailure",
    "s3": "SignatureDoesNotMatch",
    "eks": "InvalidSignatureException",
    "logs": "InvalidSignatureException",
}
EXPIRED = {
    "sts": "ExpiredToken",
    "iam": "ExpiredToken",
    "ec2": "RequestExpired",
    "s3": "ExpiredToken",
    "eks": "ExpiredTokenException",
    "logs": "ExpiredTokenException",
}
SKEWED = {
    "sts": "SignatureDoesNotMatch",
    "iam": "SignatureDoesNotMatch",
    "ec2": "RequestExpired",
    "s3": "RequestTimeTooSkewed",
    "eks": "InvalidSignatureException",
    "logs": "InvalidSignatureException",
}
MISSING = {
    "iam": "MissingAuthenticationToken",
    "ec2": "MissingAuthenticationToken",
    "s3": "AccessDenied",
    "eks": "MissingAuthenticationTokenException",
    "logs": "MissingAuthenticationTokenException",
}
NOBODY = Credentials("AKIAAAAAAAAAAAAAAAAA", "secret")


@pytest.fixture(scope="module")
def role(cloud):
    return new_role(cloud, trusts({"AWS": cloud.account}), allow("*"))


@pytest.mark.parametrize("service", CALLS)
def test_the_administrator_is_let_in(cloud, service):
    """A genuine signature of a key that exists is taken by every protocol, for GET and POST."""
    assert CALLS[service](client(cloud, service))


@pytest.mark.parametrize("service", CALLS)
def test_unknown_key(cloud, service):
    """A key that nobody owns is refused."""
    assert code(lambda: CALLS[service](client(cloud, service, NOBODY))) == UNKNOWN[service]


@pytest.mark.parametrize("service", CALLS)
def test_wrong_secret(cloud, service):
    """A key with a wrong secret is refused."""
    forged = Credentials(cloud.administrator.access_key_id, "x" * 40)
    assert code(lambda: CALLS[service](client(cloud, service, forged))) == WRONG[service]


@pytest.mark.parametrize("service", MISSING)
def test_no_signature(cloud, service):
    """Nobody is served without a signature."""
    assert code(lambda: CALLS[service](anonymous(cloud, service))) == MISSING[service]


@pytest.mark.parametrize("service", CALLS)
def test_expired_session(cloud, role, service):
    """A session that is over is refused as expired, not as unknown."""
    over = assume(cloud, role)
    session = sessions.get(over.access_key_id)
    ended = Credentials(over.access_key_id, over.secret_access_key, over.session_token, datetime.now(UTC))
    object.__setattr__(session, "credentials", ended)
    assert code(lambda: CALLS[service](client(cloud, service, ended))) == EXPIRED[service]


@pytest.mark.parametrize("service", CALLS)
def test_skewed_clock(cloud, service, monkeypatch):
    """A signature of half an hour ago is refused."""
    past = datetime.now(UTC) - timedelta(minutes=30)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_args, **_more: past.replace(tzinfo=None))
    assert code(lambda: CALLS[service](client(cloud, service))) == SKEWED[service]


def test_session_token_must_be_the_sessions(cloud, role):
    """The key of a session is worth nothing without its token, or with another one."""
    given = assume(cloud, role)
    without = Credentials(given.access_key_id, given.secret_access_key)
    other = Credentials(given.access_key_id, given.secret_access_key, "another")
    for wrong in (without, other):
        assert code(lambda wrong=wrong: client(cloud, "sts", wrong).get_caller_identity()) == "InvalidClientTokenId"
    assert code(lambda: client(cloud, "s3", other).list_buckets()) == "InvalidToken"


def test_long_lived_key_with_a_session_token(cloud):
    """A user's own key comes without a token."""
    odd = Credentials(cloud.administrator.access_key_id, cloud.administrator.secret_access_key, "token")
    assert code(lambda: client(cloud, "sts", odd).get_caller_identity()) == "InvalidClientTokenId"


def test_inactive_and_deleted_keys(cloud):
    """A key works while it is active, and no longer."""
    user, key = new_user(cloud, allow("*"))
    iam, sts = client(cloud, "iam"), client(cloud, "sts", key)
    assert sts.get_caller_identity()["Arn"].endswith(f"user/{user}")
    iam.update_access_key(UserName=user, AccessKeyId=key.access_key_id, Status="Inactive")
    assert code(sts.get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName=user, AccessKeyId=key.access_key_id, Status="Active")
    assert sts.get_caller_identity()
    iam.delete_access_key(UserName=user, AccessKeyId=key.access_key_id)
    assert code(sts.get_caller_identity) == "InvalidClientTokenId"


def test_session_of_a_role_that_was_made_again(cloud):
    """A session ends with its role: one made again under the same ARN is another role."""
    role_name = name("again")
    arn = new_role(cloud, trusts({"AWS": cloud.account}), RoleName=role_name)
    before = assume(cloud, arn)
    assert client(cloud, "sts", before).get_caller_identity()
    client(cloud, "iam").delete_role(RoleName=role_name)
    assert new_role(cloud, trusts({"AWS": cloud.account}), RoleName=role_name) == arn
    assert code(lambda: client(cloud, "sts", before).get_caller_identity()) == "InvalidClientTokenId"
    assert client(cloud, "sts", assume(cloud, arn)).get_caller_identity()


def test_signature_for_another_region(cloud):
    """A signature counts in its own region only."""
    eks = client(cloud, "eks", region="us-west-2", endpoint_url=f"https://eks.{cloud.region}.amazonaws.com")
    refused, message = error(eks.list_clusters)
    assert (refused, message) == ("InvalidSignatureException", "Credential should be scoped to a valid region.")


def _presigned(cloud, *, seconds=60, cluster="eks-clu", who=None):
    sts = client(cloud, "sts", who)

    def name_cluster(params, context, **_):
        context["cluster"] = params.pop("ClusterName")

    def add_header(request, **_):
        request.headers["x-k8s-aws-id"] = request.context["cluster"]

    sts.meta.events.register("provide-client-params.sts.GetCallerIdentity", name_cluster)
    sts.meta.events.register("before-sign.sts.GetCallerIdentity", add_header)
    return sts.generate_presigned_url(
        "get_caller_identity", Params={"ClusterName": cluster}, ExpiresIn=seconds, HttpMethod="GET"
    )


def _get(cloud, url, **headers):
    tls = ssl.create_default_context(cafile=cloud.access.ca_file)
    with httpx2.Client(proxy=cloud.access.proxy_url, verify=tls, trust_env=False) as http:
        return http.get(url, headers=headers)


def test_presigned_identity_as_kubectl_sends_it(cloud):
    """A presigned GetCallerIdentity with the cluster's header tells who made it; in JSON to those who ask for it."""
    url = _presigned(cloud)
    answer = _get(cloud, url, **{"x-k8s-aws-id": "eks-clu", "accept": "application/json"})
    assert answer.status_code == 200
    result = answer.json()["GetCallerIdentityResponse"]["GetCallerIdentityResult"]
    assert result["Arn"] == f"arn:aws:iam::{cloud.account}:user/lab-admin"
    assert "<Arn>" in _get(cloud, url, **{"x-k8s-aws-id": "eks-clu"}).text


def test_presigned_identity_is_for_one_cluster(cloud):
    """The cluster's header is signed: another cluster's name, or none, breaks the signature."""
    url = _presigned(cloud)
    for headers in ({"x-k8s-aws-id": "irsa"}, {}):
        answer = _get(cloud, url, **headers)
        assert answer.status_code == 403
        assert "SignatureDoesNotMatch" in answer.text


def test_presigned_identity_expires(cloud, monkeypatch):
    """A presigned URL ends with its own lifetime."""
    past = datetime.now(UTC) - timedelta(seconds=90)
    with monkeypatch.context() as clock:
        clock.setattr(botocore.auth, "get_current_datetime", lambda *_args, **_more: past.replace(tzinfo=None))
        url = _presigned(cloud, seconds=60)
    answer = _get(cloud, url, **{"x-k8s-aws-id": "eks-clu"})
    assert answer.status_code == 403
    assert "Signature expired" in answer.text


def test_presigned_identity_of_a_session(cloud, role):
    """A session's presigned URL carries its token."""
    answer = _get(cloud, _presigned(cloud, who=assume(cloud, role)), **{"x-k8s-aws-id": "eks-clu"})
    assert "assumed-role" in answer.text


def test_presigned_object(cloud):
    """S3's presigned URLs work, and only as signed."""
    s3 = client(cloud, "s3", config=Config(signature_version="s3v4"))
    bucket = name("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=bucket, Key="a b/ü.txt", Body=b"hello")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü.txt"})
    assert _get(cloud, url).content == b"hello"
    assert _get(cloud, url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200")).status_code == 403


def test_nobody_can_claim_an_account(cloud):
    """moto's header for the account is not taken from outside."""
    arn = client(cloud, "sts")
    arn.meta.events.register(
        "before-send.sts", lambda request, **_: request.headers.__setitem__("x-moto-account-id", "999999999999")
    )
    assert arn.get_caller_identity()["Account"] == cloud.account


def test_tampered_body(cloud):
    """A body that was changed after signing is refused."""
    iam = client(cloud, "iam")

    def tamper(request, **_):
        request.body = request.body.replace("alice", "mallo")

    iam.meta.events.register("before-send.iam", tamper)
    assert code(lambda: iam.create_user(UserName="alice")) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=a/b",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam/aws4_request, SignedHeaders=date, Signature=0",
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam, SignedHeaders=host, Signature=0",
    ],
)
def test_half_a_signature(cloud, header):
    """What only looks like a signature is refused as incomplete."""
    answer = _get(
        cloud, "https://iam.amazonaws.com/?Action=ListUsers", authorization=header, **{"x-amz-date": "20260101T000000Z"}
    )
    assert (answer.status_code, "IncompleteSignature" in answer.text) == (400, True)


def test_the_aws_command(cloud, tmp_path):
    """The aws command is let in, and told why not."""
    seen = aws(cloud, "sts", "get-caller-identity", "--query", "Arn", home=tmp_path / "a", who=cloud.administrator)
    assert seen.stdout.strip() == f'"arn:aws:iam::{cloud.account}:user/lab-admin"'
    refused = aws(cloud, "eks", "list-clusters", home=tmp_path / "b", who=NOBODY)
    assert "(UnrecognizedClientException)" in refused.stderr
