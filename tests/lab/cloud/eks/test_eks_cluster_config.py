"""UpdateClusterConfig, UpdateClusterVersion and updates with boto3."""

import json

import pytest

from lab.interfaces import AuthenticationMode
from support.eks_constants import ACCOUNT, QUICK

CREATOR = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")


def test_authentication_mode_updates_create_access_entries(lab, client, make_cluster, node_role, wait_for_update):
    """API_AND_CONFIG_MAP creates entries for the creator and the node roles. API keeps them."""
    name = make_cluster(mode="CONFIG_MAP")
    client.create_nodegroup(clusterName=name, nodegroupName="ng", nodeRole=node_role, subnets=lab.subnets())
    client.get_waiter("nodegroup_active").wait(clusterName=name, nodegroupName="ng", WaiterConfig=QUICK)
    for mode in ("API_AND_CONFIG_MAP", "API"):
        update = client.update_cluster_config(name=name, accessConfig={"authenticationMode": mode})["update"]
        assert update["type"] == "AccessConfigUpdate"
        assert [(param["type"], json.loads(param["value"])) for param in update["params"]] == [
            ("AuthenticationMode", mode)
        ]
        assert wait_for_update(name, update)["status"] == "Successful"
        assert client.describe_cluster(name=name)["cluster"]["accessConfig"]["authenticationMode"] == mode
        identity = lab.plane(name).identity
        assert identity.authentication_mode is AuthenticationMode(mode)
        assert identity.creator is None
        assert {(entry.principal.arn, entry.type) for entry in identity.access_entries} == {
            (CREATOR, "STANDARD"),
            (node_role, "EC2_LINUX"),
        }
    assert set(client.list_updates(name=name)["updateIds"]) == {
        update_id
        for page in client.get_paginator("list_updates").paginate(name=name)
        for update_id in page["updateIds"]
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [(before, after) for before in MODES for after in MODES if MODES.index(after) != MODES.index(before) + 1],
)
def test_other_authentication_mode_updates_are_rejected(lab, make_cluster, expect_error, before, after):
    """An update to a previous mode, to the same mode, or that skips a mode is rejected."""
    name = make_cluster(mode=before)
    assert expect_error("update_cluster_config", name=name, accessConfig={"authenticationMode": after}) == (
        "InvalidParameterException",
        f"Unsupported authentication mode update from {before} to {after}",
    )
    assert lab.plane(name).identity.authentication_mode is AuthenticationMode(before)


def test_update_cluster_config_accepts_one_type_of_update(make_cluster, expect_error):
    """A request with two types of update, or none, is rejected."""
    name = make_cluster()
    code, message = expect_error(
        "update_cluster_config", name=name, deletionProtection=True, upgradePolicy={"supportType": "STANDARD"}
    )
    assert (code, message) == ("InvalidParameterException", "Only one type of update can be allowed.")
    assert expect_error("update_cluster_config", name=name)[0] == "InvalidParameterException"


def test_concurrent_update_is_rejected(lab, client, make_cluster, expect_error, wait_for_update):
    """During an update the cluster is UPDATING, and a second update or a deletion is a 409."""
    name = make_cluster()
    lab.plane(name).may_apply.clear()
    update = client.update_cluster_config(name=name, accessConfig={"authenticationMode": "API"})["update"]
    assert update["status"] == "InProgress"
    assert client.describe_cluster(name=name)["cluster"]["status"] == "UPDATING"
    code, message = expect_error("update_cluster_config", name=name, deletionProtection=True)
    assert (code, update["id"] in message) == ("ResourceInUseException", True)
    assert expect_error("delete_cluster", name=name)[0] == "ResourceInUseException"
    lab.plane(name).may_apply.set()
    assert wait_for_update(name, update)["status"] == "Successful"
    assert client.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"


def test_failed_update_has_the_error(lab, client, make_cluster, wait_for_update):
    """An update that the control plane rejects becomes Failed with the error, and the cluster is ACTIVE again."""
    name = make_cluster()
    lab.plane(name).identity_failure = OSError("no space left on device")
    update = client.update_cluster_config(name=name, accessConfig={"authenticationMode": "API"})["update"]
    failed = wait_for_update(name, update)
    assert failed["status"] == "Failed"
    assert "no space left on device" in failed["errors"][0]["errorMessage"]
    assert client.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("change", "kind", "member", "expected"),
    [
        (
            {"resourcesVpcConfig": {"endpointPrivateAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}},
            "EndpointAccessUpdate",
            lambda cluster: cluster["resourcesVpcConfig"]["publicAccessCidrs"],
            ["203.0.113.0/24"],
        ),
        (
            {"resourcesVpcConfig": {"securityGroupIds": []}},
            "VpcConfigUpdate",
            lambda cluster: cluster["resourcesVpcConfig"]["securityGroupIds"],
            [],
        ),
        (
            {"logging": {"clusterLogging": [{"types": ["audit", "authenticator"], "enabled": True}]}},
            "LoggingUpdate",
            lambda cluster: cluster["logging"]["clusterLogging"],
            [
                {"types": ["audit", "authenticator"], "enabled": True},
                {"types": ["api", "controllerManager", "scheduler"], "enabled": False},
            ],
        ),
        (
            {"upgradePolicy": {"supportType": "STANDARD"}},
            "UpgradePolicyUpdate",
            lambda cluster: cluster["upgradePolicy"]["supportType"],
            "STANDARD",
        ),
        ({"deletionProtection": True}, "DeletionProtectionUpdate", lambda cluster: cluster["deletionProtection"], True),
    ],
)
def test_cluster_setting_updates(client, make_cluster, wait_for_update, change, kind, member, expected):
    """Each type of setting is an update of its own type, and DescribeCluster returns the new value."""
    name = make_cluster()
    update = client.update_cluster_config(name=name, **change)["update"]
    assert update["type"] == kind
    assert wait_for_update(name, update)["status"] == "Successful"
    assert member(client.describe_cluster(name=name)["cluster"]) == expected


def test_version_update_is_rejected(make_cluster, expect_error):
    """UpdateClusterVersion is rejected with both versions: the lab runs one Kubernetes version."""
    code, message = expect_error("update_cluster_version", name=make_cluster(), version="1.38")
    assert code == "InvalidParameterException"
    assert "from 1.37 to 1.38" in message


def test_unknown_update(make_cluster, expect_error):
    """An unknown update is a 404."""
    assert expect_error("describe_update", name=make_cluster(), updateId="nope")[0] == "ResourceNotFoundException"


def test_unimplemented_operation(make_cluster, expect_error):
    """An operation that the lab lacks returns an error that the operation declares, with its name."""
    name = make_cluster()
    code, message = expect_error("list_insights", clusterName=name)
    assert code == "InvalidRequestException"
    assert "does not implement eks:ListInsights" in message
