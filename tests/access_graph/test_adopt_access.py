"""`adopt` declares the principals and bindings of a cluster as ClusterAccess, and lists all others with the reason."""

from dataclasses import replace

import pytest

from eks_access.graph.kubernetes_objects import BindingSubject, RbacBinding, RbacRole
from eks_access.questions.adoption.adopt import adopt
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from eks_identity.model.rbac import Rule
from support.access_graphs import Objects, arn, binding, group, role

USER = arn("user/eks-ope")
SSO = arn("role/aws-reserved/sso.amazonaws.com/ap-northeast-1/AWSReservedSSO_Ops_0123456789abcdef")
VIEW = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy", ("default", "team-*"))
READ = Rule(("get", "list"), ("pods",), ("",))
OPERATORS = {
    "rbac_roles": role("pod-reader", (READ,)),
    "rbac_bindings": binding("read-pods", "pod-reader", group("operators")),
}


def access(objects):
    """The ClusterAccess declarations by name, without the cluster."""
    found = [each for each in adopt(objects.graph()).declarations if each.component == "ClusterAccess"]
    return {each.name: {name: value for name, value in each.args.items() if name != "cluster"} for each in found}


def reasons(objects):
    return {each.object: each.reason for each in adopt(objects.graph()).not_adopted}


def users(*entries):
    return Objects(aws_auth={"mapUsers": "".join(entries)})


def user(name, username="x", groups="[operators]"):
    return f"- userarn: {arn(name)}\n  username: {username}\n  groups: {groups}\n"


def test_principal_and_binding_of_one_group_are_one_declaration():
    found = access(Objects(aws_auth={"mapUsers": user("user/eks-ope", "eks-ope")}, **OPERATORS))
    rule = {"verbs": ["get", "list"], "resources": ["pods"]}
    assert found == {
        "operators": {
            "group": "operators",
            "rbac_roles": [{"name": "pod-reader", "binding_name": "read-pods", "rules": [rule]}],
            "principals": [{"arn": USER}],
            "access_method": "aws-auth",
            "adopt": True,
        }
    }


def test_access_entry_keeps_username_groups_policies_and_tags():
    entry = ExistingEntry(SSO, "sso:{{SessionName}}", ("a", "b"), policies=(VIEW,), tags={"team": "x"})
    assert access(Objects(entries={SSO: entry})) == {
        "view": {
            "principals": [{"arn": SSO, "username": "sso:{{SessionName}}", "groups": ["a", "b"]}],
            "access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": ["default", "team-*"]}],
            "access_method": "access-entry",
            "tags": {"team": "x"},
        }
    }


def test_username_that_eks_writes_by_default_is_accepted_for_users_and_roles():
    session = "arn:aws:sts::123456789012:assumed-role/deployer/{{SessionName}}"
    deployer = arn("role/team/deployer")
    entries = {USER: ExistingEntry(USER, USER), deployer: ExistingEntry(deployer, session)}
    (found,) = access(Objects(entries=entries)).values()
    assert found["principals"] == [{"arn": deployer, "username": session}, {"arn": USER, "username": USER}]


def test_principals_with_equal_policies_are_one_declaration():
    entries = {arn(f"user/{name}"): ExistingEntry(arn(f"user/{name}"), name, policies=(VIEW,)) for name in "ab"}
    (found,) = access(Objects(entries=entries)).values()
    assert [each["arn"] for each in found["principals"]] == sorted(entries)


def test_newer_access_policy_is_declared_by_its_arn():
    policy = AssociatedPolicy("arn:aws:eks::aws:cluster-access-policy/AmazonEKSNewPolicy")
    (found,) = access(Objects(entries={USER: ExistingEntry(USER, "x", policies=(policy,))})).values()
    assert found["access_policies"] == [{"policy": policy.arn}]


def test_principal_with_an_entry_and_a_mapping_is_declared_by_both_methods():
    objects = Objects(entries={USER: ExistingEntry(USER, "x", ("a",))}, aws_auth={"mapUsers": user("user/eks-ope")})
    assert {each["access_method"]: each["principals"][0] for each in access(objects).values()} == {
        "access-entry": {"arn": USER, "username": "x", "groups": ["a"]},
        "aws-auth": {"arn": USER, "username": "x", "groups": ["operators"]},
    }


def test_administrator_of_aws_auth_is_declared():
    (found,) = access(users(user("user/eks-ope", "admin", "['system:masters']"))).values()
    assert found["principals"] == [{"arn": USER, "username": "admin", "groups": ["system:masters"]}]


NODES = "nodes join the cluster by it"
ENTRIES = {
    "of nodes": (ExistingEntry(USER, type="EC2_LINUX"), f"type EC2_LINUX: {NODES}"),
    "with a group of Kubernetes": (ExistingEntry(USER, "x", ("system:masters",)), "kubernetes_groups"),
    "with a reserved username": (ExistingEntry(USER, "system:admin", ("a",)), "username"),
    "with a tag of AWS": (ExistingEntry(USER, "x", ("a",), tags={"aws:x": "y"}), "tag 'aws:x' must not begin"),
    "of a service-linked role": (
        ExistingEntry(arn("role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"), "x", ("a",)),
        "principal_arn must not be a service-linked role",
    ),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_access_entry_that_no_component_can_declare_is_listed_with_the_reason(case):
    entry, reason = ENTRIES[case]
    objects = Objects(entries={entry.principal_arn: entry})
    assert reason in reasons(objects)[f"access entry {entry.principal_arn}"]
    assert access(objects) == {}


MAPPINGS = {
    "of nodes": (f"- rolearn: {arn('role/node')}\n  username: x\n  groups: ['system:nodes']\n", NODES),
    "with a role's path": (f"- rolearn: {arn('role/team/a')}\n  username: x\n  groups: [a]\n", "must have no path"),
    "without a username": (f"- rolearn: {arn('role/a')}\n  groups: [a]\n", "must have a username"),
    "of an IAM group": (f"- rolearn: {arn('group/a')}\n  username: x\n  groups: [a]\n", "must be a user, a role"),
    "without an ARN": ("- username: x\n  groups: [a]\n", "must have rolearn"),
    "with an empty group": (f"- rolearn: {arn('role/a')}\n  username: x\n  groups: ['']\n", "groups"),
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_aws_auth_entry_that_no_component_can_declare_is_listed_with_the_reason(case):
    text, reason = MAPPINGS[case]
    objects = Objects(aws_auth={"mapRoles": text})
    ((name, found),) = reasons(objects).items()
    assert name.startswith("mapRoles[0] of ConfigMap kube-system/aws-auth: ")
    assert reason in found
    assert access(objects) == {}


def test_each_duplicate_of_aws_auth_is_listed():
    objects = users(user("user/eks-ope", "a"), user("user/EKS-ope", "b"), user("user/c"))
    assert [name[:11] for name in reasons(objects)] == ["mapUsers[0]", "mapUsers[1]"]
    (found,) = access(objects).values()
    assert found["principals"] == [{"arn": arn("user/c"), "username": "x", "groups": ["operators"]}]


def test_keys_of_aws_auth_that_no_component_declares_are_listed():
    found = reasons(Objects(aws_auth={"mapUsers": "- [", "mapAccounts": "- '123456789012'\n"}))
    assert list(found) == [
        "mapAccounts 123456789012 of ConfigMap kube-system/aws-auth",
        "mapUsers of ConfigMap kube-system/aws-auth",
    ]


def test_aws_auth_of_a_cluster_that_ignores_it_is_listed():
    objects = replace(users(user("user/eks-ope")), mode="API")
    assert list(reasons(objects).values()) == ["authentication mode API: EKS ignores aws-auth"]


def test_bindings_of_a_cluster_without_access_entries_are_declared_for_aws_auth():
    assert access(Objects(mode="CONFIG_MAP", **OPERATORS))["operators"]["access_method"] == "aws-auth"


def test_role_that_two_bindings_name_is_declared_once():
    bindings = OPERATORS["rbac_bindings"] | binding("in-a", "pod-reader", group("operators"), namespace="a")
    roles = access(Objects(rbac_roles=OPERATORS["rbac_roles"], rbac_bindings=bindings))["operators"]["rbac_roles"]
    assert ["rules" in each for each in roles] == [True, False]
    assert roles[1] == {"name": "pod-reader", "namespace": "a", "binding_name": "in-a"}


def test_missing_and_built_in_roles_are_bound_only():
    bindings = binding("a", "missing", group("x")) | binding("b", "view", group("x"))
    objects = Objects(rbac_roles=role("view", (READ,)), rbac_bindings=bindings)
    assert access(objects)["x"]["rbac_roles"] == [
        {"name": "missing", "binding_name": "a"},
        {"name": "view", "binding_name": "b"},
    ]
    assert reasons(objects) == {"ClusterRole view": "Kubernetes creates it"}


def test_verbs_of_other_apis_and_paths_are_declared():
    rules = (Rule(("resolve",), ("widgets",), ("example.com",), ("one",)), Rule(("get",), non_resource_urls=("/x/*",)))
    objects = Objects(rbac_roles=role("r", rules), rbac_bindings=binding("b", "r", group("x")))
    widgets = {"verbs": ["resolve"], "resources": ["widgets"], "api_groups": ["example.com"]}
    assert access(objects)["x"]["rbac_roles"][0]["rules"] == [
        {**widgets, "resource_names": ["one"], "allow_unknown_verbs": True},
        {"verbs": ["get"], "non_resource_urls": ["/x/*"]},
    ]


APP = BindingSubject("ServiceAccount", "app", "default")
BINDINGS = {
    "service account": (binding("b", "r", APP), "it binds ServiceAccount default/app"),
    "user": (binding("b", "r", BindingSubject("User", "ann")), "it binds User ann"),
    "several": (binding("b", "r", group("x"), group("y")), "it binds Group x, Group y"),
    "no subject": (binding("b", "r"), "it binds no subject"),
    "group of Kubernetes": (binding("b", "r", group("system:authenticated")), "'system:authenticated' must be"),
    "labels": (
        {(None, "b"): RbacBinding(None, "b", "ClusterRole", "r", (group("x"),), ("helm",), ("note",))},
        "it has the labels or annotations helm, note",
    ),
}


@pytest.mark.parametrize("case", BINDINGS)
def test_binding_that_no_component_can_declare_is_listed_with_the_reason(case):
    bindings, reason = BINDINGS[case]
    objects = Objects(rbac_roles=role("r", (READ,)), rbac_bindings=bindings)
    found = reasons(objects)
    assert reason in found["ClusterRoleBinding b"]
    assert found["ClusterRole r"] == "no adopted binding of a group names it"
    assert access(objects) == {}


ROLES = {
    "aggregated": (RbacRole(None, "r", (READ,), ({"a": "b"},)), "it is aggregated"),
    "labelled": (RbacRole(None, "r", (READ,), labels={"a": "b"}), "it has the labels or annotations a"),
    "without rules": (RbacRole(None, "r"), "it has no rules"),
    "with rules that the component rejects": (RbacRole(None, "r", (Rule(("GET",), ("Pods",), ("",)),)), "lower case"),
}


@pytest.mark.parametrize("case", ROLES)
def test_role_that_no_component_can_declare_is_bound_only_and_listed(case):
    one, reason = ROLES[case]
    objects = Objects(rbac_roles={one.key: one}, rbac_bindings=binding("b", "r", group("x")))
    assert access(objects)["x"]["rbac_roles"] == [{"name": "r", "binding_name": "b"}]
    assert reason in reasons(objects)["ClusterRole r"]


def test_names_of_groups_become_unique_logical_names():
    bindings = binding("a", "view", group("team a")) | binding("b", "view", group("team/a"))
    assert list(access(Objects(rbac_bindings=bindings))) == ["team-a", "team-a-2"]
