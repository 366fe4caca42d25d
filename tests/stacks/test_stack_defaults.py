"""The environment's defaults for IAM roles: below what an entry says, on every role that is made."""

import pytest
from stack_files import put, stored

from eks_identity.model.partitions import partition_of_region
from stacks import prod, settings
from stacks.compose.iam import Account
from stacks.compose.pods import identity

BOUNDARY = "arn:aws:iam::444455556666:policy/eks-boundary"


def account(region="ap-northeast-1", **changes):
    given = stored("prod")
    for path, value in changes.items():
        put(given, path.replace("__", "."), value)
    said = settings.parse(given, prod.PROFILE, project="eks-identity", stack="prod")
    return Account(said, partition_of_region(region))


def test_a_role_gets_boundary_path_and_tags():
    """Defaults fill in what an entry does not say; its own tags come on top of the environment's."""
    assert account().role("reports", {"tags": {"team": "a"}}) == {
        "path": "/eks/",
        "permissions_boundary": BOUNDARY,
        "tags": {"environment": "prod", "team": "a"},
    }


def test_an_entry_has_the_last_word():
    """What an entry says of its role stays."""
    said = {"path": "/own/", "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}
    assert account().role("reports", said) == {**said, "tags": {"environment": "prod"}}


def test_names_are_of_the_account_and_its_partition():
    """A policy, user or role that is named is the account's own, in the region's partition."""
    china = account("cn-north-1")
    assert china.role("reports", {"permissions_boundary": "team/own"})["permissions_boundary"] == (
        "arn:aws-cn:iam::444455556666:policy/team/own"
    )
    assert china.arn("user", "team/somebody") == "arn:aws-cn:iam::444455556666:user/team/somebody"


@pytest.mark.parametrize(
    ("said", "expected"),
    [({}, {"role_name_prefix": "eks-reports-"}), ({"role_name": "own"}, {"role_name": "own"})],
)
def test_a_prefix_names_every_role_that_has_no_name(said, expected):
    """The environment's prefix and the entry's key begin the name of a role, unless it is named."""
    made = account(defaults__role_name_prefix="eks-").role("reports", said)
    assert {key: value for key, value in made.items() if key.startswith("role_name")} == expected


@pytest.mark.parametrize(
    ("changes", "role", "provider"),
    [
        ({}, True, False),
        ({"mode": "irsa"}, True, True),
        ({"mode": "pod-identity", "keep_irsa": True}, True, True),
        ({"mode": "irsa", "role_arn": "arn:aws:iam::444455556666:role/a"}, False, False),
    ],
)
def test_pods_get_what_their_mode_needs(changes, role, provider):
    """The cluster's provider goes to whoever uses tokens, and defaults for roles to whoever gets one made."""
    given = account(**{f"workloads__reports__{key}": value for key, value in changes.items()})
    target = type("Target", (), {"connection": {}, "provider_arn": "provider"})
    reports = given.settings.workloads["reports"]
    args = identity("reports", reports, given.settings.mode_of(reports), target, given)
    assert ("permissions_boundary" in args) == role
    assert ("oidc_provider_arn" in args) == provider
    assert "keep_irsa" not in args
