"""AuthenticationModeMigration from aws-auth to access entries, while the principals keep their access."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import yaml

from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, Cluster, Program, Watch, aws_auth, expect_error, write_aws_auth

OTHER_ACCOUNT = "210987654321"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
GONE = f"arn:aws:iam::{ACCOUNT}:role/mig-gone"
NODE = f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"
OTHER_ADMIN = f"arn:aws:iam::{OTHER_ACCOUNT}:user/lab-admin"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """A cluster in mode CONFIG_MAP: principals of every kind in aws-auth, and the node role that EKS mapped."""
    cluster = Cluster(running_lab, tools, "leaving", AuthenticationMode.CONFIG_MAP, tmp_path_factory.mktemp("leaving"))
    cluster.user("mig-ope", "/people/")
    cluster.user("mig-root")
    cluster.role("mig-team", "/team/")
    cluster.role("mig-gone")
    cluster.iam.delete_role(RoleName="mig-gone")
    roles = [mapping("role/mig-team", "team:{{SessionName}}", "viewers"), mapping("role/mig-gone", "gone", "viewers")]
    users = [
        mapping("user/people/mig-ope", "shadowed", "none"),
        mapping("user/people/mig-ope", "mig-ope", "operators"),
        mapping("user/mig-root", "mig-root", "system:masters"),
    ]
    nodes = yaml.safe_load(aws_auth(cluster)["mapRoles"])
    write_aws_auth(cluster, {"mapRoles": [*nodes, *roles], "mapUsers": users, "mapAccounts": [OTHER_ACCOUNT]})
    return cluster


@pytest.fixture(scope="module")
def program(running_lab, tools, tmp_path_factory):
    return Program(tmp_path_factory.mktemp("migration") / "project", running_lab, tools)


def mapping(principal, username, *groups):
    kind = principal.partition("/")[0]
    return {f"{kind}arn": f"arn:aws:iam::{ACCOUNT}:{principal}", "username": username, "groups": [*groups]}


def declared(cluster, target_mode, **other):
    args = {"cluster": cluster.connection, "target_mode": target_mode, **other}
    return {"migration": ("AuthenticationModeMigration", args)}


ROLE, USER = f"arn:aws:iam::{ACCOUNT}:role", f"arn:aws:iam::{ACCOUNT}:user"
PLAN = [
    f"mapRoles[0] → access entry of {NODE}, type EC2_LINUX",
    f"mapRoles[1] → access entry of {ROLE}/team/mig-team, username 'team:{{{{SessionName}}}}', groups ['viewers']",
    f"mapUsers[1] → access entry of {USER}/people/mig-ope, username 'mig-ope', groups ['operators']",
    f"mapUsers[2] → access entry of {USER}/mig-root, username 'mig-root', groups [], access policy Amazon",
    f"mapRoles[2]: not migrated, {GONE}: account {ACCOUNT} has no such role any more",
    f"mapAccounts[0]: not migrated, {OTHER_ACCOUNT}: an access entry must be for one principal",
    f"mapUsers[0]: has no effect, {USER}/people/mig-ope: mapUsers[1] maps the same ARN",
]


MIGRATED = {f"{ROLE}/team/mig-team", f"{USER}/people/mig-ope", f"{USER}/mig-root"}
"""Principals whose access entries the migration creates: EKS creates those of the nodes and of the creator."""


def recorded(program):
    """The principals of the access entries that the state of the migration has."""
    return {each["principal_arn"] for each in program.state("migration")["outputs"]["created_entries"]}


def test_migration_preview_shows_the_plan_and_changes_nothing(cluster, program):
    """The plan has the access entry of each mapping, and the reason for each mapping without one."""
    preview = program.declare(declared(cluster, "API_AND_CONFIG_MAP")).preview(diff=True)
    output = preview.stdout + preview.stderr
    for line in ["authentication mode becomes API_AND_CONFIG_MAP", *PLAN]:
        assert line in output
    assert cluster.mode == "CONFIG_MAP"
    error = expect_error(program.declare(declared(cluster, "API")).preview)
    assert f"mapAccounts[0] {OTHER_ACCOUNT}" in error
    assert f"mapRoles[2] {GONE}" in error
    assert cluster.mode == "CONFIG_MAP"


def test_migration_keeps_access_during_both_steps(cluster, program):
    """No principal fails twice in a row in either step, except those in accept_loss_of."""
    expected = {
        "mig-ope": "mig-ope ['operators'] False",
        "role/team/mig-team": "team:watch ['viewers'] False",
        "mig-root": "mig-root [] True",
        "other-admin": f"{OTHER_ADMIN} [] False",
    }
    with ExitStack() as watching:
        watches = {name: watching.enter_context(Watch(cluster, name, "delete", "nodes")) for name in expected}
        up = program.declare(declared(cluster, "API_AND_CONFIG_MAP")).up()
        after = {name: watch.check_access() for name, watch in watches.items()}
    assert cluster.mode == "API_AND_CONFIG_MAP"
    assert after == expected
    # Between the creation of an administrator's entry and its access policy, the administrator has no permissions.
    administrator = watches.pop("mig-root")
    assert set(administrator.responses) <= {expected["mig-root"], "mig-root [] False"}
    failures = {name: watch.failures(expected[name]) for name, watch in watches.items()}
    assert failures == dict.fromkeys(watches, 0)
    assert up.outputs["not_migrated"].value == [GONE, OTHER_ACCOUNT]
    assert cluster.entries() == {
        ADMIN,
        NODE,
        f"arn:aws:iam::{ACCOUNT}:role/team/mig-team",
        f"arn:aws:iam::{ACCOUNT}:user/people/mig-ope",
        f"arn:aws:iam::{ACCOUNT}:user/mig-root",
    }
    assert recorded(program) == MIGRATED
    assert cluster.policies(f"arn:aws:iam::{ACCOUNT}:user/mig-root") == ["AmazonEKSClusterAdminPolicy"]
    assert cluster.entry(NODE)["type"] == "EC2_LINUX"
    # EKS creates an entry for the creator, which changes the username.
    assert cluster.kubectl("auth", "can-i", "delete", "nodes").stdout == "yes\n"
    assert program.stack.preview().change_summary == {"same": 2}

    error = expect_error(program.declare(declared(cluster, "API")).preview)
    assert f"mapAccounts[0] {OTHER_ACCOUNT}" in error
    assert cluster.mode == "API_AND_CONFIG_MAP"

    with ExitStack() as watching:
        del expected["other-admin"]
        watches = {name: watching.enter_context(Watch(cluster, name, "delete", "nodes")) for name in expected}
        up = program.declare(declared(cluster, "API", accept_loss_of=[OTHER_ACCOUNT, GONE])).up()
        after = {name: watch.check_access() for name, watch in watches.items()}
    assert up.outputs["authentication_mode"].value == cluster.mode == "API"
    assert recorded(program) == MIGRATED
    assert after == expected
    failures = {name: watch.failures(expected[name]) for name, watch in watches.items()}
    assert failures == dict.fromkeys(expected, 0)
    with Watch(cluster, "other-admin", "delete", "nodes") as outsider:
        assert outsider.check_access() == "Unauthorized"


def test_finished_migration_cannot_be_reverted(cluster, program):
    """aws-auth has no effect, an update has no changes, the old mode is rejected, and destroy keeps all entries."""
    finished = declared(cluster, "API", accept_loss_of=[OTHER_ACCOUNT, GONE])
    newcomer = cluster.user("mig-late").rpartition("/")[2]
    before = aws_auth(cluster)
    write_aws_auth(cluster, {**before, "mapUsers": [mapping(f"user/{newcomer}", newcomer, "system:masters")]})
    assert cluster.kubectl("auth", "whoami", principal=newcomer).returncode != 0
    assert program.declare(finished).refresh().summary.resource_changes == {"same": 2}
    assert program.stack.preview().change_summary == {"same": 2}

    error = expect_error(program.declare(declared(cluster, "API_AND_CONFIG_MAP")).preview)
    assert "must not be before the cluster's mode API" in error
    entries = cluster.entries()
    program.declare(finished)
    program.stack.destroy()
    assert cluster.mode == "API"
    assert cluster.entries() == entries
    assert cluster.whoami("mig-ope") == "mig-ope ['operators']"
