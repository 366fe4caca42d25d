"""Access entries and the ways in: what EKS refuses late or never."""

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
def test_each_way_in_has_its_modes(access_method, modes):
    """Whatever the cluster does not read is refused, with the way that it does."""
    read = [mode for mode in AuthenticationMode if not AccessMethod.parse(access_method).refusals(mode)]
    assert read == modes
    for mode in set(AuthenticationMode) - set(read):
        (problem,) = AccessMethod.parse(access_method).refusals(mode)
        assert (problem.input, problem.value) == ("access_method", access_method)


def test_the_path_stays():
    """The opposite of aws-auth."""
    assert EntrySpec.of(ROLE).principal.arn == ROLE


@pytest.mark.parametrize("type_", NODE_TYPES)
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"groups": ["a"]}, "kubernetes_groups"),
        ({"username": "a"}, "username"),
        ({"principal_arn": f"arn:aws:iam::{ACCOUNT}:user/x"}, "principal_arn"),
        ({"principal_arn": ROLE.replace(ACCOUNT, "444455556666")}, "principal_arn"),
    ],
)
def test_entries_for_nodes_take_roles_of_the_cluster_alone(refused, type_, given, field):
    """Neither groups nor username, no user, and no other account's role."""
    assert EntrySpec.of(ROLE, type=type_, cluster_account=ACCOUNT).type == type_
    args = {"principal_arn": ROLE, "type": type_, "cluster_account": ACCOUNT, **given}
    (problem,) = refused(EntrySpec.of, **args)
    assert problem.input == field


@pytest.mark.parametrize("type_", [*EntryType])
def test_service_linked_roles_have_no_entry(refused, type_):
    """EKS refuses them."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/X"
    refused(EntrySpec.of, arn, type=type_)


@pytest.mark.parametrize("type_", ["STANDART", "ec2_linux", "", None])
def test_an_unknown_type_is_refused(refused, type_):
    """With those that there are."""
    (problem,) = refused(EntrySpec.of, ROLE, type=type_)
    assert "HYPERPOD_LINUX" in problem.rule


def sso(name, digits="0123456789abcdef", account=ACCOUNT, path="ap-northeast-1/"):
    return f"arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/{path}AWSReservedSSO_{name}_{digits}"


def test_a_permission_set_is_found_by_its_whole_name():
    """Neither a longer nor a shorter one, whatever the region in the path, and no look-alike without the path."""
    look_alike = f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Look_0123456789abcdef"
    arns = [sso("Look_More"), sso("Look"), sso("Loo"), look_alike]
    assert identity_center.role_of("Look", ACCOUNT, arns).arn == sso("Look")
    assert identity_center.role_of("Look", ACCOUNT, [sso("Look", path="")]).arn == sso("Look", path="")


@pytest.mark.parametrize(
    ("arns", "said"),
    [
        ([], "there is none at all"),
        ([sso("View"), sso("Admin")], "there are Admin, View"),
        ([sso("Look"), sso("Look", "fedcba9876543210")], sso("Look", "fedcba9876543210")),
        ([sso("Look", account="444455556666")], "asked was 444455556666"),
    ],
)
def test_a_permission_set_without_exactly_one_role_is_refused(refused, arns, said):
    """With those that were found."""
    (problem,) = refused(identity_center.role_of, "Look", ACCOUNT, arns)
    assert problem.input == "permission_set"
    assert said in problem.rule + problem.fix


@pytest.mark.parametrize("name", ["", "a b", "a" * 33, None, 1, "a/b"])
def test_what_is_no_permission_sets_name_is_refused(refused, name):
    """A role's name in its place is told apart."""
    refused(identity_center.permission_set, name)
    (problem,) = refused(identity_center.permission_set, sso("Look"))
    assert problem.fix == "write Look"
