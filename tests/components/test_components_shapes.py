"""What components say of args that do not have the shape of their TypedDict, or come late and wrong."""

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi_program import ACCOUNT, ISSUER, deploy, kubeconfig, provider_arn

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
RULES = [{"resources": ["pods"], "verbs": ["get"]}]
LATE = "an Output"


def access(connection, **other):
    args = {
        "cluster": connection,
        "group": "g",
        "rbac_roles": [{"name": "r", "rules": RULES}],
        "principals": [{"arn": USER}],
    }
    return lambda name="people": eks.ClusterAccess(name, {**args, **other}, on_cluster(name))


def workload(connection, **other):
    args = {"cluster": connection, "namespace": "a", "service_account": "b", "oidc_provider_arn": provider_arn()}
    return lambda name="w": eks.WorkloadIdentity(name, {**args, **other}, on_cluster(name))


def on_cluster(name):
    return pulumi.ResourceOptions(providers=[k8s.Provider(name, kubeconfig=kubeconfig())])


def role(connection, **other):
    args = {"oidc_provider_arns": [provider_arn()], "subjects": [{"namespace": "a", "name": "b"}]}
    return lambda: eks.IrsaRole("role", {**args, **other})


def mapping(connection, **other):
    return lambda: eks.AwsAuthMapping("m", {"kubeconfig": kubeconfig(), "arn": USER, "groups": ["g"], **other})


def provider(connection, **other):
    return lambda: eks.OidcProvider("p", {"issuer": ISSUER, **other})


CASES = {
    "misspelt": (access, {"bindng_name": "x"}, "bindng_name", "x"),
    "misspelt below": (access, {"principals": [{"arn": USER, "user_name": "x"}]}, "principals[0].user_name", "x"),
    "missing": (access, {"principals": [{}]}, "principals[0].arn", None),
    "missing below": (access, {"rbac_roles": [{"rules": RULES}]}, "rbac_roles[0].name", None),
    "one for many": (access, {"principals": {"arn": USER}}, "principals", {"arn": USER}),
    "text for many": (access, {"principals": [{"arn": USER, "groups": "g"}]}, "principals[0].groups", "g"),
    "text for a mapping": (access, {"rbac_roles": ["r"]}, "rbac_roles[0]", "r"),
    "number": (access, {"group": 1}, "group", 1),
    "null": (access, {"group": None}, "group", None),
    "late name of a resource": (access, {"group": pulumi.Output}, "group", LATE),
    "late list": (access, {"principals": pulumi.Output}, "principals", LATE),
    "true as text": (access, {"adopt": "false"}, "adopt", "false"),
    "wildcards as text": (role, {"allow_wildcards": "false"}, "allow_wildcards", "false"),
    "tags off as text": (workload, {"disable_session_tags": "no"}, "disable_session_tags", "no"),
    "boolean for a number": (workload, {"token_expiration": True}, "token_expiration", True),
    "text for a number": (workload, {"max_session_duration": "3600"}, "max_session_duration", "3600"),
    "number in a tag": (workload, {"tags": {"a": 1}}, "tags.a", 1),
    "quota as text": (workload, {"raised_quotas": "yes"}, "raised_quotas", "yes"),
    "annotation": (workload, {"annotations": {"a": True}}, "annotations.a", True),
    "adopt as number": (mapping, {"adopt": 1}, "adopt", 1),
    "group in a mapping": (mapping, {"groups": [None]}, "groups[0]", None),
    "audiences as text": (provider, {"audiences": "sts.amazonaws.com"}, "audiences", "sts.amazonaws.com"),
}


@pytest.mark.parametrize(("make", "given", "field", "value"), CASES.values(), ids=list(CASES))
def test_a_wrong_shape_is_refused_before_anything_is_registered(connection, make, given, field, value):
    """Misspelt, missing, of a wrong type, or an Output where none can be: input, rule, value and fix are named."""

    def program():
        late = {key: pulumi.Output.from_input("x") for key, one in given.items() if one is pulumi.Output}
        make(connection, **{**given, **late})()

    with pytest.raises(InvalidInputError) as refusal:
        deploy(program, preview=True)
    (problem,) = refusal.value.problems
    assert problem.input == field
    assert problem.value == value or repr(problem.value) == value
    assert problem.rule
    assert problem.fix


def test_all_that_is_wrong_with_the_shape_is_said_at_once(connection):
    """A misspelt key is named with the one that was meant, beside all else."""
    with pytest.raises(InvalidInputError, match="3 problems") as refusal:
        deploy(access(connection, alow_lockout_of="x", group=1, adopt="no"), preview=True)
    assert "did you mean allow_lockout_of?" in str(refusal.value)


@pytest.mark.parametrize("value", [None, 1, True, "wrong value", ["x"]], ids=repr)
@pytest.mark.parametrize("secret", [False, True])
@pytest.mark.parametrize(
    ("make", "put"),
    [
        (workload, lambda late: {"namespace": late}),
        (workload, lambda late: {"service_account": late}),
        (workload, lambda late: {"oidc_provider_arn": late}),
        (workload, lambda late: {"role_name": late}),
        (workload, lambda late: {"policies": [late]}),
        (workload, lambda late: {"max_session_duration": late}),
        (access, lambda late: {"principals": [{"arn": late}]}),
        (access, lambda late: {"principals": [{"arn": USER, "groups": [late]}]}),
        (role, lambda late: {"oidc_provider_arns": [late]}),
        (role, lambda late: {"subjects": [{"namespace": "a", "name": late}]}),
        (mapping, lambda late: {"arn": late}),
        (provider, lambda late: {"issuer": late}),
    ],
)
def test_a_wrong_output_is_refused_where_it_is_known(connection, make, put, value, secret):
    """Plain, secret or nested Outputs of a wrong type or value are refused by the same rules, never by a traceback."""
    if make is access and value == "wrong value" and "groups" in put("x")["principals"][0]:
        value = " wrong group"

    def program():
        late = pulumi.Output.from_input({"deep": pulumi.Output.from_input(value)})["deep"]
        make(connection, **put(pulumi.Output.secret(late) if secret else late))()

    with pytest.raises(InvalidInputError) as refusal:
        deploy(program, preview=True)
    assert refusal.value.problems[0].fix


def test_a_principal_of_another_partition_is_refused(connection):
    """No signature of aws-cn is known to a cluster of aws, by either way in."""
    abroad = [{"arn": USER.replace("aws", "aws-cn", 1)}]
    for access_method in ("aws-auth", "access-entry"):
        with pytest.raises(InvalidInputError, match=r"principals\[0\].arn: 'arn:aws-cn"):
            deploy(access(connection, principals=abroad, access_method=access_method), preview=True)


@pytest.mark.parametrize("late", [False, True])
def test_a_principal_has_one_entry_in_a_cluster(connection, late):
    """A second access entry would be a 409 at the update; a role is one role, whatever its path."""
    one, other = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("team/x", "X"))

    def program(cluster=connection):
        access(connection, principals=[{"arn": one}], rbac_roles=[])("first")
        again = [{"arn": pulumi.Output.from_input(other) if late else other}]
        access(cluster, principals=again, rbac_roles=[])("second")

    with pytest.raises(
        InvalidInputError,
        match=r'groups": \["g"\] to principals\[0\] of ClusterAccess "first", and remove principals\[0\] of',
    ):
        deploy(program, preview=True)
    elsewhere = {**connection, "name": "eks-clu-2", "arn": f"{connection['arn']}-2"}
    assert len(deploy(lambda: program(elsewhere), preview=True).of("aws:eks/accessEntry:AccessEntry")) == 2


@pytest.fixture
def warnings(monkeypatch):
    said = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: said.append(message))
    return said


def test_a_shadowed_mapping_is_reported(connection, warnings):
    """Of aws-auth and an access entry the entry wins: a program with both is told, and goes on."""

    def program():
        access(connection, access_method="aws-auth")("old")
        access(connection, access_method="access-entry", rbac_roles=[])("new")

    deploy(program, preview=True)
    (warning,) = warnings
    assert '"new" and an aws-auth mapping in principals[0] of ClusterAccess "old"' in warning


def test_a_service_account_has_one_role_by_each_mode(connection, warnings):
    """Two by one mode are refused with both names; one by each mode is reported, since Pod Identity wins."""

    def twice():
        workload(connection)("one")
        workload(connection)("two")

    def double():
        workload(connection)("one")
        args = {"cluster": connection, "namespace": "a", "service_account": "b", "service_account_management": "none"}
        eks.WorkloadIdentity("two", {**args, "mode": "pod-identity"})

    with pytest.raises(InvalidInputError, match='WorkloadIdentity "one" or from WorkloadIdentity "two"'):
        deploy(twice, preview=True)
    deploy(double, preview=True)
    (warning,) = warnings
    assert 'has two roles, by WorkloadIdentity "one" and WorkloadIdentity "two"' in warning


def test_raised_quotas_are_told(connection):
    """With raised_quotas a role has 20 policies and a trust policy of 4,096 characters; without, neither."""
    policies = [f"Policy{number}" for number in range(20)]
    subjects = [{"namespace": "namespace", "name": f"service-account-{number}"} for number in range(40)]
    with pytest.raises(InvalidInputError, match="2 problems"):
        deploy(role(connection, policies=policies, subjects=subjects), preview=True)
    raised = deploy(role(connection, policies=policies, subjects=subjects, raised_quotas=True), preview=True)
    assert len(raised.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")) == 20
    with pytest.raises(InvalidInputError, match="at most 20"):
        deploy(role(connection, policies=[*policies, "One"], raised_quotas=True), preview=True)
