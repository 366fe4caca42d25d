"""People's access in one program, on a cluster of the lab that reads both ways in, seen as the people themselves."""

from __future__ import annotations

import json

import pytest
import yaml
from lab_program import ACCOUNT, Cluster, aws_auth, refused, write_aws_auth
from pods_program import Stack

from lab.interfaces import AuthenticationMode

NAME = "people"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
SSO_PATH = "/aws-reserved/sso.amazonaws.com/ap-northeast-1/"
LOOK = "AWSReservedSSO_Look_0123456789abcdef"
MEND = "AWSReservedSSO_Mend_0123456789abcdef"
LOOKER = {"name": "looker", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}

PROGRAM = """
cluster = eks.Cluster("people", {"name": "people"})
before = []
for name, args in said.items():
    options = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=before[:1])
    before.append(eks.ClusterAccess(name, {**args, "cluster": cluster.connection}, options))
    pulumi.export(name, before[-1].principal_arns)
"""

CREATOR = {
    "principals": [{"arn": ADMIN}],
    "adopt": True,
    "access_policies": [{"policy": "AmazonEKSClusterAdminPolicy"}],
}


def user(name):
    return {"arn": f"arn:aws:iam::{ACCOUNT}:user/{name}"}


ACCESSES = {
    # The first one is destroyed last: it lets the engine itself in.
    "creator": CREATOR,
    "lookers": {
        "group": "lookers",
        "principals": [{"permission_set": "Look"}],
        "rbac_roles": [LOOKER, {"name": "view", "namespace": "shop"}],
        "tags": {"team": "shop"},
    },
    "menders": {
        "group": "menders",
        "access_method": "aws-auth",
        "principals": [{"permission_set": "Mend", "account_id": ACCOUNT}],
        "rbac_roles": [{"name": "edit", "namespaces": ["shop", "till"]}],
    },
    "policies": {
        "principals": [user("policed")],
        "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["shop", "dev-*"]}],
    },
    "movers": {
        "group": "movers",
        "access_method": "both",
        "principals": [user("mover")],
        "rbac_roles": [
            {
                "kind": "Role",
                "name": "mover",
                "namespace": "shop",
                "rules": [{"resources": ["pods"], "verbs": ["list"]}],
            },
            {"kind": "Role", "name": "theirs", "namespace": "till"},
        ],
    },
    "nodes": {"principals": [{"arn": f"arn:aws:iam::{ACCOUNT}:role/own-node"}], "type": "EC2_LINUX"},
}


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """With the people who are let in, and namespaces, one of them with a Role that somebody else made."""
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    cluster = Cluster(running_lab, tools, NAME, mode, tmp_path_factory.mktemp(NAME))
    for name in ("policed", "mover", "there-already"):
        cluster.user(name)
    cluster.role(LOOK, SSO_PATH)
    cluster.role(MEND, SSO_PATH)
    cluster.role("own-node")
    for namespace in ("shop", "till", "dev-1"):
        cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("create", "role", "theirs", "--verb=list", "--resource=configmaps", "-n", "till")
    return cluster


@pytest.fixture(scope="module")
def stack(cluster, running_lab, tools, tmp_path_factory):
    return Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)


@pytest.fixture(scope="module")
def made(stack, cluster):
    """The outputs of the first update, and what was said of the entries before it."""
    before = cluster.entry(ADMIN)
    return stack.up(ACCESSES), before


def seen(cluster, principal, *arguments):
    """`works`, or why not."""
    done = cluster.kubectl(*arguments, principal=principal)
    if done.returncode == 0:
        return "works"
    # kubectl writes it with a capital letter, unless it puts words of its own before it.
    return "Forbidden" if "forbidden" in done.stderr.lower() else done.stderr


def test_identity_center_enters_by_an_entry_with_the_path(made, cluster):
    """The permission set's role is found in IAM; its entry has the whole ARN, the group and the tags."""
    arn = f"arn:aws:iam::{ACCOUNT}:role{SSO_PATH}{LOOK}"
    assert made[0]["lookers"] == [arn]
    entry = cluster.entry(arn)
    assert (entry["kubernetesGroups"], entry["tags"]) == (["lookers"], {"team": "shop"})
    assert entry["username"] == f"{LOOK}:{{{{SessionName}}}}"
    assert arn not in json.dumps(aws_auth(cluster))


def test_several_roles_add_up_where_each_is_bound(made, cluster):
    """A ClusterRole of ours everywhere, Kubernetes' own `view` in one namespace, and nothing elsewhere."""
    sso = f"role{SSO_PATH}{LOOK}"
    assert seen(cluster, sso, "get", "nodes") == "works"
    assert seen(cluster, sso, "get", "pods", "-n", "shop") == "works"
    assert seen(cluster, sso, "get", "pods", "-n", "till") == "Forbidden"
    assert seen(cluster, sso, "get", "secrets", "-n", "shop") == "Forbidden"
    assert seen(cluster, sso, "delete", "pod", "any", "-n", "shop") == "Forbidden"


def test_identity_center_enters_by_aws_auth_without_the_path(made, cluster):
    """The mapping has the ARN that the authenticator matches, and `edit` reaches the two namespaces that were named."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{MEND}"
    assert made[0]["menders"] == [arn]
    assert arn in [entry["rolearn"] for entry in yaml.safe_load(aws_auth(cluster)["mapRoles"])]
    assert not [entry for entry in cluster.entries() if entry.endswith(MEND)]
    sso = f"role{SSO_PATH}{MEND}"
    for namespace in ("shop", "till"):
        assert seen(cluster, sso, "create", "configmap", "mended", "-n", namespace) == "works"
    assert seen(cluster, sso, "create", "configmap", "mended", "-n", "default") == "Forbidden"


def test_an_access_policy_reaches_its_namespaces(made, cluster):
    """Without group and role, by the entry alone; `dev-*` is every namespace that begins so."""
    assert cluster.policies(user("policed")["arn"]) == ["AmazonEKSViewPolicy"]
    assert cluster.entry(user("policed")["arn"])["kubernetesGroups"] == []
    answers = {name: seen(cluster, "policed", "get", "pods", "-n", name) for name in ("shop", "dev-1", "till")}
    assert answers == {"shop": "works", "dev-1": "works", "till": "Forbidden"}


def test_by_both_ways_one_is_the_same_person(made, cluster):
    """Entry and mapping say the same, so that taking the entry away changes nothing for them."""
    assert made[0]["movers"] == [user("mover")["arn"]]
    by_entry = cluster.who("mover")
    (mapping,) = [entry for entry in yaml.safe_load(aws_auth(cluster)["mapUsers"]) if entry["username"] == "mover"]
    assert (mapping["groups"], mapping["userarn"]) == (["movers"], user("mover")["arn"])
    assert by_entry == "mover ['movers']"
    assert seen(cluster, "mover", "get", "pods", "-n", "shop") == "works"
    assert seen(cluster, "mover", "get", "configmaps", "-n", "till") == "works"
    assert seen(cluster, "mover", "get", "configmaps", "-n", "shop") == "Forbidden"

    cluster.eks.delete_access_entry(clusterName=NAME, principalArn=user("mover")["arn"])
    assert cluster.who("mover") == by_entry
    groups = {"username": "mover", "kubernetesGroups": ["movers"]}
    cluster.eks.create_access_entry(clusterName=NAME, principalArn=user("mover")["arn"], **groups)


def test_an_entry_for_nodes_has_what_the_type_gives(made, cluster):
    """EKS fills username and groups in."""
    entry = cluster.entry(f"arn:aws:iam::{ACCOUNT}:role/own-node")
    assert (entry["type"], entry["kubernetesGroups"]) == ("EC2_LINUX", ["system:nodes"])
    assert entry["username"] == "system:node:{{EC2PrivateDNSName}}"


def test_the_creators_entry_is_taken_over(made, cluster):
    """It is the same entry as before the update, under our name, and its administrator's policy is still there."""
    entry = cluster.entry(ADMIN)
    assert entry["accessEntryArn"] == made[1]["accessEntryArn"]
    assert entry["username"] == "lab-admin"
    assert cluster.policies(ADMIN) == ["AmazonEKSClusterAdminPolicy"]


def test_a_second_update_finds_nothing_to_do(made, stack):
    """What was made is what is declared."""
    assert set(stack.say(ACCESSES).preview().change_summary) == {"same"}


def test_an_entry_that_is_there_is_refused_in_the_preview(made, stack, cluster):
    """With what it says, and the way to take it over; in the middle of an update it would be a 409."""
    somebody = user("there-already")
    cluster.eks.create_access_entry(clusterName=NAME, principalArn=somebody["arn"], kubernetesGroups=["auditors"])
    more = {"group": "late", "rbac_roles": [{"name": "view"}], "principals": [somebody]}
    said = refused(stack.say({**ACCESSES, "more": more}).preview)
    assert 'ClusterAccess "more": 1 problem' in said
    assert "groups ['auditors']" in said
    assert "set adopt to True" in said
    assert cluster.entry(somebody["arn"])["kubernetesGroups"] == ["auditors"]


@pytest.fixture(scope="module")
def warned(made, stack, cluster):
    """What a preview says of three more accesses that it does not refuse, and who two of them are for."""
    mapped, entered = cluster.user("mapped-by-hand"), cluster.user("entered-by-hand")
    before = aws_auth(cluster)
    users = [*yaml.safe_load(before["mapUsers"]), {"userarn": mapped, "username": "hand", "groups": ["hand-made"]}]
    write_aws_auth(cluster, {**before, "mapUsers": users})
    cluster.eks.create_access_entry(clusterName=NAME, principalArn=entered, kubernetesGroups=["auditors"])
    late = {"group": "late", "roles": [{"name": "view"}]}
    misspelt = [{"name": "veiw"}, {"name": "theirs", "kind": "Role", "namespace": "till"}]
    more = {
        "later": {**late, "principals": [{"arn": mapped}]},
        "latest": {**late, "group": "latest", "via": "aws-auth", "principals": [{"arn": entered}]},
        "more": {"group": "misspelt", "roles": misspelt, "principals": [user("mover-2")]},
    }
    try:
        return stack.say({**ACCESSES, **more}).preview().stdout, mapped, entered
    finally:
        write_aws_auth(cluster, before)
        cluster.eks.delete_access_entry(clusterName=NAME, principalArn=entered)


def test_what_loses_against_an_entry_is_reported(warned):
    """A mapping that others made, and one that is declared beside an entry of others: the preview has both places."""
    said, mapped, entered = warned
    assert f"{mapped} is mapped in aws-auth of {NAME} too (username 'hand', groups ['hand-made'])" in said
    assert f"{entered} has an access entry in {NAME} (type STANDARD" in said
    assert "the mapping in aws-auth that is declared here does nothing" in said


def test_a_misspelt_role_is_reported_in_the_preview(warned):
    """The binding would be made, and allow nothing; the role that was meant is named."""
    said, *_ = warned
    assert 'ClusterAccess "more": ClusterRole veiw is not there' in said
    assert "did you mean view?" in said
    assert "Role theirs" not in said


def test_a_permission_set_that_is_not_assigned_is_refused_in_the_preview(made, stack):
    """With those that are."""
    unknown = {**ACCESSES["lookers"], "principals": [{"permission_set": "Lok"}]}
    said = refused(stack.say({**ACCESSES, "lookers": unknown}).preview)
    assert "there are Look, Mend" in said
    assert "did you mean Look?" in said


def test_an_access_cannot_take_over_what_it_made(made, stack):
    """The entry would be deleted by what made it, after it was taken over."""
    said = refused(stack.say({**ACCESSES, "lookers": {**ACCESSES["lookers"], "adopt": True}}).preview)
    assert "must be omitted for an entry that this declaration created" in said


def test_scopes_types_and_roles_change_in_place(made, stack, cluster):
    """Another scope of a policy, another role under one binding's name: who had the old rights has the new ones."""
    changed = {
        **ACCESSES,
        "policies": {
            **ACCESSES["policies"],
            "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["till"]}],
        },
        "lookers": {
            **ACCESSES["lookers"],
            "rbac_roles": [LOOKER, {"name": "edit", "namespace": "shop", "binding_name": "lookers-view"}],
        },
    }
    stack.up(changed)
    answers = {name: seen(cluster, "policed", "get", "pods", "-n", name) for name in ("shop", "till")}
    assert answers == {"shop": "Forbidden", "till": "works"}
    assert seen(cluster, f"role{SSO_PATH}{LOOK}", "get", "secrets", "-n", "shop") == "works"


def test_nobody_locks_themselves_out_but_by_name(made, stack, cluster):
    """Removing the caller's own access is refused, in a preview and in a destroy, unless allow_lockout_of names it."""
    without = {name: access for name, access in ACCESSES.items() if name != "creator"}
    emptied = {**ACCESSES, "creator": {**CREATOR, "principals": []}}
    assert "break_glass" in refused(stack.say(emptied).preview)
    assert "keep the caller's rights" in refused(stack.stack.destroy)
    assert ADMIN in cluster.entries()
    assert cluster.kubectl("get", "nodes").returncode == 0

    stack.up({"creator": {**CREATOR, "allow_lockout_of": [ADMIN]}, **without})
    stack.stack.destroy()
    assert not cluster.entries() & {ADMIN, user("policed")["arn"], user("mover")["arn"]}
    assert cluster.kubectl("get", "nodes").returncode != 0
