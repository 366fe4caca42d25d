import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi_program import ACCOUNT, deploy, kubeconfig

import eks_identity as eks
from eks_identity.inputs import Refused

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
MAPPING = "pulumi-python:dynamic/eks-identity:AwsAuthMapping"
ENTRY = "aws:eks/accessEntry:AccessEntry"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1:"


def access(connection, **other):
    args = {
        "cluster": connection,
        "group": "operators",
        "role": {
            "name": "test-clu-role",
            "rules": [{"resources": ["pods", "nodes"], "verbs": ["get", "watch", "list"]}],
        },
        "binding_name": "test-clu-rolebinding",
        "principals": [{"arn": USER}],
        "via": "aws-auth",
        **other,
    }

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig="{}")])
        return eks.ClusterAccess("operators", args, options).principal_arns

    return program


def test_one_user_through_aws_auth_is_role_binding_and_mapping(connection):
    """Three objects below the component, with the names that were given, meeting in the one group."""
    deployment = deploy(access(connection))
    assert sorted(type_ for type_, _ in deployment.names) == [
        "eks-identity:index:ClusterAccess",
        f"{RBAC}ClusterRole",
        f"{RBAC}ClusterRoleBinding",
        "pulumi-python:dynamic/eks-identity:AwsAuthMapping",
        "pulumi:providers:kubernetes",
    ]
    assert deployment.one(f"{RBAC}ClusterRole").inputs["rules"] == [
        {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "watch", "list"]}
    ]
    binding = deployment.one(f"{RBAC}ClusterRoleBinding").inputs
    assert binding["metadata"] == {"name": "test-clu-rolebinding"}
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("ClusterRole", "test-clu-role")
    assert [subject["name"] for subject in binding["subjects"]] == ["operators"]
    mapping = deployment.one(MAPPING).inputs
    assert (mapping["arn"], mapping["username"], mapping["groups"]) == (USER, "eks-ope", ["operators"])
    assert deployment.value == [USER]


def test_the_same_through_an_access_entry(connection):
    """With access entries the user has the same name and group, and a role keeps its path."""
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/View"
    deployment = deploy(
        access(connection, via="access-entry", principals=[{"arn": USER}, {"arn": role, "groups": ["more"]}])
    )
    assert deployment.of(MAPPING) == []
    user, sso = sorted(
        (entry.inputs for entry in deployment.of(ENTRY)), key=lambda inputs: inputs["principalArn"], reverse=True
    )
    assert (user["userName"], user["kubernetesGroups"], user["type"]) == ("eks-ope", ["operators"], "STANDARD")
    assert (sso["principalArn"], sso["userName"]) == (role, "View:{{SessionName}}")
    assert sso["kubernetesGroups"] == ["operators", "more"]
    assert user["clusterName"] == "eks-clu"


def test_aws_auth_takes_a_roles_path_out(connection):
    """The mapping has the ARN that the authenticator matches."""
    deployment = deploy(access(connection, principals=[{"arn": f"arn:aws:iam::{ACCOUNT}:role/team/deploy"}]))
    assert deployment.one(MAPPING).inputs["arn"] == f"arn:aws:iam::{ACCOUNT}:role/deploy"


def test_rights_in_one_namespace(connection):
    """A Role and its binding are in their namespace."""
    role = {"kind": "Role", "name": "r", "namespace": "shop", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
    deployment = deploy(access(connection, role=role))
    for kind in ("Role", "RoleBinding"):
        assert deployment.one(f"{RBAC}{kind}").inputs["metadata"]["namespace"] == "shop"


def test_nobody_is_let_in_and_the_role_stays(connection):
    """With the last principal taken out, role and binding are still declared."""
    assert {type_ for type_, _ in deploy(access(connection, principals=[])).names} >= {f"{RBAC}ClusterRole"}


def rule(**fields):
    return {"role": {"name": "r", "rules": [fields]}}


ROLE = {"name": "r", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y"
REFUSALS = {
    "group": ({"group": "system:masters"}, "group"),
    "kind": ({"role": {**ROLE, "kind": "Rolle"}}, "role.kind"),
    "role name": ({"role": {**ROLE, "name": "a/b"}}, "role.name"),
    "binding name": ({"binding_name": ".."}, "binding_name"),
    "no namespace": ({"role": {**ROLE, "kind": "Role"}}, "role.namespace"),
    "namespace too many": ({"role": {**ROLE, "namespace": "shop"}}, "role.namespace"),
    "no rules": ({"role": {"name": "r", "rules": []}}, "role.rules"),
    "verb": (rule(resources=["pods"], verbs=["Get"]), "role.rules[0].verbs[0]"),
    "resource": (rule(resources=["Pod"], verbs=["get"]), "role.rules[0].resources[0]"),
    "both": (rule(resources=["pods"], verbs=["get"], non_resource_urls=["/healthz"]), "role.rules[0].resources"),
    "API group": (rule(resources=["pods"], verbs=["get"], api_groups=["apps/v1"]), "role.rules[0].api_groups[0]"),
    "typo": (rule(resource=["pods"], verbs=["get"]), "role.rules[0].resource"),
    "session": ({"principals": [{"arn": SESSION}]}, "principals[0].arn"),
    "twice": ({"principals": [{"arn": USER}, {"arn": USER.replace("eks", "EKS")}]}, "principals[1].arn"),
    "username": ({"principals": [{"arn": USER, "username": ""}]}, "principals[0].username"),
    "node group": ({"principals": [{"arn": USER, "groups": ["system:nodes"]}]}, "principals[0].groups[1]"),
    "via": ({"via": "ssh"}, "via"),
    "masters": (
        {"via": "access-entry", "principals": [{"arn": USER, "groups": ["system:masters"]}]},
        "principals[0].kubernetes_groups[1]",
    ),
    "reserved": ({"via": "access-entry", "principals": [{"arn": USER, "username": "aws:x"}]}, "principals[0].username"),
    "no colon": (
        {
            "via": "access-entry",
            "principals": [{"arn": f"arn:aws:iam::{ACCOUNT}:role/x", "username": "x{{SessionName}}"}],
        },
        "principals[0].username",
    ),
    "service-linked": (
        {
            "via": "access-entry",
            "principals": [{"arn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/eks.amazonaws.com/X"}],
        },
        "principals[0].principal_arn",
    ),
}


@pytest.mark.parametrize(("given", "field"), REFUSALS.values(), ids=list(REFUSALS))
def test_a_wrong_input_is_refused_before_anything_is_registered(connection, given, field):
    """Each refusal names component, input, rule, value and fix."""
    with pytest.raises(Refused) as refusal:
        deploy(access(connection, **given), preview=True)
    assert str(refusal.value).startswith('ClusterAccess "operators": 1 problem\n')
    (problem,) = refusal.value.problems
    assert problem.input == field
    assert problem.rule
    assert problem.fix


@pytest.mark.parametrize(("via", "mode"), [("aws-auth", "API"), ("access-entry", "CONFIG_MAP")])
@pytest.mark.parametrize("late", [False, True])
def test_a_way_in_that_the_cluster_does_not_read_is_refused(connection, via, mode, late):
    """At API aws-auth is ignored, at CONFIG_MAP there are no entries; plain or looked up, the preview says so."""

    def program():
        connection["authentication_mode"] = pulumi.Output.from_input(mode) if late else mode
        access(connection, via=via)()

    with pytest.raises(Refused, match=f"via: '{via}'\n    rule: with authentication mode {mode}"):
        deploy(program, preview=True)


def test_without_a_kubernetes_provider_it_is_refused(connection):
    """The default provider would be whatever cluster the machine's kubeconfig points at."""
    args = {"cluster": connection, "group": "g", "role": ROLE, "principals": []}
    with pytest.raises(Refused, match=r"opts\.providers"):
        deploy(lambda: eks.ClusterAccess("x", args))


def test_an_arn_is_mapped_once_in_a_program():
    """Two mappings of an ARN are refused with both names, through Outputs and in other case; not in two clusters."""

    def program(server="https://one"):
        eks.AwsAuthMapping("first", {"kubeconfig": kubeconfig("https://one"), "arn": USER, "groups": ["a"]})
        late = pulumi.Output.from_input(USER.upper().replace("ARN:AWS:IAM", "arn:aws:iam").replace("USER", "user"))
        eks.AwsAuthMapping("second", {"kubeconfig": kubeconfig(server), "arn": late, "groups": ["b"]})

    with pytest.raises(Refused, match='AwsAuthMapping "first" or of AwsAuthMapping "second"'):
        deploy(program, preview=True)
    assert len(deploy(lambda: program("https://two"), preview=True).of(MAPPING)) == 2


def test_the_kubeconfig_of_a_mapping_is_a_secret():
    """What the engine is given for the kubeconfig is marked secret, and the pickled provider holds no code."""

    def program():
        eks.AwsAuthMapping("m", {"kubeconfig": kubeconfig(), "arn": USER, "groups": ["a"]})

    registered = deploy(program).one(MAPPING)
    field = registered.request.object.fields["kubeconfig"].struct_value.fields
    assert "4dabf18193072939515e22adb298388d" in field
    assert len(registered.inputs["__provider"]) < 200
