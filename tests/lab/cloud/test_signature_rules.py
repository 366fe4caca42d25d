"""Signature Version 4: credential scopes, signed headers, body hashes and presigned URLs, forged with raw HTTP."""

import hashlib
import ssl

import httpx2
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader

from lab.cloud.hosts import parse_host
from support.cloud_helpers import allow, assume, client, new_role, run_aws_cli, trust_policy, unique_name

REGION = "ap-northeast-1"
IDENTITY = "Action=GetCallerIdentity&Version=2011-06-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture(scope="module")
def http(cloud):
    tls = ssl.create_default_context(cafile=cloud.access.ca_file)
    with httpx2.Client(proxy=cloud.access.proxy_url, verify=tls, trust_env=False, timeout=30) as http:
        yield http


@pytest.fixture(scope="module")
def bucket(cloud):
    bucket = unique_name("bucket")
    client(cloud, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    return bucket


@pytest.fixture
def send(cloud, http):
    """A function that signs a request and sends it, with changes after signing."""

    def call(
        url,
        *,
        scope,
        method="POST",
        data=IDENTITY,
        headers=None,
        signer=SigV4Auth,
        later_headers=None,
        later_data=None,
        credentials=None,
    ):
        request = AWSRequest(method, url, headers={"Content-Type": FORM, **(headers or {})}, data=data)
        key = credentials or cloud.administrator
        service, region = scope
        signer(Credentials(key.access_key_id, key.secret_access_key, key.session_token), service, region).add_auth(
            request
        )
        prepared = request.prepare()
        sent_headers = {name: str(value) for name, value in prepared.headers.items()} | (later_headers or {})
        body = data if later_data is None else later_data
        return http.request(method, prepared.url, content=body.encode(), headers=sent_headers)

    return call


STS, IAM = f"https://sts.{REGION}.amazonaws.com/", "https://iam.amazonaws.com/"


@pytest.mark.parametrize(
    ("url", "scope", "status", "text"),
    [
        (STS, ("sts", REGION), 200, "lab-admin"),
        ("https://sts.amazonaws.com/", ("sts", "us-east-1"), 200, "lab-admin"),
        (STS, ("iam", REGION), 403, "Credential should be scoped to correct service: 'sts'."),
        (STS, ("s3", REGION), 403, "Credential should be scoped to correct service: 'sts'."),
        (STS, ("STS", REGION), 403, "Credential should be scoped to correct service: 'sts'."),
        (STS, ("sts", "us-east-1"), 403, "Credential should be scoped to a valid region."),
        ("https://sts.amazonaws.com/", ("sts", REGION), 403, "Credential should be scoped to a valid region."),
        (IAM, ("sts", "us-east-1"), 403, "Credential should be scoped to correct service: 'iam'."),
        (IAM, ("iam", REGION), 403, "Credential should be scoped to a valid region."),
        (f"https://eks.{REGION}.amazonaws.com/clusters", ("iam", REGION), 403, "correct service: 'eks'"),
        (f"https://eks.{REGION}.amazonaws.com/clusters", ("eks-auth", REGION), 403, "correct service: 'eks'"),
        (f"https://eks-auth.{REGION}.api.aws/clusters", ("eks", REGION), 403, "correct service: 'eks-auth'"),
        (f"https://logs.{REGION}.amazonaws.com/", ("iam", REGION), 400, "InvalidSignatureException"),
    ],
)
def test_credential_scope_must_be_of_the_host(send, url, scope, status, text):
    """The scope's service and region are those of the host: a signature for one service is of no use for another."""
    response = send(url, scope=scope)
    assert response.status_code == status
    assert text in response.text


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (("iam", REGION), "incorrect service &quot;iam&quot;. This endpoint belongs to &quot;s3&quot;"),
        (("s3", "us-east-1"), "the region 'us-east-1' is wrong; expecting 'ap-northeast-1'"),
    ],
)
def test_credential_scope_of_s3(send, scope, text):
    """S3 rejects another scope with its own error."""
    response = send(f"https://s3.{REGION}.amazonaws.com/", scope=scope, method="GET", data="", signer=S3SigV4Auth)
    assert response.status_code == 400
    assert "AuthorizationHeaderMalformed" in response.text
    assert text in response.text.replace('"', "&quot;")


def test_forged_host_header_is_rejected(send):
    """A Host header of no AWS service is rejected, though it is signed: the proxy connects to AWS's hosts only."""
    response = send(STS, scope=("iam", "us-east-1"), headers={"Host": "lab.example.com"}, data="Action=ListUsers")
    assert response.status_code == 403
    assert "no AWS endpoint with the host name lab.example.com" in response.text


@pytest.mark.parametrize("header", ["x-amz-target", "X-Amz-Meta-Owner", "X-AMZ-ACL"])
def test_unsigned_amz_headers_are_rejected(send, header):
    """A header x-amz-… that was added after signing is rejected; other headers can be added."""
    assert send(STS, scope=("sts", REGION), later_headers={"x-other": "1"}).status_code == 200
    response = send(STS, scope=("sts", REGION), later_headers={header: "x"})
    assert response.status_code == 403
    assert f"'{header.lower()}' must be a 'SignedHeader' in the AWS Authorization." in response.text


class HostSigner(SigV4Auth):
    """A signer that signs no header but Host."""

    def headers_to_sign(self, request):
        signed = super().headers_to_sign(request)
        for name in list(signed.keys()):
            if name != "host":
                del signed[name]
        return signed


def test_unsigned_session_token_is_rejected(cloud, send):
    """The session token must be signed: otherwise another one could take its place."""
    role = new_role(cloud, trust_policy({"AWS": cloud.account}), allow("*"))
    session = assume(cloud, role)
    assert send(STS, scope=("sts", REGION), credentials=session).status_code == 200
    response = send(STS, scope=("sts", REGION), credentials=session, signer=HostSigner)
    assert response.status_code == 403
    assert "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization." in response.text


def test_presigned_s3_url_accepts_no_further_amz_headers(cloud, http, bucket):
    """A presigned upload cannot be turned into a copy, nor be tagged, by headers that were not signed."""
    client(cloud, "s3").put_object(Bucket=bucket, Key="secret", Body=b"secret")
    request = AWSRequest("PUT", f"https://{bucket}.s3.{REGION}.amazonaws.com/upload")
    key = cloud.administrator
    S3SigV4QueryAuth(Credentials(key.access_key_id, key.secret_access_key), "s3", REGION, expires=60).add_auth(request)
    url = request.prepare().url
    for header in ("x-amz-copy-source", "x-amz-tagging", "x-amz-acl"):
        response = http.put(url, content=b"", headers={header: f"/{bucket}/secret"})
        assert response.status_code == 403
        assert "There were headers present in the request which were not signed" in response.text
    assert http.put(url, content=b"hello").status_code == 200


@pytest.mark.parametrize(
    ("url", "scope", "signer", "header", "status", "code"),
    [
        (STS, ("sts", REGION), SigV4Auth, "UNSIGNED-PAYLOAD", 403, "SignatureDoesNotMatch"),
        (STS, ("sts", REGION), SigV4Auth, hashlib.sha256(b"other").hexdigest(), 403, "SignatureDoesNotMatch"),
        (STS, ("sts", REGION), SigV4Auth, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 403, "SignatureDoesNotMatch"),
        (STS, ("sts", REGION), SigV4Auth, hashlib.sha256(IDENTITY.encode()).hexdigest(), 200, "lab-admin"),
    ],
)
def test_body_hash_must_be_that_of_the_body(send, url, scope, signer, header, status, code):
    """x-amz-content-sha256 must be the hash of the body: other values would leave the body unsigned."""
    response = send(url, scope=scope, signer=signer, headers={"x-amz-content-sha256": header})
    assert response.status_code == status
    assert code in response.text


def test_s3_body_hash(send, bucket):
    """S3 rejects a body without the hash of its header, and accepts an unsigned payload."""
    url = f"https://{bucket}.s3.{REGION}.amazonaws.com/key"
    request = {"scope": ("s3", REGION), "method": "PUT", "data": "a", "signer": S3SigV4Auth}
    assert send(url, **request).status_code == 200
    assert "XAmzContentSHA256Mismatch" in send(url, **request, later_data="b").text
    unsigned = {"later_headers": {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}
    assert "SignatureDoesNotMatch" in send(url, **request, **unsigned).text


def presign(cloud, expires, url=f"{STS}?{IDENTITY}", service="sts"):
    request = AWSRequest("GET", url)
    key = cloud.administrator
    credentials = Credentials(key.access_key_id, key.secret_access_key)
    SigV4QueryAuth(credentials, service, REGION, expires=expires).add_auth(request)
    return request.prepare().url


@pytest.mark.parametrize(("expires", "status"), [(1, 200), (604800, 200), (0, 400), (-1, 400), (604801, 400)])
def test_lifetime_of_presigned_urls(cloud, http, expires, status):
    """A presigned URL is valid for 1 second to 7 days."""
    url = f"https://sns.{REGION}.amazonaws.com/?Action=ListTopics&Version=2010-03-31"
    assert http.get(presign(cloud, expires, url, "sns")).status_code == status


@pytest.mark.parametrize(("expires", "status"), [(0, 200), (60, 200), (604800, 200), (-1, 400), (604801, 400)])
def test_lifetime_of_presigned_urls_of_sts_can_be_zero(cloud, http, expires, status):
    """The tokens of aws-iam-authenticator 0.6, by which eksctl's kubeconfigs authenticate, have a lifetime of 0.

    Source: https://github.com/kubernetes-sigs/aws-iam-authenticator/pull/753: "This value is ignored by STS".
    """
    assert http.get(presign(cloud, expires)).status_code == status


@pytest.mark.parametrize("lifetime", ["", "x", "6\N{ARABIC-INDIC DIGIT ZERO}", "60.0", "1e3"])
def test_lifetime_must_be_a_number(cloud, http, lifetime):
    """X-Amz-Expires is a decimal number."""
    url = presign(cloud, 60).replace("X-Amz-Expires=60", f"X-Amz-Expires={lifetime}")
    response = http.get(url)
    assert response.status_code == 400
    assert "X-Amz-Expires" in response.text


def test_only_one_signature(cloud, send):
    """A request with a signature in the header and another one in the URL is rejected."""
    response = send(presign(cloud, 60), scope=("sts", REGION))
    assert response.status_code == 400
    assert "Only one auth mechanism allowed" in response.text


SERVICES = [
    *("autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ec2", "ecr", "eks", "eks-auth", "elb", "elbv2"),
    *("events", "iam", "kms", "lambda", "logs", "route53", "s3", "s3control", "secretsmanager", "ses", "sns", "sqs"),
    *("ssm", "stepfunctions", "sts"),
]


@pytest.mark.parametrize("service", SERVICES)
def test_hosts_of_clients_accept_the_scope_of_clients(cloud, service):
    """The scope that botocore signs for its own endpoint of a service is the one that the lab expects."""
    api = client(cloud, service)
    host = parse_host(api.meta.endpoint_url.removeprefix("https://"))
    assert api.meta.service_model.signing_name in host.signing_names
    assert host.signing_region == (cloud.region if host.region else "us-east-1")


ENDPOINT_PREFIXES = {
    *(
        "api.ecr",
        "autoscaling",
        "cloudformation",
        "dynamodb",
        "ec2",
        "eks",
        "eks-auth",
        "elasticloadbalancing",
        "events",
    ),
    *("iam", "kms", "lambda", "logs", "monitoring", "s3", "secretsmanager", "sns", "sqs", "ssm", "states", "sts"),
}


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_endpoint_of_botocore_is_known(partition):
    """Each host name and former host name of these services is served, with the scope that botocore signs."""
    data = next(entry for entry in Loader().load_data("endpoints")["partitions"] if entry["partition"] == partition)
    checked = 0
    for service in ENDPOINT_PREFIXES & data["services"].keys():
        settings = data["services"][service]
        for region, own in settings["endpoints"].items():
            is_endpoint = region in data["regions"] or "hostname" in own
            if own.get("deprecated") or not is_endpoint:
                continue
            endpoint = {**data["defaults"], **settings.get("defaults", {}), **own}
            names = {endpoint.get("hostname"), endpoint.get("sslCommonName")} - {None}
            hosts = {name.format(service=service, region=region, dnsSuffix=data["dnsSuffix"]) for name in names}
            for name in hosts - {"localhost:8000", "s3-external-1.amazonaws.com"}:
                host = parse_host(name)
                assert host is not None, name
                scope = endpoint.get("credentialScope", {})
                assert scope.get("service") in {None, *host.signing_names}, name
                assert host.signing_region in {None, scope.get("region", region)}, name
                checked += 1
    assert checked > len(ENDPOINT_PREFIXES)


def test_aws_cli_reaches_sqs_by_its_former_host_name(cloud, tmp_path):
    """The AWS CLI calls SQS as `<region>.queue.amazonaws.com`."""
    result = run_aws_cli(cloud, "sqs", "list-queues", "--debug", home=tmp_path, caller=cloud.administrator)
    assert result.returncode == 0, result.stderr
    assert f"https://{REGION}.queue.amazonaws.com/" in result.stderr
