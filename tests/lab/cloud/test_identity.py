"""The functions of `lab.cloud.identity`, with which EKS, EKS Auth and EC2 use IAM and STS."""

import time

import pytest

from lab.cloud import identity, tokens
from lab.cloud.context import ORGANIZATION_ID
from lab.cloud.sts import StsResponse
from support.cloud_helpers import (
    AUDIENCE,
    SUBJECT,
    allow,
    assume,
    client,
    expect_error_code,
    new_role,
    new_user,
    trust_policy,
    unique_name,
)

PODS = {"Service": "pods.eks.amazonaws.com"}
EC2 = trust_policy({"Service": "ec2.amazonaws.com"})


def test_find_principal_by_full_arn(cloud):
    """A principal is principal by its full ARN and has its current unique id."""
    arn = new_role(cloud, EC2, Path="/team/", RoleName=unique_name("role"))
    role = arn.rpartition("/")[2]
    principal = identity.find_principal(arn)
    assert principal.arn == arn
    assert principal.unique_id == client(cloud, "iam").get_role(RoleName=role)["Role"]["RoleId"]
    assert identity.find_principal(f"arn:aws:iam::{cloud.account}:role/{role}") is None
    assert identity.find_principal(f"arn:aws:iam::{cloud.account}:user/lab-admin").unique_id.startswith("AIDA")
    for missing in ("nonsense", "arn:aws:iam::999999999999:user/x", f"arn:aws:iam::{cloud.account}:user/missing"):
        assert identity.find_principal(missing) is None


def test_instance_role_must_trust_ec2(cloud):
    """An instance gets credentials of its role if the role trusts EC2."""
    arn = new_role(cloud, EC2, allow("s3:ListAllMyBuckets"))
    session = cloud.instance_roles.credentials(arn, "i-0123456789abcdef0")
    assert client(cloud, "sts", session).get_caller_identity()["Arn"].endswith("/i-0123456789abcdef0")
    assert client(cloud, "s3", session).list_buckets() is not None
    other = new_role(cloud, trust_policy({"Service": "eks.amazonaws.com"}))
    with pytest.raises(PermissionError, match=r"trust policy does not allow sts:AssumeRole"):
        cloud.instance_roles.credentials(other, "i-0123456789abcdef0")
    with pytest.raises(PermissionError, match="the role does not exist"):
        cloud.instance_roles.credentials(f"{arn}x", "i-0123456789abcdef0")


def test_service_session_tags(cloud):
    """Session tags require sts:TagSession in the trust policy, and become principal tags."""
    tags = {"kubernetes-namespace": "default"}
    in_default = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "default"}}
    untagged = new_role(cloud, trust_policy(PODS))
    with pytest.raises(PermissionError, match=r"does not allow sts:TagSession"):
        identity.open_service_session(untagged, service="pods.eks.amazonaws.com", session_name="pod", tags=tags)
    arn = new_role(
        cloud,
        trust_policy(PODS, "sts:AssumeRole", "sts:TagSession"),
        allow("s3:ListAllMyBuckets", Condition=in_default),
    )
    session = identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod", tags=tags)
    assert client(cloud, "s3", session).list_buckets() is not None
    without_tags = identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod")
    assert expect_error_code(lambda: client(cloud, "s3", without_tags).list_buckets()) == "AccessDenied"


def test_source_conditions_of_a_trust_policy(cloud):
    """A trust policy can have conditions on the resource and the account on whose behalf the service acts."""
    source = f"arn:aws:eks:{cloud.region}:{cloud.account}:cluster/eks-clu"
    condition = {"StringEquals": {"aws:SourceAccount": cloud.account}, "ArnLike": {"aws:SourceArn": source}}
    arn = new_role(cloud, trust_policy(PODS, Condition=condition))

    def open_session(**options):
        return identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod", **options)

    assert open_session(source_arn=source, source_account=cloud.account)
    for options in ({}, {"source_arn": source}, {"source_arn": f"{source}2", "source_account": cloud.account}):
        with pytest.raises(PermissionError):
            open_session(**options)


@pytest.mark.parametrize(
    ("key", "value", "is_trusted"),
    [
        ("aws:SourceOrgID", ORGANIZATION_ID, True),
        ("aws:SourceOrgID", "${aws:ResourceOrgId}", True),
        ("aws:SourceOrgID", "o-another000", False),
        ("aws:SourceOrgPaths", f"{ORGANIZATION_ID}/*", True),
        ("aws:PrincipalOrgID", ORGANIZATION_ID, False),
        ("aws:SourceIp", "*", False),
        ("sts:RoleSessionName", "pod", True),
        ("aws:PrincipalServiceName", "pods.eks.amazonaws.com", True),
    ],
)
def test_condition_context_of_a_service(cloud, key, value, is_trusted):
    """A service has the organization of its source account, and no principal keys of an account."""
    arn = new_role(cloud, trust_policy(PODS, Condition={"StringLike": {key: value}}))
    source = {"source_arn": f"arn:aws:eks:eu-west-1:{cloud.account}:cluster/x", "source_account": cloud.account}

    def open_session():
        return identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod", **source)

    if is_trusted:
        assert open_session()
    else:
        with pytest.raises(PermissionError):
            open_session()


def test_target_role_of_another_account(cloud):
    """A role of another account is assumed with a session of the first role, if both accounts allow it."""
    partner = cloud.add_account("210987654321")
    first = new_role(cloud, trust_policy(PODS), allow("sts:AssumeRole"))
    base = identity.open_service_session(first, service="pods.eks.amazonaws.com", session_name="pod")
    target = new_role(cloud, trust_policy({"AWS": first}), allow("s3:*"), caller=partner)

    def assume_target(arn, session, **options):
        return identity.open_service_session(
            arn,
            service="pods.eks.amazonaws.com",
            session_name="pod",
            session_access_key_id=session.access_key_id,
            **options,
        )

    assert client(cloud, "sts", assume_target(target, base)).get_caller_identity()["Account"] == "210987654321"
    closed = new_role(cloud, EC2, caller=partner)
    with pytest.raises(PermissionError, match="not allowed sts:AssumeRole"):
        assume_target(closed, base)
    external_id_condition = {"StringEquals": {"sts:ExternalId": "region/account/cluster/namespace/name"}}
    limited = new_role(cloud, trust_policy({"AWS": first}, Condition=external_id_condition), caller=partner)
    assert assume_target(limited, base, external_id="region/account/cluster/namespace/name")
    for external_id in (None, "region/account/cluster/namespace/another"):
        with pytest.raises(PermissionError, match="not allowed sts:AssumeRole"):
            assume_target(limited, base, external_id=external_id)


def test_service_session_policy_limits_permissions(cloud):
    """A session policy limits the permissions of a service's session."""
    arn = new_role(cloud, trust_policy(PODS), allow("s3:*"))
    session = identity.open_service_session(
        arn,
        service="pods.eks.amazonaws.com",
        session_name="pod",
        policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}',
    )
    assert expect_error_code(lambda: client(cloud, "s3", session).list_buckets()) == "AccessDenied"


def test_calling_principal_of_a_session_is_its_role(cloud, monkeypatch):
    """The calling principal of a session is its role, path included: EKS makes it the cluster creator."""
    callers = []

    def record_caller(response):
        callers.append((identity.get_calling_principal(response), identity.get_caller(response)))
        return get_caller_identity(response)

    get_caller_identity = StsResponse.get_caller_identity
    monkeypatch.setattr(StsResponse, "get_caller_identity", record_caller)
    user, key = new_user(cloud)
    arn = new_role(cloud, trust_policy({"AWS": cloud.account}), Path="/team/")
    client(cloud, "sts", key).get_caller_identity()
    client(cloud, "sts", assume(cloud, arn)).get_caller_identity()
    (as_user, _), (as_role, session) = callers
    assert as_user == identity.find_principal(f"arn:aws:iam::{cloud.account}:user/{user}")
    assert as_role == identity.find_principal(arn)
    assert session.arn == f"arn:aws:sts::{cloud.account}:assumed-role/{arn.rpartition('/')[2]}/test"


def test_decode_token(issuer):
    """A valid token is decoded to its claims. Each invalid token raises its own error."""
    expected = {"jwks": issuer.jwks(), "issuer": issuer.url, "audiences": [AUDIENCE]}
    assert identity.decode_token(issuer.token(), **expected)["sub"] == SUBJECT
    for token, error in (
        ("x", tokens.MalformedTokenError),
        (issuer.token(sub=None), tokens.MalformedTokenError),
        (issuer.token(exp=int(time.time()) - 5), tokens.TokenExpiredError),
        (issuer.token(iss="https://other"), tokens.WrongIssuerError),
        (issuer.token(aud="other"), tokens.WrongAudienceError),
        (issuer.token(kid="other"), tokens.InvalidTokenSignatureError),
        (issuer.token()[:-5] + "AAAAA", tokens.InvalidTokenSignatureError),
    ):
        with pytest.raises(error):
            identity.decode_token(token, **expected)
