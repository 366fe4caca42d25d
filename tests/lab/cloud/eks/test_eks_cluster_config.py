"""UpdateClusterConfig and updates through boto3: one kind of change a call, and modes that go one way."""

import json

import pytest
from eks_constants import ACCOUNT, QUICK

from lab.interfaces import AuthenticationMode

CREATOR = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")


def test_modes_go_one_way_and_nobody_is_left_out(lab, client, make_cluster, node_role, finished):
    """From CONFIG_MAP to API_AND_CONFIG_MAP the creator and the node roles get access entries, then API keeps them."""
    name = make_cluster(mode="CONFIG_MAP")
    client.create_nodegroup(clusterName=name, nodegroupName="ng", nodeRole=node_role, subnets=lab.subnets())
    client.get_waiter("nodegroup_active").wait(clusterName=name, nodegroupName="ng", WaiterConfig=QUICK)
    for mode in ("API_AND_CONFIG_MAP", "API"):
        update = client.update_cluster_config(name=name, accessConfig={"authenticationMode": mode})["update"]
        assert update["type"] == "AccessConfigUpdate"
        assert [(param["type"], json.loads(param["value"])) for param in update["params"]] == [
            ("AuthenticationMode", mode)
        ]
        assert finished(name, update)["status"] == "Successful"
        assert client.describe_cluster(name=name)["cluster"]["accessConfig"]["authenticationMode"] == mode
        identity = lab.plane(name).identity
        assert identity.authentication_mode is AuthenticationMode(mode)
        assert identity.creator is None
        assert {(entry.principal.arn, entry.type) for entry in identity.access_entries} == {
            (CREATOR, "STANDARD"),
            (node_role, "EC2_LINUX"),
        }
    assert set(client.list_updates(name=name)["updateIds"]) == {
        found for page in client.get_paginator("list_updates").paginate(name=name) for found in page["updateIds"]
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [(before, after) for before in MODES for after in MODES if MODES.index(after) != MODES.index(before) + 1],
)
def test_other_mode_changes_are_refused(lab, make_cluster, refused, before, after):
    """No way back, no standing still, no step skipped."""
    name = make_cluster(mode=before)
    assert refused("update_cluster_config", name=name, accessConfig={"authenticationMode": after}) == (
        "InvalidParameterException",
        f"Unsupported authentication mode update from {before} to {after}",
    )
    assert lab.plane(name).identity.authentication_mode is AuthenticationMode(before)


def test_one_kind_of_change_a_call(make_cluster, refused):
    """A request for two kinds of change, or none, is refused."""
    name = make_cluster()
    code, message = refused(
        "update_cluster_config", name=name, deletionProtection=True, upgradePolicy={"supportType": "STANDARD"}
    )
    assert (code, message) == ("InvalidParameterException", "Only one type of update can be allowed.")
    assert refused("update_cluster_config", name=name)[0] == "InvalidParameterException"


def test_one_update_at_a_time(lab, client, make_cluster, refused, finished):
    """While an update runs the cluster is UPDATING, and a second update and a deletion are 409s."""
    name = make_cluster()
    lab.plane(name).may_apply.clear()
    update = client.update_cluster_config(name=name, accessConfig={"authenticationMode": "API"})["update"]
    assert update["status"] == "InProgress"
    assert client.describe_cluster(name=name)["cluster"]["status"] == "UPDATING"
    code, message = refused("update_cluster_config", name=name, deletionProtection=True)
    assert (code, update["id"] in message) == ("ResourceInUseException", True)
    assert refused("delete_cluster", name=name)[0] == "ResourceInUseException"
    lab.plane(name).may_apply.set()
    assert finished(name, update)["status"] == "Successful"
    assert client.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"


def test_failed_update_says_why(lab, client, make_cluster, finished):
    """An update that the control plane cannot take ends Failed, with the reason, and the cluster is ACTIVE again."""
    name = make_cluster()
    lab.plane(name).identity_failure = OSError("no space left on device")
    update = client.update_cluster_config(name=name, accessConfig={"authenticationMode": "API"})["update"]
    done = finished(name, update)
    assert done["status"] == "Failed"
    assert "no space left on device" in done["errors"][0]["errorMessage"]
    assert client.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("change", "kind", "member", "expected"),
    [
        (
            {"resourcesVpcConfig": {"endpointPrivateAccess": True, "publicAccessCidrs": ["10.0.0.0/8"]}},
            "EndpointAccessUpdate",
            lambda cluster: cluster["resourcesVpcConfig"]["publicAccessCidrs"],
            ["10.0.0.0/8"],
        ),
        (
            {"resourcesVpcConfig": {"securityGroupIds": ["sg-1"]}},
            "VpcConfigUpdate",
            lambda cluster: cluster["resourcesVpcConfig"]["securityGroupIds"],
            ["sg-1"],
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
def test_settings(client, make_cluster, finished, change, kind, member, expected):
    """Each kind of setting is an update of its own type, and DescribeCluster shows it afterwards."""
    name = make_cluster()
    update = client.update_cluster_config(name=name, **change)["update"]
    assert update["type"] == kind
    assert finished(name, update)["status"] == "Successful"
    assert member(client.describe_cluster(name=name)["cluster"]) == expected


def test_version_updates_are_refused(make_cluster, refused):
    """There is one Kubernetes version to run, so UpdateClusterVersion is refused in words that name it."""
    code, message = refused("update_cluster_version", name=make_cluster(), version="1.38")
    assert code == "InvalidParameterException"
    assert "from 1.37 to 1.38" in message


def test_unknown_update(make_cluster, refused):
    """An update is found among those of what it changed, and nowhere else."""
    assert refused("describe_update", name=make_cluster(), updateId="nope")[0] == "ResourceNotFoundException"


def test_operations_that_the_lab_lacks(make_cluster, refused):
    """An operation that is not there is refused by name with an error that it declares, not with a broken answer."""
    name = make_cluster()
    code, message = refused("list_insights", clusterName=name)
    assert code == "InvalidRequestException"
    assert "does not implement eks:ListInsights" in message
