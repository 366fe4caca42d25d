"""AssumeRoleWithWebIdentity: a valid token is accepted, and each invalid token is rejected with STS's own error."""

import base64
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lab.cloud import issuers
from support.cloud_helpers import (
    AUDIENCE,
    ISSUER,
    SUBJECT,
    Issuer,
    allow,
    anonymous_client,
    client,
    expect_error,
    expect_error_code,
    new_role,
    policy_document,
    read_credentials,
    run_aws_cli,
    trust_policy,
    unique_name,
)

NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


@pytest.fixture(scope="module")
def provider(cloud, issuer):
    return issuer.register(cloud)


@pytest.fixture(scope="module")
def role(cloud, issuer, provider):
    return new_role(cloud, issuer.trust(provider), allow("s3:ListAllMyBuckets"))


def assume(cloud, role, token, **members):
    return anonymous_client(cloud, "sts").assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="pod", WebIdentityToken=token, **members
    )


def assume_error(cloud, role, token):
    return expect_error(lambda: assume(cloud, role, token))


def test_valid_token_assumes_the_role(cloud, issuer, provider, role):
    """A valid token returns a session of the role, with the token's subject, provider and audience."""
    response = assume(cloud, role, issuer.token())
    assert response["SubjectFromWebIdentityToken"] == SUBJECT
    assert response["Provider"] == provider
    assert response["Audience"] == AUDIENCE
    session = read_credentials(response)
    assert client(cloud, "s3", session).list_buckets()
    assert client(cloud, "sts", session).get_caller_identity()["Arn"] == response["AssumedRoleUser"]["Arn"]
    assert expect_error_code(lambda: client(cloud, "iam", session).list_users()) == "AccessDenied"


def test_aws_cli_with_a_web_identity_token_file(cloud, issuer, role, tmp_path):
    """The AWS CLI with a token file lists buckets, cannot create one, and prints the error for each invalid token."""
    token = tmp_path / "token"
    token.write_text(issuer.token())
    pod = {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_STS_REGIONAL_ENDPOINTS": "regional"}
    bucket = unique_name("bucket")
    client(cloud, "s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    assert bucket in run_aws_cli(cloud, "s3", "ls", home=tmp_path / "a", variables=pod).stdout
    assert (
        "AccessDenied"
        in run_aws_cli(cloud, "s3", "mb", f"s3://{unique_name('b')}", home=tmp_path / "b", variables=pod).stderr
    )
    token.write_text(issuer.token(sub="system:serviceaccount:default:other"))
    assert "(AccessDenied)" in run_aws_cli(cloud, "s3", "ls", home=tmp_path / "c", variables=pod).stderr
    token.write_text(issuer.token(key=rsa.generate_private_key(65537, 2048)))
    assert "(InvalidIdentityToken)" in run_aws_cli(cloud, "s3", "ls", home=tmp_path / "d", variables=pod).stderr
    token.write_text(issuer.token(exp=int(time.time()) - 60))
    assert "(ExpiredTokenException)" in run_aws_cli(cloud, "s3", "ls", home=tmp_path / "e", variables=pod).stderr


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "system:serviceaccount:default:other"},
        {"sub": "system:serviceaccount:other:my-sa"},
        {"sub": f"{SUBJECT}2"},
        {"sub": SUBJECT.upper()},
    ],
)
def test_other_service_accounts_are_denied(cloud, issuer, role, claims):
    """Another service account or namespace is denied."""
    assert assume_error(cloud, role, issuer.token(**claims)) == NOT_AUTHORIZED


def test_wrong_audience_is_rejected_before_the_trust_policy(cloud, issuer, role):
    """A token for another audience is rejected before the trust policy is evaluated."""
    assert assume_error(cloud, role, issuer.token(aud=["https://kubernetes.default.svc"])) == (
        "InvalidIdentityToken",
        "Incorrect token audience",
    )


def test_audience_must_match_provider_and_trust_policy(cloud, issuer, provider, role):
    """The audience must be a client id of the provider and must be allowed by the trust policy."""
    iam = client(cloud, "iam")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="other")
    assert assume_error(cloud, role, issuer.token(aud=["other"])) == NOT_AUTHORIZED
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID="other")
    assert assume_error(cloud, role, issuer.token(aud=["other"]))[0] == "InvalidIdentityToken"


def test_tokens_of_other_clusters_are_rejected(cloud, role):
    """A token of an unregistered cluster is rejected, and one of a registered cluster is not trusted."""
    other = Issuer(url=f"{ISSUER[:-1]}0")
    other.publish()
    assert assume_error(cloud, role, other.token()) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {other.url}",
    )
    other.register(cloud)
    assert assume_error(cloud, role, other.token()) == NOT_AUTHORIZED
    issuers.unregister(other.url)
    error = assume_error(cloud, role, other.token())
    assert error[0] == "InvalidIdentityToken"
    assert "Couldn't retrieve verification key" in error[1]


def test_provider_must_be_in_the_account_of_the_role(cloud, issuer, provider):
    """The OIDC provider must be in the role's own account."""
    partner = cloud.add_account("210987654321")
    foreign = new_role(cloud, issuer.trust(provider), allow("*"), caller=partner)
    error = assume_error(cloud, foreign, issuer.token())
    assert error == ("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {ISSUER}")
    partner_provider = issuer.register(cloud, partner)
    assert assume_error(cloud, foreign, issuer.token()) == NOT_AUTHORIZED
    trusting_role = new_role(cloud, issuer.trust(partner_provider), caller=partner)
    assert assume(cloud, trusting_role, issuer.token())["AssumedRoleUser"]["Arn"].startswith(
        "arn:aws:sts::210987654321:"
    )


def test_unreachable_issuer(cloud, issuer, role):
    """An unreachable issuer returns IDPCommunicationError."""
    issuers.register(issuer.url, lambda: 1 / 0)
    assert assume_error(cloud, role, issuer.token())[0] == "IDPCommunicationError"
    issuer.publish()
    assert assume(cloud, role, issuer.token())


def test_expired_token(cloud, issuer, role):
    """An expired token returns ExpiredTokenException."""
    error = assume_error(cloud, role, issuer.token(exp=int(time.time()) - 1))
    assert error[0] == "ExpiredTokenException"
    assert error[1].startswith("Token expired: current date/time ")


def base64url(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(issuer, algorithm="none"):
    claims = {"iss": issuer.url, "sub": SUBJECT, "aud": [AUDIENCE], "iat": 1, "exp": int(time.time()) + 600}
    header = {"alg": algorithm, "kid": issuer.kid}
    return f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}."


def signed_with_the_public_key(issuer):
    """Return a token signed with HS256 and the public key as the secret."""
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = unsigned(issuer, "HS256").rstrip(".")
    return f"{text}.{base64url(hmac.digest(issuer.key.public_key().public_bytes(*form), text.encode(), 'sha256'))}"


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
def test_forged_tokens_are_rejected(cloud, issuer, role, forge):
    """A token that the issuer did not sign unchanged is rejected."""
    assert assume_error(cloud, role, forge(issuer))[0] == "InvalidIdentityToken"


def test_issuer_must_equal_the_provider_url(cloud, issuer, role):
    """The issuer is compared as a whole URL."""
    for url in (issuer.url.replace("https://", "http://"), issuer.host_and_path, issuer.url + "/"):
        assert assume_error(cloud, role, issuer.token(iss=url))[0] == "InvalidIdentityToken"


def test_missing_role_is_denied(cloud, issuer, provider):
    """A missing role returns the same error as a role that does not trust the token."""
    assert provider
    assert assume_error(cloud, f"arn:aws:iam::{cloud.account}:role/missing", issuer.token()) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("operator", "subject", "allowed"),
    [
        ("StringEquals", "system:serviceaccount:default:*", False),
        ("StringLike", "system:serviceaccount:default:*", True),
        ("StringLike", "system:serviceaccount:other:*", False),
        ("StringEquals", [SUBJECT, "system:serviceaccount:default:other"], True),
    ],
)
def test_wildcards_in_subject_conditions(cloud, issuer, provider, *, operator, subject, allowed):
    """A wildcard in `sub` matches with StringLike, and is literal with StringEquals."""
    arn = new_role(cloud, issuer.trust(provider, operator=operator, sub=subject))
    if allowed:
        assert assume(cloud, arn, issuer.token())
    else:
        assert assume_error(cloud, arn, issuer.token()) == NOT_AUTHORIZED


def test_condition_keys_with_https_match_nothing(cloud, issuer, provider):
    """A condition key is the issuer without https://. With https:// it is a key that no request has."""
    condition = {"StringEquals": {f"{issuer.url}:sub": SUBJECT}}
    trust = trust_policy({"Federated": provider}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
    assert assume_error(cloud, new_role(cloud, trust), issuer.token()) == NOT_AUTHORIZED


def test_trust_policy_for_assume_role_is_not_enough(cloud, issuer, provider):
    """A trust policy for sts:AssumeRole does not allow sts:AssumeRoleWithWebIdentity."""
    arn = new_role(cloud, trust_policy({"Federated": provider}, "sts:AssumeRole"))
    assert assume_error(cloud, arn, issuer.token()) == NOT_AUTHORIZED


def test_web_identity_session_limits(cloud, issuer, role):
    """Duration and session policy have the same limits as for AssumeRole."""
    too_long = lambda: assume(cloud, role, issuer.token(), DurationSeconds=7200)  # noqa: E731
    assert expect_error_code(too_long) == "ValidationError"
    limited = read_credentials(assume(cloud, role, issuer.token(), Policy=policy_document(allow("iam:*"))))
    assert expect_error_code(lambda: client(cloud, "s3", limited).list_buckets()) == "AccessDenied"


def test_deleted_provider_allows_no_new_session(cloud, role, issuer, provider):
    """Without its OIDC provider the token is rejected."""
    iam = client(cloud, "iam")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    assert assume_error(cloud, role, issuer.token())[0] == "InvalidIdentityToken"
    issuer.register(cloud)
    assert assume(cloud, role, issuer.token())
