"""ClusterAccess on a cluster that uses access entries and aws-auth, verified as the principals themselves."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import yaml

from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, Cluster, aws_auth, expect_error, write_aws_auth
from support.workload_program import Stack

NAME = "people"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
SSO_PATH = "/aws-reserved/sso.amazonaws.com/ap-northeast-1/"
VIEW_ROLE = "AWSReservedSSO_View_0123456789abcdef"
EDIT_ROLE = "AWSReservedSSO_Edit_0123456789abcdef"
NODE_VIEWER = {"name": "looker", "rules": [{"resources": ["nodes"], "verbs": ["list"]}]}

PROGRAM = """
cluster = eks.Cluster("people", {"name": "people"})
accesses = []
for name, args in config.items():
    options = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=accesses[:1])
    accesses.append(eks.ClusterAccess(name, {**args, "cluster": cluster.connection}, options))
    pulumi.export(name, accesses[-1].principal_arns)
"""

CREATOR = {
    "principals": [{"arn": ADMIN}],
    "adopt": True,
    "access_policies": [{"policy": "AmazonEKSClusterAdminPolicy"}],
}


def user(name):
    return {"arn": f"arn:aws:iam::{ACCOUNT}:user/{name}"}


ACCESSES = {
    # The first one is destroyed last: it grants access to the engine itself.
    "creator": CREATOR,
    "viewers": {
        "group": "viewers",
        "principals": [{"permission_set": "View"}],
        "rbac_roles": [NODE_VIEWER, {"name": "view", "namespace": "shop"}],
        "tags": {"team": "shop"},
    },
    "editors": {
        "group": "editors",
        "access_method": "aws-auth",
        "principals": [{"permission_set": "Edit", "account_id": ACCOUNT}],
        "rbac_roles": [{"name": "edit", "namespaces": ["shop", "till"]}],
    },
    "policies": {
        "principals": [user("policed")],
        "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["shop", "dev-*"]}],
    },
    "both": {
        "group": "both",
        "access_method": "both",
        "principals": [user("dual")],
        "rbac_roles": [
            {
                "kind": "Role",
                "name": "dual",
                "namespace": "shop",
                "rules": [{"resources": ["pods"], "verbs": ["list"]}],
            },
            {"kind": "Role", "name": "external", "namespace": "till"},
        ],
    },
    "nodes": {"principals": [{"arn": f"arn:aws:iam::{ACCOUNT}:role/own-node"}], "type": "EC2_LINUX"},
}


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """The cluster with the IAM principals, and namespaces, one of them with an existing Role."""
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    cluster = Cluster(running_lab, tools, NAME, mode, tmp_path_factory.mktemp(NAME))
    for name in ("policed", "dual", "existing"):
        cluster.user(name)
    cluster.role(VIEW_ROLE, SSO_PATH)
    cluster.role(EDIT_ROLE, SSO_PATH)
    cluster.role("own-node")
    for namespace in ("shop", "till", "dev-1"):
        cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("create", "role", "external", "--verb=list", "--resource=configmaps", "-n", "till")
    return cluster


@pytest.fixture(scope="module")
def stack(cluster, running_lab, tools, tmp_path_factory):
    return Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)


@pytest.fixture(scope="module")
def deployment(stack, cluster):
    """The outputs of the first update, and the creator's entry before it."""
    entry = cluster.entry(ADMIN)
    return SimpleNamespace(outputs=stack.up(ACCESSES), creator_entry=entry)


def try_kubectl(cluster, principal, *arguments):
    """Run kubectl and return `works`, `Forbidden` or the error."""
    result = cluster.kubectl(*arguments, principal=principal)
    if result.returncode == 0:
        return "works"
    # kubectl writes it with a capital letter, unless it puts its own words before it.
    return "Forbidden" if "forbidden" in result.stderr.lower() else result.stderr


def test_permission_set_by_access_entry_has_the_role_path(deployment, cluster):
    """The permission set's role is looked up in IAM; its entry has the ARN with path, the group and the tags."""
    arn = f"arn:aws:iam::{ACCOUNT}:role{SSO_PATH}{VIEW_ROLE}"
    assert deployment.outputs["viewers"] == [arn]
    entry = cluster.entry(arn)
    assert (entry["kubernetesGroups"], entry["tags"]) == (["viewers"], {"team": "shop"})
    assert entry["username"] == f"{VIEW_ROLE}:{{{{SessionName}}}}"
    assert arn not in json.dumps(aws_auth(cluster))


def test_rbac_roles_apply_where_each_is_bound(deployment, cluster):
    """A created ClusterRole applies in the cluster, the built-in `view` in one namespace, and nothing in others."""
    sso = f"role{SSO_PATH}{VIEW_ROLE}"
    assert try_kubectl(cluster, sso, "get", "nodes") == "works"
    assert try_kubectl(cluster, sso, "get", "pods", "-n", "shop") == "works"
    assert try_kubectl(cluster, sso, "get", "pods", "-n", "till") == "Forbidden"
    assert try_kubectl(cluster, sso, "get", "secrets", "-n", "shop") == "Forbidden"
    assert try_kubectl(cluster, sso, "delete", "pod", "any", "-n", "shop") == "Forbidden"


def test_permission_set_by_aws_auth_has_no_role_path(deployment, cluster):
    """The mapping has the ARN that the authenticator matches, and `edit` applies in its two namespaces."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/{EDIT_ROLE}"
    assert deployment.outputs["editors"] == [arn]
    assert arn in [entry["rolearn"] for entry in yaml.safe_load(aws_auth(cluster)["mapRoles"])]
    assert not [entry for entry in cluster.entries() if entry.endswith(EDIT_ROLE)]
    sso = f"role{SSO_PATH}{EDIT_ROLE}"
    for namespace in ("shop", "till"):
        assert try_kubectl(cluster, sso, "create", "configmap", "edited", "-n", namespace) == "works"
    assert try_kubectl(cluster, sso, "create", "configmap", "edited", "-n", "default") == "Forbidden"


def test_access_policy_applies_in_its_namespaces(deployment, cluster):
    """An entry with an access policy needs no group or role; `dev-*` matches every namespace with this prefix."""
    assert cluster.policies(user("policed")["arn"]) == ["AmazonEKSViewPolicy"]
    assert cluster.entry(user("policed")["arn"])["kubernetesGroups"] == []
    results = {name: try_kubectl(cluster, "policed", "get", "pods", "-n", name) for name in ("shop", "dev-1", "till")}
    assert results == {"shop": "works", "dev-1": "works", "till": "Forbidden"}


def test_access_method_both_gives_one_identity(deployment, cluster):
    """Entry and mapping have the same username and groups, so that deleting the entry changes no permission."""
    assert deployment.outputs["both"] == [user("dual")["arn"]]
    by_entry = cluster.whoami("dual")
    (mapping,) = [entry for entry in yaml.safe_load(aws_auth(cluster)["mapUsers"]) if entry["username"] == "dual"]
    assert (mapping["groups"], mapping["userarn"]) == (["both"], user("dual")["arn"])
    assert by_entry == "dual ['both']"
    assert try_kubectl(cluster, "dual", "get", "pods", "-n", "shop") == "works"
    assert try_kubectl(cluster, "dual", "get", "configmaps", "-n", "till") == "works"
    assert try_kubectl(cluster, "dual", "get", "configmaps", "-n", "shop") == "Forbidden"

    cluster.eks.delete_access_entry(clusterName=NAME, principalArn=user("dual")["arn"])
    assert cluster.whoami("dual") == by_entry
    groups = {"username": "dual", "kubernetesGroups": ["both"]}
    cluster.eks.create_access_entry(clusterName=NAME, principalArn=user("dual")["arn"], **groups)


def test_node_entry_has_username_and_groups_of_its_type(deployment, cluster):
    """EKS sets username and groups of an entry of a node type."""
    entry = cluster.entry(f"arn:aws:iam::{ACCOUNT}:role/own-node")
    assert (entry["type"], entry["kubernetesGroups"]) == ("EC2_LINUX", ["system:nodes"])
    assert entry["username"] == "system:node:{{EC2PrivateDNSName}}"


def test_entry_of_the_cluster_creator_is_adopted(deployment, cluster):
    """The entry is the same as before the update, with the username of the component and its access policy."""
    entry = cluster.entry(ADMIN)
    assert entry["accessEntryArn"] == deployment.creator_entry["accessEntryArn"]
    assert entry["username"] == "lab-admin"
    assert cluster.policies(ADMIN) == ["AmazonEKSClusterAdminPolicy"]


def test_second_update_of_cluster_access_changes_nothing(deployment, stack):
    """A preview after the update has no changes."""
    assert set(stack.configure(ACCESSES).preview().change_summary) == {"same"}


def test_existing_access_entry_is_rejected_at_preview(deployment, stack, cluster):
    """The error has the existing options and the fix; in an update EKS would reject it with status 409."""
    existing = user("existing")
    cluster.eks.create_access_entry(clusterName=NAME, principalArn=existing["arn"], kubernetesGroups=["auditors"])
    more = {"group": "late", "rbac_roles": [{"name": "view"}], "principals": [existing]}
    error = expect_error(stack.configure({**ACCESSES, "more": more}).preview)
    assert 'ClusterAccess "more": 1 problem' in error
    assert "groups ['auditors']" in error
    assert "set adopt to True" in error
    assert cluster.entry(existing["arn"])["kubernetesGroups"] == ["auditors"]


@pytest.fixture(scope="module")
def warnings(deployment, stack, cluster):
    """The output of a preview with three more accesses that it accepts, and the principals of two of them."""
    mapped, with_entry = cluster.user("mapped-manually"), cluster.user("entry-manually")
    before = aws_auth(cluster)
    users = [*yaml.safe_load(before["mapUsers"]), {"userarn": mapped, "username": "hand", "groups": ["hand-made"]}]
    write_aws_auth(cluster, {**before, "mapUsers": users})
    cluster.eks.create_access_entry(clusterName=NAME, principalArn=with_entry, kubernetesGroups=["auditors"])
    access = {"group": "late", "rbac_roles": [{"name": "view"}]}
    misspelt = [{"name": "veiw"}, {"name": "external", "kind": "Role", "namespace": "till"}]
    more = {
        "later": {**access, "principals": [{"arn": mapped}]},
        "latest": {**access, "group": "latest", "access_method": "aws-auth", "principals": [{"arn": with_entry}]},
        "more": {"group": "misspelt", "rbac_roles": misspelt, "principals": [user("dual-2")]},
    }
    try:
        return stack.configure({**ACCESSES, **more}).preview().stdout, mapped, with_entry
    finally:
        write_aws_auth(cluster, before)
        cluster.eks.delete_access_entry(clusterName=NAME, principalArn=with_entry)


def test_mapping_that_an_access_entry_overrides_is_reported(warnings):
    """The preview reports an existing mapping of a declared entry, and a declared mapping of an existing entry."""
    output, mapped, with_entry = warnings
    assert f"{mapped} is also mapped in aws-auth of {NAME} (username 'hand', groups ['hand-made'])" in output
    assert f"{with_entry} has an access entry in {NAME} (type STANDARD" in output
    assert "the aws-auth mapping declared here has no effect" in output


def test_unknown_cluster_role_is_reported_at_preview(warnings):
    """A binding to a missing role allows nothing, so the preview warns with a suggestion."""
    output, *_ = warnings
    assert 'ClusterAccess "more": ClusterRole veiw does not exist' in output
    assert "did you mean view?" in output
    assert "Role external" not in output


def test_unassigned_permission_set_is_rejected_at_preview(deployment, stack):
    """The error lists the permission sets that are assigned to the account."""
    unknown = {**ACCESSES["viewers"], "principals": [{"permission_set": "Viw"}]}
    error = expect_error(stack.configure({**ACCESSES, "viewers": unknown}).preview)
    assert "assigned are Edit, View" in error
    assert "did you mean View?" in error


def test_adopt_of_a_created_entry_is_rejected(deployment, stack):
    """The engine would delete the created entry after it was adopted, so the preview rejects it."""
    error = expect_error(stack.configure({**ACCESSES, "viewers": {**ACCESSES["viewers"], "adopt": True}}).preview)
    assert "must be omitted for an entry that this declaration created" in error


def test_scopes_and_roles_of_cluster_access_change_in_place(deployment, stack, cluster):
    """After a change of a policy's scope and of a binding's role, the principals have the new permissions only."""
    changed = {
        **ACCESSES,
        "policies": {
            **ACCESSES["policies"],
            "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["till"]}],
        },
        "viewers": {
            **ACCESSES["viewers"],
            "rbac_roles": [NODE_VIEWER, {"name": "edit", "namespace": "shop", "binding_name": "viewers-view"}],
        },
    }
    stack.up(changed)
    results = {name: try_kubectl(cluster, "policed", "get", "pods", "-n", name) for name in ("shop", "till")}
    assert results == {"shop": "Forbidden", "till": "works"}
    assert try_kubectl(cluster, f"role{SSO_PATH}{VIEW_ROLE}", "get", "secrets", "-n", "shop") == "works"


def test_lockout_of_the_caller_is_rejected(deployment, stack, cluster):
    """Preview and destroy reject the removal of the caller's access, until allow_lockout_of lists the caller."""
    without = {name: access for name, access in ACCESSES.items() if name != "creator"}
    emptied = {**ACCESSES, "creator": {**CREATOR, "principals": []}}
    assert "allow_lockout_of" in expect_error(stack.configure(emptied).preview)
    assert "keep the caller's rights" in expect_error(stack.stack.destroy)
    assert ADMIN in cluster.entries()
    assert cluster.kubectl("get", "nodes").returncode == 0

    stack.up({"creator": {**CREATOR, "allow_lockout_of": [ADMIN]}, **without})
    stack.stack.destroy()
    assert not cluster.entries() & {ADMIN, user("policed")["arn"], user("dual")["arn"]}
    assert cluster.kubectl("get", "nodes").returncode != 0
