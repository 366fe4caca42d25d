"""The authenticator's dynamic file and backends for each authentication mode."""

import pytest

from lab.cluster import authenticator_files
from lab.interfaces import AccessEntry, AuthenticationMode, ClusterIdentity, IamPrincipal

CREATOR = IamPrincipal("arn:aws:iam::111122223333:user/creator", "AIDACREATOR")
ROLE = IamPrincipal("arn:aws:iam::111122223333:role/team/ops", "AROAOPS")
ENTRY = AccessEntry(ROLE, f"{ROLE.arn}/{{{{SessionName}}}}", ("operators",))


@pytest.mark.parametrize("mode", AuthenticationMode)
def test_creator_is_administrator_in_every_mode(mode):
    """It is mapped by its unique id, as kubernetes-admin in system:masters."""
    file = authenticator_files.build_dynamic_file(ClusterIdentity(mode, creator=CREATOR))
    assert file["mapUsers"] == [
        {
            "userarn": CREATOR.arn,
            "userid": "AIDACREATOR",
            "username": "kubernetes-admin",
            "groups": ["system:masters"],
        }
    ]


@pytest.mark.parametrize(("mode", "count"), list(zip(AuthenticationMode, (0, 1, 1), strict=True)))
def test_access_entries_are_mapped_unless_mode_is_config_map(mode, count):
    """CONFIG_MAP has no access entries."""
    assert (
        len(authenticator_files.build_dynamic_file(ClusterIdentity(mode, access_entries=(ENTRY,)))["mapRoles"]) == count
    )


def test_access_entry_of_creator_replaces_its_administrator_access():
    """The implicit administrator access ends when the creator has an access entry."""
    entry = AccessEntry(CREATOR, "plain", ("viewers",))
    identity = ClusterIdentity(AuthenticationMode.API_AND_CONFIG_MAP, creator=CREATOR, access_entries=(entry,))
    assert [user["groups"] for user in authenticator_files.build_dynamic_file(identity)["mapUsers"]] == [["viewers"]]


def test_access_entry_type_adds_node_groups():
    """Access entries of other types than STANDARD have no groups in EKS's API, but their nodes need some."""
    identity = ClusterIdentity(AuthenticationMode.API, access_entries=(AccessEntry(ROLE, "n", type="EC2_LINUX"),))
    assert "system:nodes" in authenticator_files.build_dynamic_file(identity)["mapRoles"][0]["groups"]


def test_only_api_mode_has_no_aws_auth_backend():
    """The order of the backends makes an access entry win over aws-auth."""
    modes = {mode: authenticator_files.select_backends(mode) for mode in AuthenticationMode}
    assert modes.pop(AuthenticationMode.API) == ("DynamicFile",)
    assert set(modes.values()) == {("DynamicFile", "EKSConfigMap")}
