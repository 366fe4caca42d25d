"""AccessEntry on a cluster of the lab: adopted, created, updated, refreshed and deleted entries."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import pytest

from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, REGION, Cluster, Program, expect_error

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
    """The principals of the program's entries: new ones, and the cluster's creator, whose entry is deleted first."""
    names = ("adopted", "created", "deleted")
    users = {name: cluster.user(f"user-{uuid.uuid4().hex[:8]}", "/people/") for name in names}
    role = cluster.role(f"role-{uuid.uuid4().hex[:8]}", "/team/")
    return {**users, "old": cluster.user(f"user-{uuid.uuid4().hex[:8]}"), "new": role, "own": ADMIN}


def entry(arn, **other):
    return {"cluster_name": "entries", "region": REGION, "principal_arn": arn, "groups": ["operators"], **other}


def declared(**entries):
    return {name: ("AccessEntry", args) for name, args in entries.items()}


@pytest.fixture(scope="module")
def existing(cluster, arns):
    """An entry with an access policy, created before the first update."""
    options = {"username": "by-hand", "kubernetesGroups": ["viewers"], "tags": {"made-by": "hand"}}
    key = {"clusterName": "entries", "principalArn": arns["adopted"]}
    cluster.eks.create_access_entry(**key, **options)
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    scope = {"type": "namespace", "namespaces": ["default"]}
    cluster.eks.associate_access_policy(**key, policyArn=policy, accessScope=scope)
    return cluster.entry(arns["adopted"])


@pytest.fixture(scope="module")
def lifecycle(cluster, program, arns, existing):
    """Results of each step: preview, create, change, drift, repair and delete of all entries in one program."""
    tagged = {"tags": {"team": "shop"}}
    before = {name: entry(arns[name], **tagged) for name in ("adopted", "created", "deleted")}
    before["replaced"] = entry(arns["old"], **tagged)
    before["own"] = entry(ADMIN, groups=[])
    after = {
        **before,
        "created": entry(arns["created"], groups=["viewers"], tags={"cost": "7"}),
        "replaced": entry(arns["new"]),
        "own": entry(ADMIN, groups=[], allow_lockout_of=[ADMIN]),
    }

    def entries():
        return {name: cluster.entry(arn) for name, arn in arns.items() if arn in cluster.entries()}

    results = SimpleNamespace(existing=existing, initial=entries())
    stack = program.declare(declared(**before))
    preview = stack.preview()
    results.preview = preview.stdout + preview.stderr
    stack.up()
    results.created, results.state = entries(), program.state("adopted")["outputs"]
    results.policies = {name: cluster.policies(arns[name]) for name in ("adopted", "own")}
    results.identities = {arns[name]: cluster.whoami(arns[name].rpartition("/")[2]) for name in ("adopted", "own")}
    results.destroy_error, results.after_destroy_error = expect_error(stack.destroy), entries()

    results.changes = program.declare(declared(**after)).up().summary.resource_changes
    results.changed = entries()
    key = {"clusterName": "entries"}
    cluster.eks.update_access_entry(**key, principalArn=arns["created"], kubernetesGroups=["intruders"])
    cluster.eks.delete_access_entry(**key, principalArn=arns["deleted"])
    results.drift = stack.refresh().summary.resource_changes
    stack.up()
    results.repaired = entries()
    stack.destroy()
    results.destroyed = entries()
    return results


def test_access_entry_adopts_an_existing_entry_in_place(lifecycle, arns):
    """The preview shows the existing options; the update changes them, and keeps the entry and its access policies."""
    assert "before: type STANDARD, username 'by-hand', groups ['viewers']" in lifecycle.preview
    assert "AmazonEKSViewPolicy (namespaces default)" in lifecycle.preview
    name, after = arns["adopted"].rpartition("/")[2], lifecycle.created["adopted"]
    for key in ("accessEntryArn", "createdAt"):
        assert after[key] == lifecycle.existing[key] == lifecycle.repaired["adopted"][key]
    assert (after["username"], after["kubernetesGroups"]) == (name, ["operators"])
    assert after["tags"] == {"made-by": "hand", "team": "shop"}
    assert lifecycle.policies["adopted"] == ["AmazonEKSViewPolicy"]
    assert lifecycle.identities[arns["adopted"]] == f"{name} ['operators']"
    assert lifecycle.state["takes_over"].startswith("type STANDARD, username 'by-hand'")
    assert "made-by" not in lifecycle.state["tags"]


def test_access_entry_create_update_drift_and_delete(lifecycle):
    """An entry is created and updated; a refresh finds changes by others, the next update reverts them."""
    created = lifecycle.created["created"]
    assert (created["type"], created["kubernetesGroups"], created["tags"]) == (
        "STANDARD",
        ["operators"],
        {"team": "shop"},
    )
    changed = lifecycle.changed["created"]
    assert (changed["kubernetesGroups"], changed["tags"]) == (["viewers"], {"cost": "7"})
    assert lifecycle.drift == {"same": 4, "update": 1, "delete": 1}
    assert lifecycle.repaired["created"]["kubernetesGroups"] == ["viewers"]
    assert lifecycle.repaired["deleted"]["kubernetesGroups"] == ["operators"]
    arns = [step["deleted"]["accessEntryArn"] for step in (lifecycle.created, lifecycle.repaired)]
    assert arns[0] != arns[1]
    assert not {"adopted", "created", "deleted"} & lifecycle.destroyed.keys()


def test_access_entry_with_another_principal_is_replaced(lifecycle, arns):
    """After a change of the principal, the new entry exists and the old one is deleted."""
    # The stack and two entries are unchanged, two others have new options.
    assert lifecycle.changes == {"same": 3, "update": 2, "replace": 1}
    assert {"old", "new"} & lifecycle.changed.keys() == {"new"}
    assert lifecycle.changed["new"]["username"] == arns["new"].rpartition("/")[2] + ":{{SessionName}}"


def test_access_entry_preview_rejects_invalid_adoptions(cluster, program, arns):
    """A preview rejects the adoption of a node entry, whose type cannot change, and groups that EKS rejects."""
    node = f"arn:aws:iam::{ACCOUNT}:role/eks-lab-node"
    error = expect_error(program.declare(declared(node=entry(node))).preview)
    assert "it has one of type EC2_LINUX, for nodes, and EKS cannot change the type" in error
    error = expect_error(program.declare(declared(user=entry(arns["created"], groups=["system:masters"]))).preview)
    assert "associate the access policy AmazonEKSClusterAdminPolicy instead" in error
    assert cluster.entry(node)["type"] == "EC2_LINUX"


def test_access_entry_of_the_caller_is_deleted_only_if_allowed(lifecycle):
    """The creator's entry is adopted without a conflict; its deletion is rejected until allow_lockout_of lists it."""
    assert lifecycle.created["own"]["createdAt"] == lifecycle.initial["own"]["createdAt"]
    assert lifecycle.policies["own"] == ["AmazonEKSClusterAdminPolicy"]
    assert lifecycle.identities[ADMIN] == "lab-admin []"
    assert "must keep the caller's rights in the cluster" in lifecycle.destroy_error
    assert "must keep an administrator in the cluster" in lifecycle.destroy_error
    assert lifecycle.after_destroy_error == lifecycle.created
    assert "own" not in lifecycle.destroyed
