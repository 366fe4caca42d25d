"""AssumeRoleWithWebIdentity: one genuine token gets in, and every other is refused with STS's own error."""

import base64
import hmac
import json
import time

import pytest
from cloud_helpers import (
    AUDIENCE,
    ISSUER,
    SUBJECT,
    Issuer,
    allow,
    anonymous,
    aws,
    client,
    code,
    credentials,
    document,
    error,
    name,
    new_role,
    trusts,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.cloud import issuers

NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.fixture(scope="module")
def provider(cloud, issuer):
    return issuer.register(cloud)


@pytest.fixture(scope="module")
def role(cloud, issuer, provider):
    return new_role(cloud, issuer.trust(provider), allow("s3:ListAllMyBuckets"))


def assume(cloud, role, token, **more):
    return anonymous(cloud, "sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="pod", WebIdentityToken=token, **more
    )


def refusal(cloud, role, token):
    return error(lambda: assume(cloud, role, token))


def test_a_genuine_token(cloud, issuer, provider, role):
    """A genuine token gives the role, and STS says whose it was."""
    answer = assume(cloud, role, issuer.token())
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert answer["Provider"] == provider
    assert answer["Audience"] == AUDIENCE
    session = credentials(answer)
    assert client(cloud, "s3", session).list_buckets()
    assert client(cloud, "sts", session).get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert code(lambda: client(cloud, "iam", session).list_users()) == "AccessDenied"


def test_the_aws_command_in_a_pod(cloud, issuer, role, tmp_path):
    """The aws command with a token file lists buckets, and may make none."""
    token = tmp_path / "token"
    token.write_text(issuer.token())
    pod = {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_STS_REGIONAL_ENDPOINTS": "regional"}
    bucket = name("bucket")
    client(cloud, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    assert bucket in aws(cloud, "s3", "ls", home=tmp_path / "a", extra=pod).stdout
    assert "AccessDenied" in aws(cloud, "s3", "mb", f"s3://{name('b')}", home=tmp_path / "b", extra=pod).stderr
    token.write_text(issuer.token(sub="system:serviceaccount:default:other"))
    assert "(AccessDenied)" in aws(cloud, "s3", "ls", home=tmp_path / "c", extra=pod).stderr
    token.write_text(issuer.token(key=rsa.generate_private_key(65537, 2048)))
    assert "(InvalidIdentityToken)" in aws(cloud, "s3", "ls", home=tmp_path / "d", extra=pod).stderr
    token.write_text(issuer.token(exp=int(time.time()) - 60))
    assert "(ExpiredTokenException)" in aws(cloud, "s3", "ls", home=tmp_path / "e", extra=pod).stderr


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "system:serviceaccount:default:other"},
        {"sub": "system:serviceaccount:other:my-sa"},
        {"sub": f"{SUBJECT}2"},
        {"sub": SUBJECT.upper()},
    ],
)
def test_another_service_account(cloud, issuer, role, claims):
    """Another service account or namespace is not trusted."""
    assert refusal(cloud, role, issuer.token(**claims)) == NOT_AUTHORIZED


def test_another_audience(cloud, issuer, role):
    """A token for somebody else is refused, before any trust policy is asked."""
    assert refusal(cloud, role, issuer.token(aud=["https://kubernetes.default.svc"])) == (
        "InvalidIdentityToken",
        "Incorrect token audience",
    )


def test_an_audience_of_the_provider_that_the_role_does_not_trust(cloud, issuer, provider, role):
    """The provider's client ids and the trust policy's `aud` are two links: both must fit."""
    iam = client(cloud, "iam")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="other")
    assert refusal(cloud, role, issuer.token(aud=["other"])) == NOT_AUTHORIZED
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="other")
    assert refusal(cloud, role, issuer.token(aud=["other"]))[0] == "InvalidIdentityToken"


def test_another_cluster(cloud, role):
    """A genuine token of a cluster that is not registered is refused, and one that is registered is not trusted."""
    other = Issuer(url=f"{ISSUER[:-1]}0")
    other.publish()
    assert refusal(cloud, role, other.token()) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {other.url}",
    )
    other.register(cloud)
    assert refusal(cloud, role, other.token()) == NOT_AUTHORIZED
    issuers.unregister(other.url)
    refused = refusal(cloud, role, other.token())
    assert refused[0] == "InvalidIdentityToken"
    assert "Couldn't retrieve verification key" in refused[1]


def test_a_role_of_another_account(cloud, issuer, provider):
    """The provider must be registered in the role's own account."""
    partner = cloud.add_account("210987654321")
    foreign = new_role(cloud, issuer.trust(provider), allow("*"), who=partner)
    refused = refusal(cloud, foreign, issuer.token())
    assert refused == ("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {ISSUER}")
    own = issuer.register(cloud, partner)
    assert refusal(cloud, foreign, issuer.token()) == NOT_AUTHORIZED
    trusting = new_role(cloud, issuer.trust(own), who=partner)
    assert assume(cloud, trusting, issuer.token())["AssumedRoleUser"]["Arn"].startswith("arn:aws:sts::210987654321:")


def test_an_issuer_that_does_not_answer(cloud, issuer, role):
    """Where the cluster is down, STS says that it could not ask."""
    issuers.register(issuer.url, lambda: 1 / 0)
    assert refusal(cloud, role, issuer.token())[0] == "IDPCommunicationError"
    issuer.publish()
    assert assume(cloud, role, issuer.token())


def test_expired(cloud, issuer, role):
    """An expired token is told as expired."""
    refused = refusal(cloud, role, issuer.token(exp=int(time.time()) - 1))
    assert refused[0] == "ExpiredTokenException"
    assert refused[1].startswith("Token expired: current date/time ")


def part(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(issuer, algorithm="none"):
    claims = {"iss": issuer.url, "sub": SUBJECT, "aud": [AUDIENCE], "iat": 1, "exp": int(time.time()) + 600}
    header = {"alg": algorithm, "kid": issuer.kid}
    return f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}."


def signed_with_the_public_key(issuer):
    """HS256 with the public key as the secret: what a careless verifier takes."""
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = unsigned(issuer, "HS256").rstrip(".")
    return f"{text}.{part(hmac.digest(issuer.key.public_key().public_bytes(*form), text.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda issuer: issuer.token(key=rsa.generate_private_key(65537, 2048)),
        lambda issuer: issuer.token(kid="another"),
        lambda issuer: issuer.token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
        lambda issuer: issuer.token()[:-6] + "AAAAAA",
        lambda issuer: issuer.token(sub=None),
        lambda issuer: issuer.token(exp=None),
        lambda issuer: issuer.token(nbf=int(time.time()) + 600),
        signed_with_the_public_key,
        unsigned,
        lambda _issuer: "not a token",
        lambda _issuer: "aaaa.bbbb.cccc",
    ],
)
def test_forged_tokens(cloud, issuer, role, forge):
    """What the issuer did not sign as it stands is refused."""
    assert refusal(cloud, role, forge(issuer))[0] == "InvalidIdentityToken"


def test_an_issuer_of_the_same_name_without_tls(cloud, issuer, role):
    """An issuer is its whole URL."""
    for url in (issuer.url.replace("https://", "http://"), issuer.host_and_path, issuer.url + "/"):
        assert refusal(cloud, role, issuer.token(iss=url))[0] == "InvalidIdentityToken"


def test_a_role_that_is_not_there(cloud, issuer, provider):
    """A role that does not exist is not told from one that does not trust."""
    assert provider
    assert refusal(cloud, f"arn:aws:iam::{cloud.account}:role/nobody", issuer.token()) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("operator", "subject", "allowed"),
    [
        ("StringEquals", "system:serviceaccount:default:*", False),
        ("StringLike", "system:serviceaccount:default:*", True),
        ("StringLike", "system:serviceaccount:other:*", False),
        ("StringEquals", [SUBJECT, "system:serviceaccount:default:other"], True),
    ],
)
def test_wildcards_in_subjects(cloud, issuer, provider, *, operator, subject, allowed):
    """A wildcard is a wildcard under StringLike, and a letter under StringEquals."""
    arn = new_role(cloud, issuer.trust(provider, operator=operator, sub=subject))
    if allowed:
        assert assume(cloud, arn, issuer.token())
    else:
        assert refusal(cloud, arn, issuer.token()) == NOT_AUTHORIZED


def test_condition_keys_with_https_match_nothing(cloud, issuer, provider):
    """The condition keys are the issuer without https://: with it, they are keys that no request has."""
    condition = {"StringEquals": {f"{issuer.url}:sub": SUBJECT}}
    trust = trusts({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
    assert refusal(cloud, new_role(cloud, trust), issuer.token()) == NOT_AUTHORIZED


def test_a_trust_policy_for_the_wrong_action(cloud, issuer, provider):
    """sts:AssumeRole is another action."""
    arn = new_role(cloud, trusts({"Federated": provider}, "sts:AssumeRole"))
    assert refusal(cloud, arn, issuer.token()) == NOT_AUTHORIZED


def test_limits_of_the_session(cloud, issuer, role):
    """Duration and session policy have the limits that AssumeRole's have."""
    over = lambda: assume(cloud, role, issuer.token(), DurationSeconds=7200)  # noqa: E731
    assert code(over) == "ValidationError"
    narrow = credentials(assume(cloud, role, issuer.token(), Policy=document(allow("iam:*"))))
    assert code(lambda: client(cloud, "s3", narrow).list_buckets()) == "AccessDenied"


def test_deleting_the_provider_ends_new_sessions(cloud, role, issuer, provider):
    """Without the provider no new session is opened; the provider is the trust in the cluster."""
    iam = client(cloud, "iam")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    assert refusal(cloud, role, issuer.token())[0] == "InvalidIdentityToken"
    issuer.register(cloud)
    assert assume(cloud, role, issuer.token())
