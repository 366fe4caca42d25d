"""ClusterAccess: registered resources, permission sets, rejected inputs; and AwsAuthMapping in a program."""

import pulumi
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, Cloud, deploy, kubeconfig

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
SSO = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/ap-northeast-1/AWSReservedSSO_Look_0123456789abcdef"
LOOKER = {"name": "looker", "rules": [{"resources": ["pods", "nodes"], "verbs": ["get", "watch", "list"]}]}
OWN = "pulumi-python:dynamic/eks-identity:"
EC2_NODE = "system:node:{{EC2PrivateDNSName}}"
MAPPING = f"{OWN}AwsAuthMapping"
ADOPTED = f"{OWN}AccessEntry"
GUARD = f"{OWN}LockoutGuard"
ENTRY = "aws:eks/accessEntry:AccessEntry"
ASSOCIATION = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"


def access(connection, **other):
    args = {"cluster": connection, "group": "operators", "rbac_roles": [LOOKER], "principals": [{"arn": USER}], **other}

    def program(name="operators"):
        options = pulumi.ResourceOptions(providers=[k8s.Provider(name, kubeconfig=kubeconfig())])
        set_args = {key: value for key, value in args.items() if value is not None}
        component = eks.ClusterAccess(name, set_args, options)
        return [component.group, component.role_names, component.binding_names, component.principal_arns]

    return program


def access_without_group(connection, **other):
    """ClusterAccess without group and rbac_roles."""
    return access(connection, group=None, rbac_roles=None, **other)


def test_cluster_access_by_aws_auth_registers_role_binding_and_mapping(connection):
    """Role, binding and mapping have the configured names, and the same group."""
    deployment = deploy(access(connection, access_method="aws-auth", rbac_roles=[{**LOOKER, "binding_name": "look"}]))
    assert sorted(type_ for type_, _ in deployment.names) == [
        "eks-identity:index:ClusterAccess",
        f"{RBAC}ClusterRole",
        f"{RBAC}ClusterRoleBinding",
        MAPPING,
        GUARD,
        "pulumi:providers:kubernetes",
    ]
    assert deployment.one(f"{RBAC}ClusterRole").inputs["rules"] == [
        {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "watch", "list"]}
    ]
    binding = deployment.one(f"{RBAC}ClusterRoleBinding").inputs
    assert binding["metadata"] == {"name": "look"}
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("ClusterRole", "looker")
    assert [subject["name"] for subject in binding["subjects"]] == ["operators"]
    mapping = deployment.one(MAPPING).inputs
    assert (mapping["arn"], mapping["username"], mapping["groups"]) == (USER, "eks-ope", ["operators"])
    assert deployment.value == ["operators", ["looker"], ["look"], [USER]]


def test_cluster_access_by_access_entry_has_the_same_username_and_group(connection):
    """The user has the same username and group as by aws-auth, a role keeps its path, and entries have tags."""
    principals = [{"arn": USER}, {"arn": SSO, "groups": ["more"], "username": "sso:{{SessionName}}"}]
    deployment = deploy(access(connection, principals=principals, tags={"team": "shop"}))
    assert deployment.of(MAPPING) == []
    inputs = {entry.name: entry.inputs for entry in deployment.of(ENTRY)}
    user, sso = inputs["operators-111122223333-user-eks-ope"], inputs["operators-111122223333-permission-set-look"]
    assert (user["userName"], user["kubernetesGroups"], user["type"]) == ("eks-ope", ["operators"], "STANDARD")
    assert (sso["principalArn"], sso["userName"], sso["kubernetesGroups"]) == (
        SSO,
        "sso:{{SessionName}}",
        ["operators", "more"],
    )
    assert (user["clusterName"], user["tags"]) == ("eks-clu", {"team": "shop"})


@pytest.mark.parametrize(
    ("mode", "access_method", "types"),
    [("API", "access-entry", {ENTRY}), ("CONFIG_MAP", "aws-auth", {MAPPING}), ("API_AND_CONFIG_MAP", "both", None)],
)
def test_access_method_decides_entry_or_mapping(connection, mode, access_method, types):
    """An entry, a mapping, or both with the same values."""
    connection["authentication_mode"] = mode
    principals = [{"arn": f"arn:aws:iam::{ACCOUNT}:role/team/deploy"}]
    deployment = deploy(access(connection, access_method=access_method, principals=principals))
    assert {type_ for type_, _ in deployment.names} & {ENTRY, MAPPING} == (types or {ENTRY, MAPPING})
    if access_method == "both":
        entry, mapping = deployment.one(ENTRY).inputs, deployment.one(MAPPING).inputs
        assert entry["principalArn"] == principals[0]["arn"]
        assert mapping["arn"] == f"arn:aws:iam::{ACCOUNT}:role/deploy"
        assert (entry["userName"], entry["kubernetesGroups"]) == (mapping["username"], mapping["groups"])
    assert deployment.value[3] == [
        principals[0]["arn"] if access_method != "aws-auth" else f"arn:aws:iam::{ACCOUNT}:role/deploy"
    ]


def test_rbac_roles_are_bound_in_the_cluster_or_in_namespaces(connection):
    """ClusterRoles and Roles are created or only bound, and each binding is in the configured scope."""
    roles = [
        LOOKER,
        {"name": "view"},
        {"name": "edit", "namespaces": ["shop", "till"]},
        {"kind": "Role", "name": "porter", "namespace": "shop", "rules": [POD]},
        {"kind": "Role", "name": "theirs", "namespace": "till", "binding_name": "ours"},
        {"name": "half", "namespace": "shop", "rules": [POD]},
    ]
    deployment = deploy(access(connection, rbac_roles=roles))
    objects = {
        (
            resource.type.removeprefix(RBAC),
            resource.inputs["metadata"].get("namespace"),
            resource.inputs["metadata"]["name"],
        )
        for resource in deployment.resources
        if resource.type.startswith(RBAC)
    }
    assert objects == {
        ("ClusterRole", None, "looker"),
        ("ClusterRoleBinding", None, "looker-binding"),
        ("ClusterRoleBinding", None, "operators-view"),
        ("RoleBinding", "shop", "operators-edit"),
        ("RoleBinding", "till", "operators-edit"),
        ("Role", "shop", "porter"),
        ("RoleBinding", "shop", "porter-binding"),
        ("RoleBinding", "till", "ours"),
        ("ClusterRole", None, "half"),
        ("RoleBinding", "shop", "half-binding"),
    }
    refs = {
        (resource.inputs["metadata"]["name"], resource.inputs["roleRef"]["kind"], resource.inputs["roleRef"]["name"])
        for resource in deployment.resources
        if resource.type.endswith("Binding")
    }
    assert ("operators-edit", "ClusterRole", "edit") in refs
    assert ("ours", "Role", "theirs") in refs
    assert len({resource.name for resource in deployment.resources if resource.type.endswith("RoleBinding")}) == 7


def test_access_policies_need_neither_group_nor_kubernetes_provider(connection):
    """Policy ARNs are of the cluster's partition, and associations have the configured access scope."""
    policies = [{"policy": "AmazonEKSViewPolicy"}, {"policy": "AmazonEKSEditPolicy", "namespaces": ["shop", "dev-*"]}]
    for partition in ("aws", "aws-cn"):
        cluster = {**connection, "partition": partition, "arn": connection["arn"].replace("aws", partition, 1)}
        principals = [{"arn": USER.replace("aws", partition, 1)}]
        args = {"cluster": cluster, "access_policies": policies, "principals": principals}
        deployment = deploy(lambda args=args: eks.ClusterAccess("x", args))
        view, edit = (association.inputs for association in deployment.of(ASSOCIATION))
        assert view["policyArn"] == f"arn:{partition}:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
        assert (view["accessScope"], view["principalArn"]) == ({"type": "cluster"}, principals[0]["arn"])
        assert edit["accessScope"] == {"type": "namespace", "namespaces": ["shop", "dev-*"]}
        assert (
            "kubernetesGroups" not in deployment.one(ENTRY).inputs
            or not deployment.one(ENTRY).inputs["kubernetesGroups"]
        )


@pytest.mark.parametrize("role", ["policy", "role"])
def test_lockout_guard_lists_principals_and_administrators(connection, role):
    """It depends on entries, mappings and bindings. Administrators have the policy, or the ClusterRole."""
    args = {
        "policy": {"group": None, "rbac_roles": None, "access_policies": [{"policy": "AmazonEKSClusterAdminPolicy"}]},
        "role": {"rbac_roles": [{"name": "cluster-admin"}]},
    }[role]
    deployment = deploy(access(connection, allow_lockout_of=[SSO], **args))
    guard = deployment.one(GUARD)
    assert (guard.inputs["principals"], guard.inputs["administrators"]) == ([USER], [USER])
    assert (guard.inputs["allow_lockout_of"], guard.inputs["cluster_name"]) == ([SSO], "eks-clu")
    dependencies = {dependency.rpartition("::")[2] for dependency in guard.request.dependencies}
    assert dependencies >= {resource.name for resource in deployment.resources if resource.type in {ENTRY, ASSOCIATION}}
    assert deploy(access(connection)).one(GUARD).inputs["administrators"] == []


def test_adopt_registers_adopted_entry_and_mapping(connection):
    """With adopt the entry is a guarded AccessEntry, the mapping adopts too, and both have allow_lockout_of."""
    deployment = deploy(access(connection, adopt=True, access_method="both", allow_lockout_of=[USER], tags={"a": "b"}))
    assert deployment.of(ENTRY) == []
    entry, mapping = deployment.one(ADOPTED).inputs, deployment.one(MAPPING).inputs
    assert (entry["principal_arn"], entry["groups"], entry["tags"]) == (USER, ["operators"], {"a": "b"})
    assert (entry["guarded"], entry["allow_lockout_of"], entry["region"]) == (True, [USER], "ap-northeast-1")
    assert (mapping["adopt"], mapping["allow_lockout_of"]) == (True, [USER])
    assert deployment.one(GUARD).inputs["adopted"] is True


def test_type_for_nodes_sets_neither_groups_nor_username(connection):
    """An entry for nodes has neither groups nor a username; type EC2 accepts the access policy of its nodes."""
    node = [{"arn": f"arn:aws:iam::{ACCOUNT}:role/node"}]
    deployment = deploy(access_without_group(connection, principals=node, type="EC2_LINUX"))
    inputs = deployment.one(ENTRY).inputs
    assert inputs["type"] == "EC2_LINUX"
    assert not {"kubernetesGroups", "userName"} & set(inputs)
    assert deployment.of(GUARD) == []
    with_mapping = deploy(access_without_group(connection, principals=node, type="EC2_LINUX", access_method="both"))
    mapping = with_mapping.one(MAPPING).inputs
    assert (mapping["username"], mapping["type"]) == ("system:node:{{EC2PrivateDNSName}}", "EC2_LINUX")
    assert mapping["groups"] == ["system:bootstrappers", "system:nodes"]
    auto = [{"policy": "AmazonEKSAutoNodePolicy"}]
    assert (
        len(deploy(access_without_group(connection, principals=node, type="EC2", access_policies=auto)).of(ASSOCIATION))
        == 1
    )


@pytest.mark.parametrize(
    ("access_method", "mode"), [("aws-auth", "CONFIG_MAP"), ("both", "API_AND_CONFIG_MAP"), (None, "API")]
)
@pytest.mark.parametrize("kind", ["STANDARD", "EC2_LINUX"])
def test_fix_for_a_node_role_works(connection, access_method, mode, kind):
    """A node's groups and username are one problem, and following its fix exactly leaves none."""
    method = {} if access_method is None else {"access_method": access_method}
    node = {"arn": ROLE, "groups": ["system:bootstrappers", "system:nodes"], "username": EC2_NODE}
    cluster = {**connection, "authentication_mode": mode}
    with pytest.raises(InvalidInputError) as error:
        deploy(access_without_group(cluster, principals=[node], type=kind, **method), preview=True)
    (problem,) = error.value.problems
    assert "remove groups and username" in problem.fix
    fixed = "EC2_LINUX" if "with type EC2_LINUX" in problem.fix else kind
    deployment = deploy(access_without_group(cluster, principals=[{"arn": ROLE}], type=fixed, **method))
    assert len(deployment.of(MAPPING)) == (access_method is not None)
    assert len(deployment.of(ENTRY)) == (access_method != "aws-auth")


def sso_roles(*arns):
    return Cloud(getRoles={"arns": list(arns), "names": [], "id": "x"})


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("access_method", ["aws-auth", "access-entry", "both"])
def test_permission_set_is_resolved_to_its_role(connection, access_method, preview):
    """The role is looked up in IAM in one query: an entry has its path, a mapping does not."""
    other = SSO.replace("Look", "Admin")
    principals = [{"permission_set": "Look"}, {"permission_set": "Admin", "account_id": ACCOUNT}]
    cloud = sso_roles(SSO, other, f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Look_0123456789abcdef")
    deployment = deploy(
        access(connection, access_method=access_method, principals=principals), preview=preview, cloud=cloud
    )
    without_path = {arn.replace("aws-reserved/sso.amazonaws.com/ap-northeast-1/", "") for arn in (SSO, other)}
    if access_method != "aws-auth":
        assert {entry.inputs["principalArn"] for entry in deployment.of(ENTRY)} == {SSO, other}
        assert "AWSReservedSSO_Look_0123456789abcdef:{{SessionName}}" in [
            e.inputs["userName"] for e in deployment.of(ENTRY)
        ]
    if access_method != "access-entry":
        assert {mapping.inputs["arn"] for mapping in deployment.of(MAPPING)} == without_path
    queries = [call.args for call in cloud.calls if call.token.endswith(":getRoles")]
    assert queries == [{"pathPrefix": "/aws-reserved/sso.amazonaws.com/"}]


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        ([], "none is assigned"),
        ([SSO.replace("Look", "Looker")], "did you mean Looker?"),
        ([SSO, SSO.replace("0123456789abcdef", "fedcba9876543210")], "_fedcba9876543210; the others remain"),
        ([SSO.replace(ACCOUNT, "444455556666")], "the aws provider is for 444455556666"),
    ],
)
def test_permission_set_without_one_role_is_rejected(connection, existing, message):
    """The error at preview lists the existing roles or permission sets."""
    with pytest.raises(InvalidInputError, match=r"principals\[0\]\.permission_set: 'Look'") as error:
        deploy(access(connection, principals=[{"permission_set": "Look"}]), preview=True, cloud=sso_roles(*existing))
    assert message in str(error.value)


def test_permission_set_and_its_role_arn_are_one_principal(connection):
    """A permission set and the ARN of its role in one declaration are rejected as duplicates."""
    with pytest.raises(InvalidInputError, match=r"principals\[1\] of ClusterAccess"):
        deploy(
            access(connection, principals=[{"permission_set": "Look"}, {"arn": SSO}]),
            preview=True,
            cloud=sso_roles(SSO),
        )


def test_rbac_role_stays_without_principals(connection):
    """Without principals, role and binding are still declared."""
    assert {type_ for type_, _ in deploy(access(connection, principals=[])).names} >= {f"{RBAC}ClusterRole"}


POD = {"resources": ["pods"], "verbs": ["get"]}


def rule(**fields):
    return {"rbac_roles": [{"name": "r", "rules": [fields]}]}


def one_role(**fields):
    return {"rbac_roles": [{"name": "r", **fields}]}


def principal(**fields):
    return {"principals": [fields]}


NO_GROUP = {"group": None, "rbac_roles": None}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/x"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y"
NODE = {**NO_GROUP, "type": "EC2_LINUX", "principals": [{"arn": ROLE}]}
INVALID_INPUTS = {
    "group": ({"group": "system:masters"}, "group"),
    "no group": ({"group": None, "principals": []}, "group"),
    "kind": (one_role(rules=[POD], kind="Rolle"), "rbac_roles[0].kind"),
    "role name": ({"rbac_roles": [{"name": "a/b", "rules": [POD]}]}, "rbac_roles[0].name"),
    "binding name": (one_role(rules=[POD], binding_name=".."), "rbac_roles[0].binding_name"),
    "no namespace": (one_role(rules=[POD], kind="Role"), "rbac_roles[0].namespace"),
    "namespace and namespaces": (one_role(namespace="a", namespaces=["b"]), "rbac_roles[0].namespaces"),
    "empty namespaces": (one_role(namespaces=[]), "rbac_roles[0].namespaces"),
    "namespace twice": (one_role(namespaces=["a", "a"]), "rbac_roles[0].namespaces[1]"),
    "namespace": (one_role(namespaces=["A"]), "rbac_roles[0].namespaces[0]"),
    "wildcard": (one_role(namespaces=["dev-*"]), "rbac_roles[0].namespaces[0]"),
    "no rules": (one_role(rules=[]), "rbac_roles[0].rules"),
    "Kubernetes' own": ({"rbac_roles": [{"name": "view", "rules": [POD]}]}, "rbac_roles[0].rules"),
    "EKS's own": ({"rbac_roles": [{"name": "eks:x", "rules": [POD]}]}, "rbac_roles[0].rules"),
    "role twice": ({"rbac_roles": [LOOKER, {**LOOKER, "binding_name": "x"}]}, "rbac_roles[1].name"),
    "binding twice": (
        {"rbac_roles": [LOOKER, {"name": "view", "binding_name": "looker-binding"}]},
        "rbac_roles[1].binding_name",
    ),
    "verb": (rule(resources=["pods"], verbs=["Get"]), "rbac_roles[0].rules[0].verbs[0]"),
    "resource": (rule(resources=["Pod"], verbs=["get"]), "rbac_roles[0].rules[0].resources[0]"),
    "in no namespace": (
        one_role(namespace="a", rules=[{"resources": ["nodes"], "verbs": ["get"]}]),
        "rbac_roles[0].rules[0].resources[0]",
    ),
    "path in a namespace": (
        one_role(namespace="a", rules=[{"non_resource_urls": ["/x"], "verbs": ["get"]}]),
        "rbac_roles[0].rules[0].non_resource_urls",
    ),
    "both": (
        rule(resources=["pods"], verbs=["get"], non_resource_urls=["/healthz"]),
        "rbac_roles[0].rules[0].resources",
    ),
    "API group": (
        rule(resources=["pods"], verbs=["get"], api_groups=["apps/v1"]),
        "rbac_roles[0].rules[0].api_groups[0]",
    ),
    "typo": (rule(resource=["pods"], verbs=["get"]), "rbac_roles[0].rules[0].resource"),
    "session": (principal(arn=SESSION), "principals[0].arn"),
    "twice": ({"principals": [{"arn": USER}, {"arn": USER.replace("eks", "EKS")}]}, "principals[1].arn"),
    "twice by paths": ({"principals": [{"arn": ROLE}, {"arn": ROLE.replace("role/", "role/x/")}]}, "principals[1].arn"),
    "tag of AWS": ({"tags": {"aws:x": "y"}}, "tags.aws:x"),
    "another group's resource": (
        rule(resources=["deployments"], verbs=["get"]),
        "rbac_roles[0].rules[0].resources[0]",
    ),
    "set twice": (
        {"principals": [{"permission_set": "Look"}, {"permission_set": "Look"}]},
        "principals[1].permission_set",
    ),
    "no identity": (principal(username="x"), "principals[0].arn"),
    "both names": (principal(arn=USER, permission_set="Look"), "principals[0].arn"),
    "account of an ARN": (principal(arn=USER, account_id=ACCOUNT), "principals[0].account_id"),
    "set's name": (principal(permission_set=SSO), "principals[0].permission_set"),
    "another account's set": (principal(permission_set="Look", account_id="444455556666"), "principals[0].account_id"),
    "account": (principal(permission_set="Look", account_id="4"), "principals[0].account_id"),
    "no permissions": (NO_GROUP, "principals[0]"),
    "allow_lockout_of": ({"allow_lockout_of": ["eks-ope"]}, "allow_lockout_of[0]"),
    "access_method": ({"access_method": "ssh"}, "access_method"),
    "access policy by aws-auth": (
        {"access_method": "aws-auth", "access_policies": [{"policy": "AmazonEKSEditPolicy"}]},
        "access_policies[0].policy",
    ),
    "policy": ({"access_policies": [{"policy": "AmazonEKSViewPolcy"}]}, "access_policies[0].policy"),
    "policy of IAM": (
        {"access_policies": [{"policy": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"}]},
        "access_policies[0].policy",
    ),
    "policy of another partition": (
        {"access_policies": [{"policy": "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"}]},
        "access_policies[0].policy",
    ),
    "policy twice": (
        {"access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": [name]} for name in "ab"]},
        "access_policies[1].policy",
    ),
    "policy nowhere": (
        {"access_policies": [{"policy": "AmazonEKSViewPolicy", "namespaces": []}]},
        "access_policies[0].namespaces",
    ),
    "nodes' policy in a namespace": (
        {"access_policies": [{"policy": "AmazonEKSHybridPolicy", "namespaces": ["a"]}]},
        "access_policies[0].namespaces",
    ),
    "nodes' policy": ({"access_policies": [{"policy": "AmazonEKSAutoNodePolicy"}]}, "access_policies[0].policy"),
    "type": ({"type": "EC2LINUX"}, "type"),
    "nodes and policy": ({**NODE, "access_policies": [{"policy": "AmazonEKSViewPolicy"}]}, "access_policies[0].policy"),
    "nodes and groups": ({**NODE, "principals": [{"arn": ROLE, "groups": ["a"]}]}, "principals[0].groups"),
    "nodes and username": ({**NODE, "principals": [{"arn": ROLE, "username": "a"}]}, "principals[0].username"),
    "nodes and user": ({**NODE, "principals": [{"arn": USER}]}, "principals[0].arn"),
    "nodes of another account": (
        {**NODE, "principals": [{"arn": ROLE.replace(ACCOUNT, "444455556666")}]},
        "principals[0].arn",
    ),
    "nodes of Auto Mode and aws-auth": ({**NODE, "type": "EC2", "access_method": "both"}, "access_method"),
    "nodes and a group": ({**NODE, "group": "operators"}, "group"),
    "nodes adopted": ({**NODE, "adopt": True}, "adopt"),
    "nodes adopted by both": ({**NODE, "access_method": "both", "adopt": True}, "adopt"),
    "nodes as users": (
        principal(
            arn=ROLE, groups=["system:bootstrappers", "system:nodes"], username="system:node:{{EC2PrivateDNSName}}"
        ),
        "principals[0].groups",
    ),
    "nodes by name": (principal(arn=ROLE, username="system:node:x"), "principals[0].username"),
    "nodes with both": (
        {**NODE, "principals": [{"arn": ROLE, "groups": ["system:nodes"], "username": "system:node:x"}]},
        "principals[0].groups",
    ),
    "masters": (principal(arn=USER, groups=["system:masters"]), "principals[0].groups[0]"),
    "masters by both": (
        {"access_method": "both", **principal(arn=USER, groups=["system:masters"])},
        "principals[0].groups[0]",
    ),
    "node group": (
        {"access_method": "aws-auth", **principal(arn=USER, groups=["system:nodes"])},
        "principals[0].groups",
    ),
    "empty username": ({"access_method": "aws-auth", **principal(arn=USER, username="")}, "principals[0].username"),
    "reserved": (principal(arn=USER, username="aws:x"), "principals[0].username"),
    "no colon": (principal(arn=ROLE, username="x{{SessionName}}"), "principals[0].username"),
    "service-linked": (
        principal(arn=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/X"),
        "principals[0].arn",
    ),
}


@pytest.mark.parametrize(("args", "field"), INVALID_INPUTS.values(), ids=list(INVALID_INPUTS))
def test_cluster_access_rejects_invalid_inputs(connection, args, field):
    """The error names component, input, rule, value and fix, before anything is registered."""
    with pytest.raises(InvalidInputError) as error:
        deploy(access(connection, **args), preview=True)
    assert str(error.value).startswith('ClusterAccess "operators": 1 problem\n')
    (problem,) = error.value.problems
    assert problem.input == field
    assert problem.rule
    assert problem.fix


def test_invalid_access_method_and_invalid_principal_are_both_reported(connection):
    """An invalid `access_method` does not hide an invalid principal."""
    with pytest.raises(InvalidInputError) as error:
        deploy(access(connection, access_method="ssh", principals=[{"arn": SESSION}]), preview=True)
    assert [problem.input for problem in error.value.problems] == ["access_method", "principals[0].arn"]


@pytest.mark.parametrize(
    ("policy", "near"),
    [("AmazonEKSClusterAdminPolicy", "system:masters"), ("AmazonEKSAdminPolicy", "ClusterRole admin")],
)
def test_fix_for_an_access_policy_by_aws_auth_names_the_rbac_equivalent(connection, policy, near):
    """The fix names the access method that has policies, and the nearest group or ClusterRole."""
    with pytest.raises(InvalidInputError, match=f"set access_method to access-entry; or set the (group )?{near}"):
        deploy(access(connection, access_method="aws-auth", access_policies=[{"policy": policy}]))


@pytest.mark.parametrize(
    ("access_method", "mode"),
    [("aws-auth", "API"), ("access-entry", "CONFIG_MAP"), ("both", "CONFIG_MAP"), ("both", "API")],
)
@pytest.mark.parametrize("is_output", [False, True])
def test_access_method_that_the_authentication_mode_ignores_is_rejected(connection, access_method, mode, is_output):
    """Mode API ignores aws-auth, and CONFIG_MAP has no entries: rejected at preview, for Outputs too."""

    def program():
        connection["authentication_mode"] = pulumi.Output.from_input(mode) if is_output else mode
        access(connection, access_method=access_method)()

    with pytest.raises(
        InvalidInputError,
        match=f"access_method: '{access_method}'\n    rule: must not use .* with authentication mode {mode}",
    ):
        deploy(program, preview=True)


@pytest.mark.parametrize("is_output", [False, True])
def test_rbac_role_is_declared_once_in_a_cluster(connection, is_output):
    """Two roles of one name in one cluster are rejected; in two clusters they are not."""

    def program(cluster=connection):
        arn = connection["arn"]
        access({**connection, "arn": pulumi.Output.from_input(arn) if is_output else arn}, principals=[])("first")
        access(cluster, principals=[])("second")

    with pytest.raises(InvalidInputError, match=r'remove it from ClusterAccess "(first|second)" or from ClusterAccess'):
        deploy(program, preview=True)
    other_cluster = {**connection, "name": "eks-clu-2", "arn": f"{connection['arn']}-2"}
    assert len(deploy(lambda: program(other_cluster), preview=True).of(f"{RBAC}ClusterRole")) == 2


def test_invalid_outputs_are_rejected_when_resolved(connection):
    """A namespace, an account or an ARN as an Output is rejected with the same message as a plain value."""
    as_output = pulumi.Output.from_input

    def scoped():
        policies = [{"policy": "AmazonEKSViewPolicy", "namespaces": [as_output("A b")]}]
        access(connection, access_policies=policies)()

    with pytest.raises(InvalidInputError, match=r"policies\[0\]\.namespaces\[0\]: 'A b'"):
        deploy(scoped, preview=True)

    def other_account():
        arn = as_output(connection["arn"].replace(ACCOUNT, "444455556666"))
        access({**connection, "arn": arn, "account_id": as_output("444455556666")}, **NODE)()

    with pytest.raises(InvalidInputError, match=r"principals\[0\]\.arn"):
        deploy(other_account, preview=True, cloud=Cloud(getCallerIdentity={"accountId": "444455556666"}))

    def permission_set_of_other_account():
        access(connection, **principal(permission_set=as_output("Look"), account_id=as_output("444455556666")))()

    with pytest.raises(InvalidInputError, match="only its IAM is queried"):
        deploy(permission_set_of_other_account, preview=True, cloud=sso_roles(SSO))


def test_cluster_access_without_kubernetes_provider_is_rejected(connection):
    """The default provider would use the current context of the machine's kubeconfig."""
    args = {"cluster": connection, "group": "g", "rbac_roles": [{"name": "view"}], "principals": []}
    with pytest.raises(InvalidInputError, match=r"opts\.providers"):
        deploy(lambda: eks.ClusterAccess("x", args))


def test_aws_auth_mapping_of_an_arn_is_declared_once_in_a_program():
    """Two mappings of an ARN in one cluster are rejected with both names, for Outputs and in another case too."""

    def program(server="https://one"):
        eks.AwsAuthMapping("first", {"kubeconfig": kubeconfig("https://one"), "arn": USER, "groups": ["a"]})
        other_case = pulumi.Output.from_input(
            USER.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("USER", "user")
        )
        eks.AwsAuthMapping("second", {"kubeconfig": kubeconfig(server), "arn": other_case, "groups": ["b"]})

    with pytest.raises(InvalidInputError, match='AwsAuthMapping "first" or from AwsAuthMapping "second"'):
        deploy(program, preview=True)
    assert len(deploy(lambda: program("https://two"), preview=True).of(MAPPING)) == 2


def test_aws_auth_mapping_keeps_its_kubeconfig_secret():
    """The engine gets the kubeconfig as a secret, and the pickled provider has no code."""

    def program():
        eks.AwsAuthMapping("m", {"kubeconfig": kubeconfig(), "arn": USER, "groups": ["a"]})

    registered = deploy(program).one(MAPPING)
    field = registered.request.object.fields["kubeconfig"].struct_value.fields
    assert "4dabf18193072939515e22adb298388d" in field
    assert len(registered.inputs["__provider"]) < 200
