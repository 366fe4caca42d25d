"""A cluster leaves aws-auth behind, while its people keep working: seen with the vendor's clients."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
import yaml
from lab_program import ACCOUNT, Cluster, Program, Watch, aws_auth, refused, write_aws_auth

from lab.interfaces import AuthenticationMode

OTHER_ACCOUNT = "210987654321"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
GONE = f"arn:aws:iam::{ACCOUNT}:role/mig-gone"
NODE = f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"
OTHER_ADMIN = f"arn:aws:iam::{OTHER_ACCOUNT}:user/lab-admin"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """As most old clusters are: people of every kind in aws-auth, beside the node role that EKS put there."""
    made = Cluster(running_lab, tools, "leaving", AuthenticationMode.CONFIG_MAP, tmp_path_factory.mktemp("leaving"))
    made.user("mig-ope", "/people/")
    made.user("mig-root")
    made.role("mig-team", "/team/")
    made.role("mig-gone")
    made.iam.delete_role(RoleName="mig-gone")
    roles = [mapping("role/mig-team", "team:{{SessionName}}", "viewers"), mapping("role/mig-gone", "gone", "viewers")]
    users = [
        mapping("user/people/mig-ope", "shadowed", "nobody"),
        mapping("user/people/mig-ope", "mig-ope", "operators"),
        mapping("user/mig-root", "mig-root", "system:masters"),
    ]
    nodes = yaml.safe_load(aws_auth(made)["mapRoles"])
    write_aws_auth(made, {"mapRoles": [*nodes, *roles], "mapUsers": users, "mapAccounts": [OTHER_ACCOUNT]})
    return made


@pytest.fixture(scope="module")
def program(running_lab, tools, tmp_path_factory):
    return Program(tmp_path_factory.mktemp("migration") / "project", running_lab, tools)


def mapping(principal, username, *groups):
    kind = principal.partition("/")[0]
    return {f"{kind}arn": f"arn:aws:iam::{ACCOUNT}:{principal}", "username": username, "groups": [*groups]}


def declared(cluster, to, **other):
    return {"migration": ("AuthenticationModeMigration", {"cluster": cluster.connection, "target_mode": to, **other})}


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


def test_a_preview_shows_the_plan_and_changes_nothing(cluster, program):
    """Each mapping with the entry that it becomes, and what has no equal with why; the cluster stays as it was."""
    shown = program.declare(declared(cluster, "API_AND_CONFIG_MAP")).preview(diff=True)
    said = shown.stdout + shown.stderr
    for line in ["authentication mode becomes API_AND_CONFIG_MAP", *PLAN]:
        assert line in said
    assert cluster.mode == "CONFIG_MAP"
    refusal = refused(program.declare(declared(cluster, "API")).preview)
    assert f"mapAccounts[0] {OTHER_ACCOUNT}" in refusal
    assert f"mapRoles[2] {GONE}" in refusal
    assert cluster.mode == "CONFIG_MAP"


def test_everybody_keeps_working_through_both_steps(cluster, program):
    """By name, groups and rights: nobody is refused twice in a row at either step but whom accept_loss_of names."""
    usual = {
        "mig-ope": "mig-ope ['operators'] False",
        "role/team/mig-team": "team:watch ['viewers'] False",
        "mig-root": "mig-root [] True",
        "other-admin": f"{OTHER_ADMIN} [] False",
    }
    with ExitStack() as watched:
        watches = {who: watched.enter_context(Watch(cluster, who, "delete", "nodes")) for who in usual}
        up = program.declare(declared(cluster, "API_AND_CONFIG_MAP")).up()
        now = {who: watch.ask() for who, watch in watches.items()}
    assert cluster.mode == "API_AND_CONFIG_MAP"
    assert now == usual
    # Between an administrator's entry and its policy, EKS knows them and gives them nothing.
    administrator = watches.pop("mig-root")
    assert set(administrator.answers) <= {usual["mig-root"], "mig-root [] False"}
    assert {who: watch.refusals(usual[who]) for who, watch in watches.items()} == dict.fromkeys(watches, 0)
    assert up.outputs["not_migrated"].value == [GONE, OTHER_ACCOUNT]
    assert cluster.entries() == {
        ADMIN,
        NODE,
        f"arn:aws:iam::{ACCOUNT}:role/team/mig-team",
        f"arn:aws:iam::{ACCOUNT}:user/people/mig-ope",
        f"arn:aws:iam::{ACCOUNT}:user/mig-root",
    }
    assert cluster.policies(f"arn:aws:iam::{ACCOUNT}:user/mig-root") == ["AmazonEKSClusterAdminPolicy"]
    assert cluster.entry(NODE)["type"] == "EC2_LINUX"
    # EKS gives the creator an entry, and with it another name.
    assert cluster.kubectl("auth", "can-i", "delete", "nodes").stdout == "yes\n"
    assert program.stack.preview().change_summary == {"same": 2}

    refusal = refused(program.declare(declared(cluster, "API")).preview)
    assert f"mapAccounts[0] {OTHER_ACCOUNT}" in refusal
    assert cluster.mode == "API_AND_CONFIG_MAP"

    with ExitStack() as watched:
        stay = {who: usual[who] for who in usual if who != "other-admin"}
        watches = {who: watched.enter_context(Watch(cluster, who, "delete", "nodes")) for who in stay}
        up = program.declare(declared(cluster, "API", accept_loss_of=[OTHER_ACCOUNT, GONE])).up()
        now = {who: watch.ask() for who, watch in watches.items()}
    assert up.outputs["authentication_mode"].value == cluster.mode == "API"
    assert now == stay
    assert {who: watch.refusals(stay[who]) for who, watch in watches.items()} == dict.fromkeys(stay, 0)
    with Watch(cluster, "other-admin", "delete", "nodes") as outsider:
        assert outsider.ask() == "Unauthorized"


def test_afterwards_it_keeps_and_never_goes_back(cluster, program):
    """aws-auth does nothing any more, nothing is left to do, a way back is refused, and destroy takes nobody out."""
    left = declared(cluster, "API", accept_loss_of=[OTHER_ACCOUNT, GONE])
    newcomer = cluster.user("mig-late").rpartition("/")[2]
    before = aws_auth(cluster)
    write_aws_auth(cluster, {**before, "mapUsers": [mapping(f"user/{newcomer}", newcomer, "system:masters")]})
    assert cluster.kubectl("auth", "whoami", principal=newcomer).returncode != 0
    assert program.declare(left).refresh().summary.resource_changes == {"same": 2}
    assert program.stack.preview().change_summary == {"same": 2}

    said = refused(program.declare(declared(cluster, "API_AND_CONFIG_MAP")).preview)
    assert "must not be before the cluster's mode API" in said
    entered = cluster.entries()
    program.declare(left)
    program.stack.destroy()
    assert cluster.mode == "API"
    assert cluster.entries() == entered
    assert cluster.who("mig-ope") == "mig-ope ['operators']"
