"""Who is behind a session, and whom aws-auth makes an administrator."""

from __future__ import annotations

import pytest
import yaml

from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import Subject
from eks_identity.model.kubeconfig import assumed_role, dumps, kubeconfig
from eks_identity.model.lockout import among, aws_auth_administrators, aws_auth_lets_in, principal_of, without

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/people/team"


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/team/me@example.com", f"arn:aws:iam::{ACCOUNT}:role/team"),
        (f"arn:aws-cn:iam::{ACCOUNT}:user/people/eks-ope", f"arn:aws-cn:iam::{ACCOUNT}:user/people/eks-ope"),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:root"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/me", None),
    ],
)
def test_a_session_is_its_role(caller, principal):
    """As GetCallerIdentity has it; a federated user is nobody that a cluster could know."""
    found = principal_of(caller)
    assert (found.arn if found else None) == principal


def test_a_principal_is_the_same_with_and_without_its_path():
    """In any case too; not in another account, and a user is no role."""
    assert among(f"arn:aws:iam::{ACCOUNT}:role/TEAM", [ROLE])
    assert not among(f"arn:aws:iam::{ACCOUNT}:user/team", [ROLE])
    assert not among(ROLE.replace(ACCOUNT, "444455556666"), [ROLE])
    assert without([ROLE, f"{ROLE}2"], [f"arn:aws:iam::{ACCOUNT}:role/team"]) == [f"{ROLE}2"]


def test_only_mappings_that_count_make_administrators():
    """One that another shadows, or with a role's path, matches nobody."""
    arn = f"arn:aws:iam::{ACCOUNT}:role"
    roles = [
        {"rolearn": f"{arn}/a", "username": "a", "groups": ["system:masters"]},
        {"rolearn": f"{arn}/a", "username": "a", "groups": []},
        {"rolearn": f"{arn}/path/b", "username": "b", "groups": ["system:masters"]},
        {"rolearn": "nonsense", "username": "c", "groups": ["system:masters"]},
        {"rolearn": f"{arn}/d", "username": "d", "groups": ["system:masters"]},
    ]
    document = AwsAuth.parse({"mapRoles": yaml.safe_dump(roles)})
    assert aws_auth_administrators(document) == [f"{arn}/d"]
    assert aws_auth_administrators(document, {Subject("User", "a")}) == [f"{arn}/a", f"{arn}/d"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, False),
        ({"mapRoles": f"- rolearn: arn:aws:iam::{ACCOUNT}:role/team\n  username: t\n  groups: []\n"}, True),
        ({"mapAccounts": f'- "{ACCOUNT}"\n'}, True),
        ({"mapAccounts": '- "444455556666"\n'}, False),
    ],
)
def test_aws_auth_lets_in_by_name_or_by_account(data, expected):
    """A role without its path, or all of an account."""
    assert aws_auth_lets_in(AwsAuth.parse(data), Principal.parse(ROLE)) is expected


@pytest.mark.parametrize("role", [ROLE, None])
def test_a_kubeconfig_tells_the_role_that_it_assumes(role):
    """Which is whom the cluster sees, in place of the caller."""
    document = kubeconfig(
        cluster_arn=f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/eks-clu",
        cluster_name="eks-clu",
        endpoint="https://example.com",
        certificate_authority="",
        region="ap-northeast-1",
        role_arn=role,
    )
    assert assumed_role(dumps(document)) == role
