"""The principal behind a session, and principals compared without their path."""

from __future__ import annotations

import pytest

from eks_identity.model.kubeconfig import assumed_role, dumps, kubeconfig
from eks_identity.model.lockout import Caller, among, without

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
    found = Caller.of(caller)
    assert (found.principal.arn if found else None) == principal


def test_a_principal_is_the_same_with_and_without_its_path():
    """In any case too; not in another account, and a user is no role."""
    assert among(f"arn:aws:iam::{ACCOUNT}:role/TEAM", [ROLE])
    assert not among(f"arn:aws:iam::{ACCOUNT}:user/team", [ROLE])
    assert not among(ROLE.replace(ACCOUNT, "444455556666"), [ROLE])
    assert without([ROLE, f"{ROLE}2"], [f"arn:aws:iam::{ACCOUNT}:role/team"]) == [f"{ROLE}2"]


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
