"""The principal of a caller, and the comparison of principals."""

from __future__ import annotations

import pytest

from eks_identity.model.kubeconfig import assumed_role, dumps, kubeconfig
from eks_identity.model.lockout import Caller, exclude, is_listed

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
def test_caller_of_session_arn_is_its_role(caller, principal):
    """The ARNs are those of GetCallerIdentity; no cluster authenticates a federated user."""
    parsed = Caller.of(caller)
    assert (parsed.principal.arn if parsed else None) == principal


def test_principals_are_compared_without_path_and_case():
    """Principals of another account, or of another kind, differ."""
    assert is_listed(f"arn:aws:iam::{ACCOUNT}:role/TEAM", [ROLE])
    assert not is_listed(f"arn:aws:iam::{ACCOUNT}:user/team", [ROLE])
    assert not is_listed(ROLE.replace(ACCOUNT, "444455556666"), [ROLE])
    assert exclude([ROLE, f"{ROLE}2"], [f"arn:aws:iam::{ACCOUNT}:role/team"]) == [f"{ROLE}2"]


@pytest.mark.parametrize("role", [ROLE, None])
def test_kubeconfig_assumed_role(role):
    """The cluster authenticates this role instead of the caller."""
    document = kubeconfig(
        cluster_arn=f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/eks-clu",
        cluster_name="eks-clu",
        endpoint="https://example.com",
        certificate_authority="",
        region="ap-northeast-1",
        role_arn=role,
    )
    assert assumed_role(dumps(document)) == role
