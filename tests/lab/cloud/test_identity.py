"""What EKS and EC2 ask of IAM beside its API."""

import time

import pytest
from cloud_helpers import AUDIENCE, SUBJECT, allow, assume, client, code, name, new_role, new_user, trusts

from lab.cloud import identity, tokens
from lab.cloud.context import ORGANIZATION_ID
from lab.cloud.sts import StsResponse

PODS = {"Service": "pods.eks.amazonaws.com"}
EC2 = trusts({"Service": "ec2.amazonaws.com"})


def test_principals_have_path_and_id(cloud):
    """A principal is found by its full ARN, and has the id that it has now."""
    arn = new_role(cloud, EC2, Path="/team/", RoleName=name("found"))
    role = arn.rpartition("/")[2]
    found = identity.find_principal(arn)
    assert found.arn == arn
    assert found.unique_id == client(cloud, "iam").get_role(RoleName=role)["Role"]["RoleId"]
    assert identity.find_principal(f"arn:aws:iam::{cloud.account}:role/{role}") is None
    assert identity.find_principal(f"arn:aws:iam::{cloud.account}:user/lab-admin").unique_id.startswith("AIDA")
    for nothing in ("nonsense", "arn:aws:iam::999999999999:user/x", f"arn:aws:iam::{cloud.account}:user/missing"):
        assert identity.find_principal(nothing) is None


def test_instance_roles(cloud):
    """An instance gets its role's credentials if the role trusts EC2."""
    arn = new_role(cloud, EC2, allow("s3:ListAllMyBuckets"))
    given = cloud.instance_roles.credentials(arn, "i-0123456789abcdef0")
    assert client(cloud, "sts", given).get_caller_identity()["Arn"].endswith("/i-0123456789abcdef0")
    assert client(cloud, "s3", given).list_buckets() is not None
    other = new_role(cloud, trusts({"Service": "eks.amazonaws.com"}))
    with pytest.raises(PermissionError, match=r"trust policy does not allow sts:AssumeRole"):
        cloud.instance_roles.credentials(other, "i-0123456789abcdef0")
    with pytest.raises(PermissionError, match="the role does not exist"):
        cloud.instance_roles.credentials(f"{arn}x", "i-0123456789abcdef0")


def test_service_sessions_with_tags(cloud):
    """Tags need sts:TagSession in the trust policy, and count as principal tags."""
    tags = {"kubernetes-namespace": "default"}
    in_default = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "default"}}
    untagged = new_role(cloud, trusts(PODS))
    with pytest.raises(PermissionError, match=r"does not allow sts:TagSession"):
        identity.open_service_session(untagged, service="pods.eks.amazonaws.com", session_name="pod", tags=tags)
    arn = new_role(
        cloud, trusts(PODS, "sts:AssumeRole", "sts:TagSession"), allow("s3:ListAllMyBuckets", Condition=in_default)
    )
    given = identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod", tags=tags)
    assert client(cloud, "s3", given).list_buckets() is not None
    bare = identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod")
    assert code(lambda: client(cloud, "s3", bare).list_buckets()) == "AccessDenied"


def test_conditions_on_the_source(cloud):
    """A trust policy may ask on whose behalf the service acts."""
    source = f"arn:aws:eks:{cloud.region}:{cloud.account}:cluster/eks-clu"
    condition = {"StringEquals": {"aws:SourceAccount": cloud.account}, "ArnLike": {"aws:SourceArn": source}}
    arn = new_role(cloud, trusts(PODS, Condition=condition))

    def session(**more):
        return identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod", **more)

    assert session(source_arn=source, source_account=cloud.account)
    for wrong in ({}, {"source_arn": source}, {"source_arn": f"{source}2", "source_account": cloud.account}):
        with pytest.raises(PermissionError):
            session(**wrong)


@pytest.mark.parametrize(
    ("key", "value", "holds"),
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
def test_a_service_brings_its_source_and_no_principal_of_an_account(cloud, key, value, holds):
    """The organization is that of the account on whose behalf the service acts; a service is in none itself."""
    arn = new_role(cloud, trusts(PODS, Condition={"StringLike": {key: value}}))
    source = {"source_arn": f"arn:aws:eks:eu-west-1:{cloud.account}:cluster/x", "source_account": cloud.account}

    def session():
        return identity.open_service_session(arn, service="pods.eks.amazonaws.com", session_name="pod", **source)

    if holds:
        assert session()
    else:
        with pytest.raises(PermissionError):
            session()


def test_target_roles(cloud):
    """A role of another account is reached through a session of the first, by both sides' rules."""
    partner = cloud.add_account("210987654321")
    first = new_role(cloud, trusts(PODS), allow("sts:AssumeRole"))
    base = identity.open_service_session(first, service="pods.eks.amazonaws.com", session_name="pod")
    target = new_role(cloud, trusts({"AWS": first}), allow("s3:*"), who=partner)

    def reach(arn, through, **more):
        return identity.open_service_session(
            arn,
            service="pods.eks.amazonaws.com",
            session_name="pod",
            session_access_key_id=through.access_key_id,
            **more,
        )

    assert client(cloud, "sts", reach(target, base)).get_caller_identity()["Account"] == "210987654321"
    closed = new_role(cloud, EC2, who=partner)
    with pytest.raises(PermissionError, match="not allowed sts:AssumeRole"):
        reach(closed, base)
    agreed = {"StringEquals": {"sts:ExternalId": "region/account/cluster/namespace/name"}}
    limited = new_role(cloud, trusts({"AWS": first}, Condition=agreed), who=partner)
    assert reach(limited, base, external_id="region/account/cluster/namespace/name")
    for wrong in (None, "region/account/cluster/namespace/another"):
        with pytest.raises(PermissionError, match="not allowed sts:AssumeRole"):
            reach(limited, base, external_id=wrong)


def test_session_policy_of_a_service_session(cloud):
    """A session policy narrows the service's session."""
    arn = new_role(cloud, trusts(PODS), allow("s3:*"))
    given = identity.open_service_session(
        arn,
        service="pods.eks.amazonaws.com",
        session_name="pod",
        policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}',
    )
    assert code(lambda: client(cloud, "s3", given).list_buckets()) == "AccessDenied"


def test_the_caller_is_the_role_and_not_its_session(cloud, monkeypatch):
    """What a session did, its role did, path and all: that is whom EKS makes a cluster's creator."""
    seen = []

    def spy(response):
        seen.append((identity.get_calling_principal(response), identity.get_caller(response)))
        return answer(response)

    answer = StsResponse.get_caller_identity
    monkeypatch.setattr(StsResponse, "get_caller_identity", spy)
    user, key = new_user(cloud)
    arn = new_role(cloud, trusts({"AWS": cloud.account}), Path="/team/")
    client(cloud, "sts", key).get_caller_identity()
    client(cloud, "sts", assume(cloud, arn)).get_caller_identity()
    (as_user, _), (as_role, session) = seen
    assert as_user == identity.find_principal(f"arn:aws:iam::{cloud.account}:user/{user}")
    assert as_role == identity.find_principal(arn)
    assert session.arn == f"arn:aws:sts::{cloud.account}:assumed-role/{arn.rpartition('/')[2]}/test"


def test_tokens(issuer):
    """A genuine token gives its claims; every other says what is wrong with it."""
    expect = {"jwks": issuer.jwks(), "issuer": issuer.url, "audiences": [AUDIENCE]}
    assert identity.decode_token(issuer.token(), **expect)["sub"] == SUBJECT
    for token, refusal in (
        ("x", tokens.MalformedTokenError),
        (issuer.token(sub=None), tokens.MalformedTokenError),
        (issuer.token(exp=int(time.time()) - 5), tokens.TokenExpiredError),
        (issuer.token(iss="https://other"), tokens.WrongIssuerError),
        (issuer.token(aud="other"), tokens.WrongAudienceError),
        (issuer.token(kid="other"), tokens.InvalidTokenSignatureError),
        (issuer.token()[:-5] + "AAAAA", tokens.InvalidTokenSignatureError),
    ):
        with pytest.raises(refusal):
            identity.decode_token(token, **expect)
