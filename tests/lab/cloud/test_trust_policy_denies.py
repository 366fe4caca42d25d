"""Denies of a trust policy reach each kind of principal: users, roles, services, and tokens of identity providers."""

import pytest

from support.cloud_helpers import (
    AUDIENCE,
    SUBJECT,
    anonymous_client,
    assume,
    expect_error_code,
    new_role,
    policy_document,
)

EVERYONE = ["*", {"AWS": "*"}]


@pytest.fixture(scope="module")
def provider(cloud, issuer):
    return issuer.register(cloud)


@pytest.fixture
def assume_with_token(cloud, issuer):
    sts = anonymous_client(cloud, "sts")

    def call(role):
        return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="pod", WebIdentityToken=issuer.token())

    return call


def web_identity_role(cloud, issuer, provider, **elements):
    """Create a role that trusts the issuer's token, with a second statement of `elements`."""
    action = "sts:AssumeRoleWithWebIdentity"
    claims = {f"{issuer.host_and_path}:sub": SUBJECT, f"{issuer.host_and_path}:aud": AUDIENCE}
    allows = {"Principal": {"Federated": provider}, "Condition": {"StringEquals": claims}}
    statements = [{"Effect": "Allow", "Action": action, **allows}, {"Effect": "Deny", "Action": action, **elements}]
    return new_role(cloud, policy_document(*statements))


@pytest.mark.parametrize("principal", EVERYONE)
def test_deny_of_all_principals_reaches_web_identities(cloud, issuer, provider, assume_with_token, principal):
    """A Deny with Principal * denies AssumeRoleWithWebIdentity."""
    role = web_identity_role(cloud, issuer, provider, Principal=principal)
    assert expect_error_code(lambda: assume_with_token(role)) == "AccessDenied"


def test_conditions_of_a_deny_of_all_principals_are_evaluated(cloud, issuer, provider, assume_with_token):
    """The Deny applies only if its condition on the token is true."""
    for service_account, is_denied in ((SUBJECT, True), ("system:serviceaccount:default:other", False)):
        condition = {"StringEquals": {f"{issuer.host_and_path}:sub": service_account}}
        role = web_identity_role(cloud, issuer, provider, Principal="*", Condition=condition)
        if is_denied:
            assert expect_error_code(lambda role=role: assume_with_token(role)) == "AccessDenied"
        else:
            assert assume_with_token(role)["Credentials"]


def test_not_principal_exempts_a_provider(cloud, issuer, provider, assume_with_token):
    """A Deny with NotPrincipal denies every principal but the listed provider."""
    assert assume_with_token(web_identity_role(cloud, issuer, provider, NotPrincipal={"Federated": provider}))
    others = {"AWS": f"arn:aws:iam::{cloud.account}:root"}
    role = web_identity_role(cloud, issuer, provider, NotPrincipal=others)
    assert expect_error_code(lambda: assume_with_token(role)) == "AccessDenied"


@pytest.mark.parametrize("principal", EVERYONE)
def test_deny_of_all_principals_reaches_users(cloud, principal):
    """A Deny with Principal * denies AssumeRole."""
    allows = {"Effect": "Allow", "Principal": {"AWS": cloud.account}, "Action": "sts:AssumeRole"}
    role = new_role(cloud, policy_document(allows, {**allows, "Effect": "Deny", "Principal": principal}))
    assert expect_error_code(lambda: assume(cloud, role)) == "AccessDenied"


@pytest.mark.parametrize("principal", EVERYONE)
def test_deny_of_all_principals_reaches_services(cloud, principal):
    """A Deny with Principal * denies a service, here EC2 for an instance profile's role."""
    allows = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = new_role(cloud, policy_document(allows))
    assert cloud.instance_roles.credentials(role, "i-0123456789abcdef0")
    denied = new_role(cloud, policy_document(allows, {**allows, "Effect": "Deny", "Principal": principal}))
    with pytest.raises(PermissionError, match="trust policy does not allow sts:AssumeRole"):
        cloud.instance_roles.credentials(denied, "i-0123456789abcdef0")
