"""Access entries that may be there already, on a cluster of the lab, seen with the vendor's clients."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import pytest
from lab_program import ACCOUNT, REGION, Cluster, Program, refused

from lab.interfaces import AuthenticationMode

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    return Cluster(running_lab, tools, "entries", mode, tmp_path_factory.mktemp("entries"))


@pytest.fixture(scope="module")
def program(running_lab, tools, tmp_path_factory):
    return Program(tmp_path_factory.mktemp("entries") / "project", running_lab, tools)


@pytest.fixture(scope="module")
def arns(cluster):
    """The principals of the program's entries; each is new but the creator, who is declared last and goes first."""
    people = {name: cluster.user(f"person-{uuid.uuid4().hex[:8]}", "/people/") for name in ("taken", "made", "lost")}
    moved = cluster.role(f"role-{uuid.uuid4().hex[:8]}", "/team/")
    return {**people, "moved": cluster.user(f"person-{uuid.uuid4().hex[:8]}"), "moved to": moved, "own": ADMIN}


def entry(arn, **other):
    return {"cluster_name": "entries", "region": REGION, "principal_arn": arn, "groups": ["operators"], **other}


def declared(**entries):
    return {name: ("AccessEntry", each) for name, each in entries.items()}


@pytest.fixture(scope="module")
def by_hand(cluster, arns):
    """The entry that somebody made with a policy, before anything is declared."""
    said = {"username": "by-hand", "kubernetesGroups": ["viewers"], "tags": {"made-by": "hand"}}
    of = {"clusterName": "entries", "principalArn": arns["taken"]}
    cluster.eks.create_access_entry(**of, **said)
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["default"]}
    cluster.eks.associate_access_policy(**of, policyArn=policy, accessScope=scope)
    return cluster.entry(arns["taken"])


@pytest.fixture(scope="module")
def life(cluster, program, arns, by_hand):
    """All entries together: previewed, made, changed, altered by others, mended, deleted; what was seen each time."""
    tagged = {"tags": {"team": "shop"}}
    before = {name: entry(arns[name], **tagged) for name in ("taken", "made", "lost", "moved")}
    before["own"] = entry(ADMIN, groups=[])
    after = {
        **before,
        "made": entry(arns["made"], groups=["viewers"], tags={"cost": "7"}),
        "moved": entry(arns["moved to"]),
        "own": entry(ADMIN, groups=[], allow_lockout_of=[ADMIN]),
    }

    def entries():
        return {name: cluster.entry(arn) for name, arn in arns.items() if arn in cluster.entries()}

    seen = SimpleNamespace(by_hand=by_hand, at_first=entries())
    stack = program.declare(declared(**before))
    shown = stack.preview()
    seen.preview = shown.stdout + shown.stderr
    stack.up()
    seen.made, seen.state = entries(), program.state("taken")["outputs"]
    seen.policies = {name: cluster.policies(arns[name]) for name in ("taken", "own")}
    seen.who = {arns[name]: cluster.who(arns[name].rpartition("/")[2]) for name in ("taken", "own")}
    seen.refusal, seen.after_refusal = refused(stack.destroy), entries()

    seen.changes = program.declare(declared(**after)).up().summary.resource_changes
    seen.changed = entries()
    of = {"clusterName": "entries"}
    cluster.eks.update_access_entry(**of, principalArn=arns["made"], kubernetesGroups=["intruders"])
    cluster.eks.delete_access_entry(**of, principalArn=arns["lost"])
    seen.drift = stack.refresh().summary.resource_changes
    stack.up()
    seen.mended = entries()
    stack.destroy()
    seen.deleted = entries()
    return seen


def test_an_entry_made_by_hand_is_taken_over_in_place(life, arns):
    """The preview says what it had; then it says what is declared, and it is the same entry, with its policies."""
    assert "had: type STANDARD, username 'by-hand', groups ['viewers']" in life.preview
    assert "AmazonEKSViewPolicy (namespaces default)" in life.preview
    name, after = arns["taken"].rpartition("/")[2], life.made["taken"]
    for same in ("accessEntryArn", "createdAt"):
        assert after[same] == life.by_hand[same] == life.mended["taken"][same]
    assert (after["username"], after["kubernetesGroups"]) == (name, ["operators"])
    assert after["tags"] == {"made-by": "hand", "team": "shop"}
    assert life.policies["taken"] == ["AmazonEKSViewPolicy"]
    assert life.who[arns["taken"]] == f"{name} ['operators']"
    assert life.state["takes_over"].startswith("type STANDARD, username 'by-hand'")
    assert "made-by" not in life.state["tags"]


def test_an_entry_is_made_changed_mended_and_deleted(life):
    """Where there is none it is made; a refresh sees what others did to it, and the next update mends that."""
    made = life.made["made"]
    assert (made["type"], made["kubernetesGroups"], made["tags"]) == ("STANDARD", ["operators"], {"team": "shop"})
    changed = life.changed["made"]
    assert (changed["kubernetesGroups"], changed["tags"]) == (["viewers"], {"cost": "7"})
    assert life.drift == {"same": 4, "update": 1, "delete": 1}
    assert life.mended["made"]["kubernetesGroups"] == ["viewers"]
    assert life.mended["lost"]["kubernetesGroups"] == ["operators"]
    assert life.mended["lost"]["accessEntryArn"] != life.made["lost"]["accessEntryArn"]
    assert not {"taken", "made", "lost"} & life.deleted.keys()


def test_another_principal_is_another_entry(life, arns):
    """A change of the principal makes the new entry before the old one goes."""
    # The stack and two entries are as they were, two other ones have other settings.
    assert life.changes == {"same": 3, "update": 2, "replace": 1}
    assert {"moved", "moved to"} & life.changed.keys() == {"moved to"}
    assert life.changed["moved to"]["username"] == arns["moved to"].rpartition("/")[2] + ":{{SessionName}}"


def test_a_preview_refuses_what_cannot_be_taken_over(cluster, program, arns):
    """A node's entry has another type, which never changes; and what EKS would refuse is refused as early."""
    node = f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"
    said = refused(program.declare(declared(node=entry(node))).preview)
    assert "this principal has one of type EC2_LINUX, for nodes (EKS)" in said
    said = refused(program.declare(declared(person=entry(arns["made"], groups=["system:masters"]))).preview)
    assert "associate the access policy AmazonEKSClusterAdminPolicy instead" in said
    assert cluster.entry(node)["type"] == "EC2_LINUX"


def test_the_callers_own_entry_goes_by_name_only(life):
    """The creator's own entry is no 409; its deletion is refused while it is their way in, and done when named."""
    assert life.made["own"]["createdAt"] == life.at_first["own"]["createdAt"]
    assert life.policies["own"] == ["AmazonEKSClusterAdminPolicy"]
    assert life.who[ADMIN] == "lab-admin []"
    assert "must keep the caller's rights in the cluster" in life.refusal
    assert "must keep an administrator in the cluster" in life.refusal
    assert life.after_refusal == life.made
    assert "own" not in life.deleted
