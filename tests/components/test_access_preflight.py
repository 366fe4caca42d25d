"""What is asked before an entry, a mapping or a binding is made, and which warnings come of the answers."""

import pulumi
import pulumi_kubernetes as k8s
import pytest
from hooked import hooks
from pulumi_program import ACCOUNT, Cloud, PluginError, deploy, kubeconfig

import eks_identity as eks
from eks_identity.access.access_preflight import ACCESS_ENTRY as ENTRY
from eks_identity.access.lockout_guard import LockoutGuard
from eks_identity.clients import aws_auth as aws_auth_client
from eks_identity.clients import kubernetes_api
from eks_identity.errors import ClusterUnreachableError
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from eks_identity.runtime.inputs import InvalidInputError

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/ops"
CLUSTER_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
ABSENT = PluginError("couldn't find resource")
THEIRS = {"type": "STANDARD", "userName": "theirs", "kubernetesGroups": ["others"]}


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: said.append(message))
    return said


@pytest.fixture
def aws_auth(monkeypatch):
    """Sets what aws-auth says, or the error of reading it; and counts the readings."""
    there = {"says": AwsAuth(), "read": 0}

    class ConfigMap:
        def __init__(self, _kubeconfig):
            there["read"] += 1

        def read(self):
            if isinstance(there["says"], Exception):
                raise there["says"]
            return there["says"]

    monkeypatch.setattr(aws_auth_client, "AwsAuthConfigMap", ConfigMap)
    return there


@pytest.fixture
def roles(monkeypatch):
    """The roles of the cluster, and every list that is asked for."""
    there, asked = {"view", "edit", "shop-reader"}, []

    def listed(_kubeconfig, kind, namespace):
        asked.append((kind, namespace))
        return {name: [] for name in there}

    monkeypatch.setattr(kubernetes_api, "listed", listed)
    return asked


def run(connection, question, child, inputs, cloud=None, more=(), **args):
    """Declares people's access, and asks `question` as the engine does before it makes `child`."""

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        for name, other in more:
            eks.ClusterAccess(name, {"cluster": connection, "principals": [], **other}, options)
        given = {"cluster": connection, "group": "operators", "principals": [{"arn": USER}], **args}
        access = eks.ClusterAccess("ops", given, options)
        return pulumi.Output.from_input(registered.before(question, access, child, inputs))

    with hooks() as registered:
        return deploy(program, preview=True, cloud=cloud or Cloud(getAccessEntry=ABSENT))


def enter(connection, principal=USER, cloud=None, **args):
    inputs = {"clusterName": "eks-clu", "principalArn": principal, "type": "STANDARD"}
    inputs |= {"userName": "eks-ope", "kubernetesGroups": ["operators"]}
    args = {"principals": [{"arn": principal}], **args}
    return run(
        connection,
        "access-entry-is-new",
        (ENTRY, f"ops-{Principal.parse(principal).logical_name}"),
        inputs,
        cloud,
        **args,
    )


def map_(connection, cloud, **inputs):
    mapping = {"arn": USER, "username": "eks-ope", "groups": ["operators"], **inputs}
    child = (eks.AwsAuthMapping.token(), f"ops-{Principal.parse(USER).logical_name}")
    return run(connection, "mapping-has-effect", child, mapping, cloud, access_method="aws-auth")


def bind(connection, role, child=(CLUSTER_BINDING, "ops-operators-veiw"), **other):
    return run(connection, "bound-role-exists", child, {}, rbac_roles=[role], **other)


def test_an_entry_that_is_there_is_refused(connection, aws_auth):
    """With what it says now, and the word that takes it over."""
    with pytest.raises(InvalidInputError, match=r"username 'theirs'(.|\n)*set adopt to True"):
        enter(connection, cloud=Cloud(getAccessEntry=THEIRS))


@pytest.mark.parametrize("principal", [USER, ROLE])
def test_a_mapping_that_an_entry_puts_out_is_reported(connection, aws_auth, warnings, principal):
    """aws-auth has roles without their path, and the entry with it: they are the same principal."""
    aws_auth["says"] = AwsAuth().add(UserMapping.of(principal, ["masters-of-old"], "old"))
    enter(connection, principal)
    (said,) = warnings
    assert f"{principal} is also mapped in aws-auth of eks-clu (username 'old', groups ['masters-of-old'])" in said
    assert said.startswith('ClusterAccess "ops": ')


def test_a_mapping_that_says_the_same_is_not_missed(connection, aws_auth, warnings):
    """So a change of way in one declaration is silent, where the old one goes last."""
    aws_auth["says"] = AwsAuth().add(UserMapping.of(USER, ["operators"], "eks-ope"))
    enter(connection)
    assert (warnings, aws_auth["read"]) == ([], 1)


@pytest.mark.parametrize("mode", ["API", "API_AND_CONFIG_MAP"])
def test_aws_auth_is_read_where_it_can_be_put_out_alone(connection, aws_auth, mode):
    """Mode API reads none, and `access_method` both has a mapping of its own."""
    connection["authentication_mode"] = mode
    enter(connection, **({"access_method": "both"} if mode != "API" else {}))
    assert aws_auth["read"] == 0


def test_an_aws_auth_that_cannot_be_read_is_reported(connection, aws_auth, warnings):
    """Nobody can see what it says: the entry is made all the same."""
    aws_auth["says"] = ClusterUnreachableError("no answer\n  fix: mend it")
    enter(connection)
    unverified = f"cannot verify whether {USER} is mapped in aws-auth of eks-clu"
    assert warnings == [f"{unverified}: no answer\n  fix: mend it"]


def test_a_mapping_beside_an_entry_of_others_is_reported(connection, warnings):
    """EKS takes the entry: the warning has both, and the way out."""
    map_(connection, Cloud(getAccessEntry=THEIRS))
    (said,) = warnings
    assert f"{USER} has an access entry in eks-clu (type STANDARD, username 'theirs', groups ['others'])" in said


def test_a_mapping_beside_an_entry_that_says_the_same_is_fine(connection, warnings):
    """Whichever counts, the principal is the same."""
    map_(connection, Cloud(getAccessEntry={**THEIRS, "userName": "eks-ope", "kubernetesGroups": ["operators"]}))
    map_(connection, Cloud(getAccessEntry=ABSENT))
    assert warnings == []


def test_an_entry_of_another_account_is_not_taken_for_the_clusters(connection, warnings):
    """A mapping needs no aws provider; one of another account sees other clusters, of the same name too."""
    map_(connection, Cloud(getAccessEntry=THEIRS, getCallerIdentity={"accountId": "444455556666"}))
    unseen = f'ClusterAccess "ops": cannot verify whether {USER} has an access entry in eks-clu'
    assert warnings == [f"{unseen}: the aws provider is of account 444455556666"]


def test_entries_are_not_asked_for_where_none_are_read(connection):
    """In mode CONFIG_MAP an entry counts nothing."""
    connection["authentication_mode"] = "CONFIG_MAP"
    deployment = map_(connection, Cloud(getAccessEntry=THEIRS))
    assert [call for call in deployment.cloud.calls if "getAccessEntry" in call.token] == []


def test_a_misspelt_role_is_reported_with_the_one_that_was_meant(connection, roles, warnings):
    """Kubernetes would take the binding, and it would allow nothing."""
    bind(connection, {"name": "veiw"})
    (said,) = warnings
    assert said.startswith('ClusterAccess "ops": ClusterRole veiw does not exist')
    assert said.endswith("did you mean view?")
    assert roles == [("ClusterRole", None)]


def test_a_role_of_a_namespace_is_looked_for_there(connection, roles, warnings):
    """One that is like none gets no guess."""
    role = {"kind": "Role", "name": "till", "namespace": "shop"}
    bind(connection, role, (BINDING, "ops-operators-till.shop"))
    assert roles == [("Role", "shop")]
    assert "Role till in namespace shop does not exist" in warnings[0]
    assert warnings[0].endswith("set its rules here, or create it")


def test_a_role_that_is_there_or_made_here_is_fine(connection, roles, warnings):
    """Also one that another access of the same program makes."""
    bind(connection, {"name": "shop-reader"}, (CLUSTER_BINDING, "ops-operators-shop-reader"))
    rules = [{"resources": ["pods"], "verbs": ["get"]}]
    more = [("makers", {"group": "makers", "rbac_roles": [{"name": "veiw", "rules": rules}]})]
    bind(connection, {"name": "veiw"}, more=more)
    assert warnings == []


def test_kubernetes_own_roles_are_not_looked_for(connection):
    """`view` is in every cluster: only whether its binding is new is queried."""

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {
            "cluster": connection,
            "group": "operators",
            "principals": [{"arn": USER}],
            "rbac_roles": [{"name": "view"}],
        }
        eks.ClusterAccess("ops", args, options)

    (queried,) = deploy(program).one(CLUSTER_BINDING).request.hooks.before_create
    assert queried.endswith("rbac-object-is-new")


LOOKER = {"name": "looker", "rules": [{"resources": ["pods"], "verbs": ["get"]}]}
OBJECTS = {
    "ClusterRole": (LOOKER, "ops-looker", "ClusterRole", "looker", "rbac_roles[].name"),
    "Role": ({**LOOKER, "kind": "Role", "namespace": "shop"}, "ops-looker.shop", "Role", "looker", "rbac_roles[].name"),
    "ClusterRoleBinding": (
        *({"name": "view"}, "ops-operators-view"),
        *("ClusterRoleBinding", "operators-view", "rbac_roles[].binding_name"),
    ),
    "RoleBinding": (
        *({"name": "view", "namespace": "shop"}, "ops-operators-view.shop"),
        *("RoleBinding", "operators-view", "rbac_roles[].binding_name"),
    ),
}


@pytest.mark.parametrize(("role", "label", "kind", "existing", "field"), OBJECTS.values(), ids=list(OBJECTS))
def test_rbac_object_that_exists_is_rejected_at_preview(connection, monkeypatch, role, label, kind, existing, field):
    """The vendor's plugin would write over it, and delete it where another declaration of the stack lets it go."""
    monkeypatch.setattr(kubernetes_api, "listed", lambda *_: {existing: ["pulumi-kubernetes-1a2b3c4d"]})
    child = (f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", label)
    with pytest.raises(InvalidInputError) as refusal:
        run(connection, "rbac-object-is-new", child, {}, rbac_roles=[role])
    (problem,) = refusal.value.problems
    assert (problem.input, problem.value) == (field, existing)
    assert f"kubectl delete {kind.lower()} {existing}" in problem.fix
    assert "opts.aliases" in problem.fix


UNKNOWN = pulumi.output.UNKNOWN
UNREAD = {
    "unknown kubeconfig": ({"kubeconfig": UNKNOWN}, True, "so aws-auth and RBAC are not evaluated"),
    "mode API": ({"kubeconfig": UNKNOWN, "authentication_mode": "API"}, True, "so RBAC is not evaluated"),
    "new cluster": ({"kubeconfig": UNKNOWN, "arn": UNKNOWN}, True, None),
    "known kubeconfig": ({"kubeconfig": kubeconfig()}, True, None),
    "update": ({"kubeconfig": UNKNOWN}, False, None),
}


@pytest.mark.parametrize(("late", "preview", "expected"), UNREAD.values(), ids=list(UNREAD))
def test_what_the_guard_cannot_read_at_preview_is_reported(connection, warnings, late, preview, expected):
    """A new access to an existing cluster whose kubeconfig is not known yet: one warning says what is not evaluated."""

    def program():
        given = {**connection, **{field: pulumi.Output.from_input(value) for field, value in late.items()}}
        args = {"cluster": given, "principals": [{"arn": USER}], "access_policies": [{"policy": "AmazonEKSViewPolicy"}]}
        access = eks.ClusterAccess("ops", args)
        asked = registered.before("guard-reads-all", access, (LockoutGuard.token(), "ops"), {})
        return pulumi.Output.from_input(asked)

    with hooks() as registered:
        deploy(program, preview=preview, cloud=Cloud(getAccessEntry=ABSENT))
    assert len(warnings) == (expected is not None)
    for said in warnings:
        assert said.startswith('ClusterAccess "ops": the kubeconfig of eks-clu is not known in this preview')
        assert expected in said
        assert "the update evaluates" in said
