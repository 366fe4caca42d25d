"""The conversion of each kind of Pulumi resource."""

import re

import pytest

from eks_access.graph.aws_objects import Unknown
from eks_access.graph.tables import NotReadError
from eks_identity.model.existing_entries import AssociatedPolicy
from support.pulumi_stacks import cluster, graph, manifest, resource, secret

ACCOUNT = "arn:aws:iam::123456789012"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
DOCUMENT = '{"Statement": []}'
RBAC = "rbac.authorization.k8s.io/v1"


def iam(kind, name, inputs, outputs=None):
    return resource(f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}", name, inputs, outputs)


def principal(kind="Role", name="app", **inputs):
    return iam(kind, name, {"name": name, "path": "/", **inputs}, {"arn": f"{ACCOUNT}:{kind.lower()}/{name}"})


@pytest.mark.parametrize("kind", ["Role", "User"])
def test_policies_of_a_principal(kind):
    name = kind.lower()
    found = graph(
        principal(kind),
        iam(f"{kind}Policy", "inline", {name: "app", "name": "inline", "policy": DOCUMENT}),
        iam(f"{kind}PolicyAttachment", "attached", {name: "app", "policyArn": READ_ONLY}),
        iam("PolicyAttachment", "shared", {f"{name}s": ["app"], "policyArn": ADMIN}),
    ).principals.get(f"{ACCOUNT}:{name}/app")
    assert found.inline_policies == {"inline": {"Statement": []}}
    assert found.attached_policies == (READ_ONLY, ADMIN)
    assert found.other_policies == Unknown(f"other policies of {name} app are not in the state of stack dev")


def test_policies_in_the_arguments_of_a_role():
    inline = [{"name": "inline", "policy": DOCUMENT}]
    found = graph(principal(inlinePolicies=inline, managedPolicyArns=[READ_ONLY])).principals.get(f"{ACCOUNT}:role/app")
    assert found.inline_policies == {"inline": {"Statement": []}}
    assert found.attached_policies == (READ_ONLY,)


def test_role_has_no_other_policies_if_the_stack_manages_all():
    inline = iam("RolePoliciesExclusive", "i", {"roleName": "app", "policyNames": []})
    attached = iam("RolePolicyAttachmentsExclusive", "a", {"roleName": "app", "policyArns": [READ_ONLY]})
    found = graph(principal(), inline, attached).principals.get(f"{ACCOUNT}:role/app")
    assert found.other_policies is None
    assert found.attached_policies == (READ_ONLY,)
    partly = graph(principal(), inline).principals.get(f"{ACCOUNT}:role/app")
    assert partly.other_policies is not None


@pytest.mark.parametrize(
    "membership",
    [
        iam("GroupMembership", "m", {"group": "people", "users": ["ann"]}),
        iam("UserGroupMembership", "m", {"groups": ["people"], "user": "ann"}),
    ],
)
def test_user_is_a_member_of_a_group_with_policies(membership):
    found = graph(
        principal("User", "ann"),
        principal("Group", "people"),
        membership,
        iam("GroupPolicy", "p", {"group": "people", "name": "p", "policy": DOCUMENT}),
        iam("GroupPolicyAttachment", "a", {"group": "people", "policyArn": READ_ONLY}),
    )
    assert found.principals.get(f"{ACCOUNT}:user/ann").groups == ("people",)
    group = found.groups.get("people")
    assert (group.arn, group.inline_policies, group.attached_policies) == (
        f"{ACCOUNT}:group/people",
        {"p": {"Statement": []}},
        (READ_ONLY,),
    )


def test_managed_policy():
    policy = iam("Policy", "p", {"name": "p", "policy": DOCUMENT}, {"arn": f"{ACCOUNT}:policy/p"})
    assert graph(policy).policies.get(f"{ACCOUNT}:policy/p") == {"Statement": []}


@pytest.mark.parametrize("token", ["pulumi-python:dynamic/eks-identity:AccessEntry", "eks-identity:index:AccessEntry"])
def test_access_entry_of_eks_identity(token):
    arn = f"{ACCOUNT}:user/ann"
    snake = {"cluster_name": "eks-clu", "principal_arn": arn, "username": "ann", "groups": ["g"], "region": "r"}
    camel = {"clusterName": "eks-clu", "principalArn": arn, "username": "ann", "groups": ["g"], "region": "r"}
    association = resource(
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "p",
        {
            "clusterName": "eks-clu",
            "principalArn": arn,
            "policyArn": "view",
            "accessScope": {"type": "namespace", "namespaces": ["web"]},
        },
    )
    entry = resource(token, "ann", snake if "python" in token else camel)
    found = graph(cluster(), entry, association).entries.get(arn)
    assert (found.username, found.groups) == ("ann", ("g",))
    assert found.policies == (AssociatedPolicy("view", ("web",)),)


@pytest.mark.parametrize(
    ("arn", "username"),
    [
        (f"{ACCOUNT}:user/ann", f"{ACCOUNT}:user/ann"),
        (f"{ACCOUNT}:role/path/app", "arn:aws:sts::123456789012:assumed-role/app/{{SessionName}}"),
    ],
)
def test_access_entry_without_a_username_has_the_default_of_eks(arn, username):
    entry = resource("aws:eks/accessEntry:AccessEntry", "e", {"clusterName": "eks-clu", "principalArn": arn})
    assert graph(cluster(), entry).entries.get(arn).username == username


def test_migration_decides_the_authentication_mode():
    migration = resource(
        "pulumi-python:dynamic/eks-identity:AuthenticationModeMigration",
        "m",
        {"cluster_name": "eks-clu", "target_mode": "API", "authentication_mode": "API"},
    )
    assert graph(cluster(mode="CONFIG_MAP"), migration).authentication_mode() == "API"


@pytest.mark.parametrize(
    "agent",
    [
        resource("aws:eks/addon:Addon", "a", {"clusterName": "eks-clu", "addonName": "eks-pod-identity-agent"}),
        manifest("apps/v1:DaemonSet", "eks-pod-identity-agent", "kube-system"),
    ],
)
def test_pod_identity_agent(agent):
    assert graph(cluster(), agent).has_pod_identity_agent.get() is True
    with pytest.raises(NotReadError, match="Pod Identity Agent: not in the state"):
        graph(cluster()).has_pod_identity_agent.get()


def test_pod_identity_association():
    inputs = {
        "clusterName": "eks-clu",
        "namespace": "web",
        "serviceAccount": "app",
        "roleArn": f"{ACCOUNT}:role/app",
        "targetRoleArn": f"{ACCOUNT}:role/target",
        "disableSessionTags": True,
    }
    outputs = {"externalId": "x-1", "associationId": "a-1"}
    association = resource("aws:eks/podIdentityAssociation:PodIdentityAssociation", "a", inputs, outputs)
    found = graph(cluster(), association).associations.get(("web", "app"))
    assert (found.id, found.external_id, found.disable_session_tags) == ("a-1", "x-1", True)
    assert found.target_role_arn == f"{ACCOUNT}:role/target"


POD_SPEC = {"serviceAccountName": "app", "containers": [{"name": "c", "image": "i"}]}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": POD_SPEC}


@pytest.mark.parametrize(
    ("kind", "spec", "name"),
    [
        ("apps/v1:Deployment", {"template": TEMPLATE}, "deployment/x"),
        ("apps/v1:StatefulSet", {"template": TEMPLATE}, "statefulset/x"),
        ("apps/v1:DaemonSet", {"template": TEMPLATE}, "daemonset/x"),
        ("batch/v1:Job", {"template": TEMPLATE}, "job/x"),
        ("batch/v1:CronJob", {"jobTemplate": {"spec": {"template": TEMPLATE}}}, "cronjob/x"),
        ("core/v1:Pod", POD_SPEC, "x"),
    ],
)
def test_pods_of_workloads_have_the_name_of_their_owner(kind, spec, name):
    found = graph(cluster(), manifest(kind, "x", spec=spec)).pods.get(("default", name))
    assert found.service_account == "app"
    assert [container.name for container in found.containers] == ["c"]


def test_objects_of_other_api_groups_are_no_pods():
    found = graph(cluster(), manifest("serving.knative.dev/v1:Job", "x", spec={"template": TEMPLATE}))
    assert dict(found.pods.all()) == {}


@pytest.mark.parametrize("suffix", ["", "Patch"])
def test_rbac_objects(suffix):
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    subjects = [{"kind": "Group", "name": "g"}]
    found = graph(
        cluster(),
        manifest(f"{RBAC}:Role{suffix}", "r", "web", rules=rules),
        manifest(f"{RBAC}:ClusterRole{suffix}", "c", None, rules=rules),
        manifest(f"{RBAC}:RoleBinding{suffix}", "b", "web", roleRef={"kind": "Role", "name": "r"}, subjects=subjects),
        manifest(f"{RBAC}:ClusterRoleBinding{suffix}", "d", None, roleRef={"kind": "ClusterRole", "name": "c"}),
    )
    assert found.rbac_roles.get(("web", "r")).rules == found.rbac_roles.get((None, "c")).rules
    assert found.rbac_bindings.get(("web", "b")).role == ("web", "r")
    assert found.rbac_bindings.get((None, "d")).subjects == ()


@pytest.mark.parametrize(
    ("resource_", "read", "reason"),
    [
        (
            manifest(f"{RBAC}:RoleBindingPatch", "b"),
            lambda graph: graph.rbac_bindings.get(("default", "b")),
            "lacks a field that its kind requires: roleRef.kind",
        ),
        (
            manifest(f"{RBAC}:RoleBinding", "b", roleRef={"kind": "Role", "name": "r"}, subjects=[{"kind": "User"}]),
            lambda graph: graph.rbac_bindings.get(("default", "b")),
            "lacks a field that its kind requires: subjects[0].name",
        ),
        (
            manifest("core/v1:Pod", "p", spec={"containers": [{"name": secret("x")}]}),
            lambda graph: graph.pods.get(("default", "p")),
            "lacks a field that its kind requires: spec.containers[0].name",
        ),
        (
            manifest("core/v1:Pod", "p", spec={"initContainers": [{"name": "i", "env": [{}]}]}),
            lambda graph: graph.pods.get(("default", "p")),
            "lacks a field that its kind requires: spec.initContainers[0].env[0].name",
        ),
        (
            manifest("core/v1:Pod", "p", metadata={"ownerReferences": [{"controller": True, "kind": "Job"}]}),
            lambda graph: graph.pods.get(("default", "p")),
            "lacks a field that its kind requires: metadata.ownerReferences[0].name",
        ),
        (
            manifest("apps/v1:Deployment", "d", spec={"template": {"spec": {"serviceAccountName": secret("x")}}}),
            lambda graph: graph.pods.get(("default", "deployment/d")),
            "is a secret of the stack",
        ),
    ],
)
def test_object_without_a_required_field_is_not_evaluated(resource_, read, reason):
    with pytest.raises(NotReadError, match=re.escape(reason)):
        read(graph(cluster(), resource_))


def test_object_whose_name_the_api_server_generates_is_not_evaluated():
    account = resource("kubernetes:core/v1:ServiceAccount", "s", {"metadata": {"generateName": "s-"}})
    found = graph(cluster(), account)
    assert dict(found.service_accounts.all()) == {}
    assert "the API server generates the name" in str(found.not_read())
    created = {**account, "outputs": {"metadata": {"name": "s-1", "namespace": "web"}}}
    assert graph(cluster(), created).service_accounts.get(("web", "s-1")) is not None


def test_items_of_a_list():
    items = [{"metadata": {"name": name}, "rules": []} for name in ("a", "b")]
    found = graph(cluster(), resource(f"kubernetes:{RBAC}:ClusterRoleList", "l", {"items": items}))
    assert found.rbac_roles.get((None, "a")) is not None
    assert found.rbac_roles.get((None, "b")) is not None


def test_default_roles_of_kubernetes_exist():
    roles = graph(cluster()).rbac_roles
    assert roles.get((None, "cluster-admin")) is not None
    with pytest.raises(NotReadError, match="role custom: not in the state of stack dev"):
        roles.get((None, "custom"))


def test_role_of_the_stack_replaces_a_default_role():
    found = graph(cluster(), manifest(f"{RBAC}:ClusterRole", "view", None, rules=[]))
    assert found.rbac_roles.get((None, "view")).rules == ()
