"""Access entries, access methods and permission sets: validation of rules that EKS checks late or never."""

import pytest

from eks_identity.model import identity_center
from eks_identity.model.access_entries import AccessMethod, AuthenticationMode, EntrySpec, EntryType

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/x"
NODE_TYPES = [kind.value for kind in EntryType if kind.is_for_nodes]


@pytest.mark.parametrize(
    ("access_method", "modes"),
    [
        ("aws-auth", ["CONFIG_MAP", "API_AND_CONFIG_MAP"]),
        ("access-entry", ["API_AND_CONFIG_MAP", "API"]),
        ("both", ["API_AND_CONFIG_MAP"]),
    ],
)
def test_access_method_is_valid_only_in_its_authentication_modes(access_method, modes):
    """An access method that the cluster's authentication mode does not read is rejected."""
    read = [mode for mode in AuthenticationMode if not AccessMethod.parse(access_method).refusals(mode)]
    assert read == modes
    for mode in set(AuthenticationMode) - set(read):
        (problem,) = AccessMethod.parse(access_method).refusals(mode)
        assert (problem.input, problem.value) == ("access_method", access_method)


def test_access_entry_keeps_path_of_role_arn():
    """An access entry has the path of the role, unlike aws-auth."""
    assert EntrySpec.of(ROLE).principal.arn == ROLE


@pytest.mark.parametrize("type_", NODE_TYPES)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"groups": ["a"]}, "kubernetes_groups"),
        ({"username": "a"}, "username"),
        ({"principal_arn": f"arn:aws:iam::{ACCOUNT}:user/x"}, "principal_arn"),
        ({"principal_arn": ROLE.replace(ACCOUNT, "444455556666")}, "principal_arn"),
    ],
)
def test_access_entry_for_nodes_requires_role_of_cluster_account(problems_of, type_, changes, field):
    """Groups, a username, a user and a role of another account are rejected."""
    assert EntrySpec.of(ROLE, type=type_, cluster_account=ACCOUNT).type == type_
    args = {"principal_arn": ROLE, "type": type_, "cluster_account": ACCOUNT, **changes}
    (problem,) = problems_of(EntrySpec.of, **args)
    assert problem.input == field


@pytest.mark.parametrize("type_", [*EntryType])
def test_access_entry_rejects_service_linked_role(problems_of, type_):
    """EKS creates no access entry for a service-linked role."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/X"
    problems_of(EntrySpec.of, arn, type=type_)


@pytest.mark.parametrize("type_", ["STANDART", "ec2_linux", "", None])
def test_access_entry_rejects_unknown_type(problems_of, type_):
    """The rule lists the valid types."""
    (problem,) = problems_of(EntrySpec.of, ROLE, type=type_)
    assert "HYPERPOD_LINUX" in problem.rule


def sso(name, digits="0123456789abcdef", account=ACCOUNT, path="ap-northeast-1/"):
    return f"arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/{path}AWSReservedSSO_{name}_{digits}"


def test_permission_set_role_is_matched_by_exact_name():
    """Longer and shorter names do not match, nor does a role of that name under another path."""
    look_alike = f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Look_0123456789abcdef"
    arns = [sso("Look_More"), sso("Look"), sso("Loo"), look_alike]
    assert identity_center.role_of("Look", ACCOUNT, arns).arn == sso("Look")
    assert identity_center.role_of("Look", ACCOUNT, [sso("Look", path="")]).arn == sso("Look", path="")


@pytest.mark.parametrize(
    ("arns", "expected"),
    [
        ([], "none is assigned"),
        ([sso("View"), sso("Admin")], "assigned are Admin, View"),
        ([sso("Look"), sso("Look", "fedcba9876543210")], sso("Look", "fedcba9876543210")),
        ([sso("Look", account="444455556666")], "the aws provider is for 444455556666"),
    ],
)
def test_permission_set_requires_exactly_one_role(problems_of, arns, expected):
    """The problem lists the roles or permission sets that exist."""
    (problem,) = problems_of(identity_center.role_of, "Look", ACCOUNT, arns)
    assert problem.input == "permission_set"
    assert expected in problem.rule + problem.fix


@pytest.mark.parametrize("name", ["", "a b", "a" * 33, None, 1, "a/b"])
def test_permission_set_rejects_invalid_names(problems_of, name):
    """The name of the permission set's role is rejected with the permission set in the fix."""
    problems_of(identity_center.permission_set, name)
    (problem,) = problems_of(identity_center.permission_set, sso("Look"))
    assert problem.fix == "write Look"
