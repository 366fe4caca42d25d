"""Preflight checks before an access entry, a mapping or a binding is created: rejections and warnings."""

import pulumi
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.access.access_preflight import ACCESS_ENTRY as ENTRY
from eks_identity.access.lockout_guard import LockoutGuard
from eks_identity.clients import aws_auth as aws_auth_client
from eks_identity.clients import kubernetes_api
from eks_identity.errors import ClusterUnreachableError
from eks_identity.model.arns import Principal
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, Cloud, PluginError, deploy, kubeconfig
from support.hook_recorder import hooks

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/ops"
CLUSTER_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
ABSENT = PluginError("couldn't find resource")
EXISTING = {"type": "STANDARD", "userName": "existing", "kubernetesGroups": ["others"]}


@pytest.fixture
def warnings(monkeypatch):
    messages = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: messages.append(message))
    return messages


@pytest.fixture
def aws_auth(monkeypatch):
    """The entries of aws-auth, or the error of reading it, and the number of reads."""
    state = {"entries": AwsAuth(), "reads": 0}

    class ConfigMap:
        def __init__(self, _kubeconfig):
            state["reads"] += 1

        def read(self):
            if isinstance(state["entries"], Exception):
                raise state["entries"]
            return state["entries"]

    monkeypatch.setattr(aws_auth_client, "AwsAuthConfigMap", ConfigMap)
    return state


@pytest.fixture
def roles(monkeypatch):
    """Replace the roles of the cluster, and return every list query."""
    names, queries = {"view", "edit", "shop-reader"}, []

    def listed(_kubeconfig, kind, namespace):
        queries.append((kind, namespace))
        return {name: [] for name in names}

    monkeypatch.setattr(kubernetes_api, "list_field_managers", listed)
    return queries


def run_check(connection, check, child, inputs, cloud=None, more=(), **args):
    """Declare a ClusterAccess, and run the hook `check` as the engine does before it creates `child`."""

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        for name, other in more:
            eks.ClusterAccess(name, {"cluster": connection, "principals": [], **other}, options)
        access_args = {"cluster": connection, "group": "operators", "principals": [{"arn": USER}], **args}
        access = eks.ClusterAccess("ops", access_args, options)
        return pulumi.Output.from_input(registered.before(check, access, child, inputs))

    with hooks() as registered:
        return deploy(program, preview=True, cloud=cloud or Cloud(getAccessEntry=ABSENT))


def create_entry(connection, principal=USER, cloud=None, **args):
    inputs = {"clusterName": "eks-clu", "principalArn": principal, "type": "STANDARD"}
    inputs |= {"userName": "eks-ope", "kubernetesGroups": ["operators"]}
    args = {"principals": [{"arn": principal}], **args}
    return run_check(
        connection,
        "access-entry-is-new",
        (ENTRY, f"ops-{Principal.parse(principal).logical_name}"),
        inputs,
        cloud,
        **args,
    )


def create_mapping(connection, cloud, **inputs):
    mapping = {"arn": USER, "username": "eks-ope", "groups": ["operators"], **inputs}
    child = (eks.AwsAuthMapping.token(), f"ops-{Principal.parse(USER).logical_name}")
    return run_check(connection, "mapping-has-effect", child, mapping, cloud, access_method="aws-auth")


def create_binding(connection, role, child=(CLUSTER_BINDING, "ops-operators-veiw"), **other):
    return run_check(connection, "bound-role-exists", child, {}, rbac_roles=[role], **other)


def test_existing_access_entry_is_rejected_at_preview(connection, aws_auth):
    """The error has the entry's current values, and the fix sets adopt, or deletes what an interrupted update left."""
    with pytest.raises(InvalidInputError, match=r"username 'existing'(.|\n)*set adopt to True") as rejected:
        create_entry(connection, cloud=Cloud(getAccessEntry=EXISTING))
    assert f"`aws eks delete-access-entry --cluster-name eks-clu --principal-arn {USER}`" in str(rejected.value)


def test_fix_for_mappings_in_mode_api_works_with_the_entries_of_a_migration(connection):
    """Without adopt, the fix would lead to the next error: the migration has created the access entry."""
    cluster = {**connection, "authentication_mode": "API"}
    with pytest.raises(InvalidInputError) as error:
        run_check(cluster, "mapping-has-effect", (eks.AwsAuthMapping.token(), "ops"), {}, access_method="aws-auth")
    (problem,) = error.value.problems
    assert problem.fix.startswith("set access_method to access-entry, and adopt to True if the access entries exist")

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {"cluster": cluster, "group": "operators", "principals": [{"arn": USER}], "adopt": True}
        eks.ClusterAccess("ops", args, options)

    deployment = deploy(program, cloud=Cloud(getAccessEntry=EXISTING))
    assert len(deployment.of(eks.AccessEntry.token())) == 1
    assert deployment.of(eks.AwsAuthMapping.token()) == []


@pytest.mark.parametrize("principal", [USER, ROLE])
def test_existing_mapping_beside_a_new_entry_is_reported(connection, aws_auth, warnings, principal):
    """aws-auth has roles without their path, and the entry with it: they are the same principal."""
    aws_auth["entries"] = AwsAuth().add(UserMapping.of(principal, ["masters-of-old"], "old"))
    create_entry(connection, principal)
    (message,) = warnings
    assert f"{principal} is also mapped in aws-auth of eks-clu (username 'old', groups ['masters-of-old'])" in message
    assert message.startswith('ClusterAccess "ops": ')


def test_existing_mapping_with_the_same_values_is_not_reported(connection, aws_auth, warnings):
    """A change of the access method in one declaration, which deletes the mapping last, gets no warning."""
    aws_auth["entries"] = AwsAuth().add(UserMapping.of(USER, ["operators"], "eks-ope"))
    create_entry(connection)
    assert (warnings, aws_auth["reads"]) == ([], 1)


@pytest.mark.parametrize("mode", ["API", "API_AND_CONFIG_MAP"])
def test_aws_auth_is_read_only_if_eks_reads_it_and_no_mapping_is_declared(connection, aws_auth, mode):
    """EKS does not read it in mode API, and `access_method` both has a mapping of its own."""
    connection["authentication_mode"] = mode
    create_entry(connection, **({"access_method": "both"} if mode != "API" else {}))
    assert aws_auth["reads"] == 0


def test_unreadable_aws_auth_is_reported(connection, aws_auth, warnings):
    """The error is a warning, and the entry is created."""
    aws_auth["entries"] = ClusterUnreachableError("no response\n  fix: retry")
    create_entry(connection)
    unverified = f"cannot verify whether {USER} is mapped in aws-auth of eks-clu"
    assert warnings == [f"{unverified}: no response\n  fix: retry"]


def test_existing_entry_beside_a_new_mapping_is_reported(connection, warnings):
    """EKS reads the entry: the warning has its values."""
    create_mapping(connection, Cloud(getAccessEntry=EXISTING))
    (message,) = warnings
    assert f"{USER} has an access entry in eks-clu (type STANDARD, username 'existing', groups ['others'])" in message


def test_existing_entry_with_the_same_values_is_not_reported(connection, warnings):
    """Neither an entry with the same values nor a missing one gets a warning."""
    create_mapping(
        connection, Cloud(getAccessEntry={**EXISTING, "userName": "eks-ope", "kubernetesGroups": ["operators"]})
    )
    create_mapping(connection, Cloud(getAccessEntry=ABSENT))
    assert warnings == []


def test_entry_is_not_queried_with_a_provider_of_another_account(connection, warnings):
    """A mapping needs no aws provider, and another account may have a cluster of the same name."""
    create_mapping(connection, Cloud(getAccessEntry=EXISTING, getCallerIdentity={"accountId": "444455556666"}))
    unverified = f'ClusterAccess "ops": cannot verify whether {USER} has an access entry in eks-clu'
    assert warnings == [f"{unverified}: the aws provider is of account 444455556666"]


def test_entries_are_not_queried_in_mode_config_map(connection):
    """EKS reads no access entries in mode CONFIG_MAP."""
    connection["authentication_mode"] = "CONFIG_MAP"
    deployment = create_mapping(connection, Cloud(getAccessEntry=EXISTING))
    assert [call for call in deployment.cloud.calls if "getAccessEntry" in call.token] == []


def test_missing_cluster_role_is_reported_with_a_similar_name(connection, roles, warnings):
    """Kubernetes accepts the binding, which allows nothing."""
    create_binding(connection, {"name": "veiw"})
    (message,) = warnings
    assert message.startswith('ClusterAccess "ops": ClusterRole veiw does not exist')
    assert message.endswith("did you mean view?")
    assert roles == [("ClusterRole", None)]


def test_missing_role_of_a_namespace_is_reported(connection, roles, warnings):
    """A name without a similar one gets no suggestion."""
    role = {"kind": "Role", "name": "till", "namespace": "shop"}
    create_binding(connection, role, (BINDING, "ops-operators-till.shop"))
    assert roles == [("Role", "shop")]
    assert "Role till in namespace shop does not exist" in warnings[0]
    assert warnings[0].endswith("set its rules here, or create it")


def test_existing_or_declared_role_is_not_reported(connection, roles, warnings):
    """The role exists, or another ClusterAccess of the program declares it."""
    create_binding(connection, {"name": "shop-reader"}, (CLUSTER_BINDING, "ops-operators-shop-reader"))
    rules = [{"resources": ["pods"], "verbs": ["get"]}]
    more = [("creators", {"group": "creators", "rbac_roles": [{"name": "veiw", "rules": rules}]})]
    create_binding(connection, {"name": "veiw"}, more=more)
    assert warnings == []


def test_default_roles_of_kubernetes_are_not_queried(connection):
    """`view` is in every cluster: only its binding is queried."""

    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        args = {
            "cluster": connection,
            "group": "operators",
            "principals": [{"arn": USER}],
            "rbac_roles": [{"name": "view"}],
        }
        eks.ClusterAccess("ops", args, options)

    (hook,) = deploy(program).one(CLUSTER_BINDING).request.hooks.before_create
    assert hook.endswith("rbac-object-is-new")


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
def test_existing_rbac_object_is_rejected_at_preview(connection, monkeypatch, role, label, kind, existing, field):
    """The Kubernetes plugin would overwrite it, and delete it when another declaration of the stack removes it."""
    monkeypatch.setattr(kubernetes_api, "list_field_managers", lambda *_: {existing: ["pulumi-kubernetes-1a2b3c4d"]})
    child = (f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", label)
    with pytest.raises(InvalidInputError) as error:
        run_check(connection, "rbac-object-is-new", child, {}, rbac_roles=[role])
    (problem,) = error.value.problems
    assert (problem.input, problem.value) == (field, existing)
    assert f"kubectl delete {kind.lower()} {existing}" in problem.fix
    assert "opts.aliases" in problem.fix


@pytest.mark.parametrize("kind", OBJECTS)
def test_fixes_for_an_existing_rbac_object_work(connection, monkeypatch, kind):
    """Another name is accepted, and so is the same one after the command of the fix deleted the object."""
    role, label, _, existing, field = OBJECTS[kind]
    field, child = field.rpartition(".")[2], (f"kubernetes:rbac.authorization.k8s.io/v1:{kind}", label)
    objects = {existing: ["kubectl"]}
    monkeypatch.setattr(kubernetes_api, "list_field_managers", lambda *_: objects)
    with pytest.raises(InvalidInputError) as error:
        run_check(connection, "rbac-object-is-new", child, {}, rbac_roles=[role])
    flag = " -n shop" if "namespace" in role else ""
    (problem,) = error.value.problems
    assert problem.fix == (
        f"set another {field}; or delete the existing one first: `kubectl delete {kind.lower()} {existing}{flag}`"
    )
    renamed = (child[0], label.replace("looker", "another"))
    run_check(connection, "rbac-object-is-new", renamed, {}, rbac_roles=[{**role, field: "another"}])
    del objects[existing]
    run_check(connection, "rbac-object-is-new", child, {}, rbac_roles=[role])


UNKNOWN = pulumi.output.UNKNOWN
UNREAD = {
    "unknown kubeconfig": ({"kubeconfig": UNKNOWN}, True, "so aws-auth and RBAC are not evaluated"),
    "mode API": ({"kubeconfig": UNKNOWN, "authentication_mode": "API"}, True, "so RBAC is not evaluated"),
    "new cluster": ({"kubeconfig": UNKNOWN, "arn": UNKNOWN}, True, None),
    "known kubeconfig": ({"kubeconfig": kubeconfig()}, True, None),
    "update": ({"kubeconfig": UNKNOWN}, False, None),
}


@pytest.mark.parametrize(("values", "preview", "expected"), UNREAD.values(), ids=list(UNREAD))
def test_unreadable_parts_of_the_guard_are_reported_at_preview(connection, warnings, values, preview, expected):
    """One warning names the parts that are not evaluated while the kubeconfig of an existing cluster is unknown."""

    def program():
        outputs = {field: pulumi.Output.from_input(value) for field, value in values.items()}
        cluster = {**connection, **outputs}
        args = {
            "cluster": cluster,
            "principals": [{"arn": USER}],
            "access_policies": [{"policy": "AmazonEKSViewPolicy"}],
        }
        access = eks.ClusterAccess("ops", args)
        check = registered.before("guard-reads-all", access, (LockoutGuard.token(), "ops"), {})
        return pulumi.Output.from_input(check)

    with hooks() as registered:
        deploy(program, preview=preview, cloud=Cloud(getAccessEntry=ABSENT))
    assert len(warnings) == (expected is not None)
    for message in warnings:
        assert message.startswith('ClusterAccess "ops": the kubeconfig of eks-clu is not known in this preview')
        assert expected in message
        assert "the update evaluates" in message
