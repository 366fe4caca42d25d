"""Defaults of an environment for IAM roles."""

import pytest

from eks_identity.model.partitions import partition_of_region
from stacks import prod, settings
from stacks.compose.clusters import Account
from stacks.compose.workloads import pod_identity_args
from support.stack_files import load_settings, set_value

BOUNDARY = "arn:aws:iam::444455556666:policy/eks-boundary"


def prod_account(region="ap-northeast-1", **changes):
    values = load_settings("prod")
    for path, value in changes.items():
        set_value(values, path.replace("__", "."), value)
    parsed = settings.parse(values, prod.PROFILE, project="eks-identity", stack="prod")
    return Account(parsed, partition_of_region(region))


def test_role_defaults_add_boundary_path_and_tags():
    """Defaults set missing role options, and tags of the entry are added to the environment's tags."""
    assert prod_account().role_args("reports", {"tags": {"team": "a"}}) == {
        "path": "/eks/",
        "permissions_boundary": BOUNDARY,
        "tags": {"environment": "prod", "team": "a"},
    }


def test_role_options_of_an_entry_override_defaults():
    """Role options of an entry take precedence over the environment's defaults."""
    args = {"path": "/own/", "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}
    assert prod_account().role_args("reports", args) == {**args, "tags": {"environment": "prod"}}


def test_arns_use_the_account_and_the_partition_of_the_region():
    """Names of policies, users and roles resolve to ARNs in the environment's account and the region's partition."""
    china = prod_account("cn-north-1")
    assert china.role_args("reports", {"permissions_boundary": "team/own"})["permissions_boundary"] == (
        "arn:aws-cn:iam::444455556666:policy/team/own"
    )
    assert china.arn("user", "team/eks-ope") == "arn:aws-cn:iam::444455556666:user/team/eks-ope"


@pytest.mark.parametrize(
    ("args", "expected"),
    [({}, {"role_name_prefix": "eks-reports-"}), ({"role_name": "own"}, {"role_name": "own"})],
)
def test_role_name_prefix_applies_to_roles_without_a_name(args, expected):
    """A role name starts with the environment's prefix and the entry's key, unless `role_name` is set."""
    role = prod_account(defaults__role_name_prefix="eks-").role_args("reports", args)
    assert {key: value for key, value in role.items() if key.startswith("role_name")} == expected


@pytest.mark.parametrize(
    ("changes", "has_role", "has_provider"),
    [
        ({}, True, False),
        ({"mode": "irsa"}, True, True),
        ({"mode": "pod-identity", "keep_irsa": True}, True, True),
        ({"mode": "irsa", "role_arn": "arn:aws:iam::444455556666:role/a"}, False, False),
    ],
)
def test_pod_identity_args_follow_the_mode(changes, has_role, has_provider):
    """Workloads that use IRSA get the cluster's OIDC provider; workloads without `role_arn` get the role defaults."""
    account = prod_account(**{f"workloads__reports__{key}": value for key, value in changes.items()})
    target = type("ClusterTarget", (), {"connection": {}, "oidc_provider_arn": "provider"})
    reports = account.settings.workloads["reports"]
    args = pod_identity_args("reports", reports, account.settings.workload_mode(reports), target, account)
    assert ("permissions_boundary" in args) == has_role
    assert ("oidc_provider_arn" in args) == has_provider
    assert "keep_irsa" not in args
