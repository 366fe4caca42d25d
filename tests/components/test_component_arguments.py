"""Arguments of a wrong type, invalid Outputs, and duplicates in one program, for components of access and workloads."""

import pulumi
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.runtime.inputs import InvalidInputError
from support.component_program import ACCOUNT, ISSUER, deploy, kubeconfig, provider_arn

USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
RULES = [{"resources": ["pods"], "verbs": ["get"]}]
OUTPUT = "an Output"


def access(connection, **other):
    args = {
        "cluster": connection,
        "group": "g",
        "rbac_roles": [{"name": "r", "rules": RULES}],
        "principals": [{"arn": USER}],
    }
    return lambda name="operators": eks.ClusterAccess(name, {**args, **other}, on_cluster(name))


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
    "mapping for a list": (access, {"principals": {"arn": USER}}, "principals", {"arn": USER}),
    "text for a list": (access, {"principals": [{"arn": USER, "groups": "g"}]}, "principals[0].groups", "g"),
    "text for a mapping": (access, {"rbac_roles": ["r"]}, "rbac_roles[0]", "r"),
    "number": (access, {"group": 1}, "group", 1),
    "null": (access, {"group": None}, "group", None),
    "Output as a name of a resource": (access, {"group": pulumi.Output}, "group", OUTPUT),
    "Output as a list": (access, {"principals": pulumi.Output}, "principals", OUTPUT),
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


@pytest.mark.parametrize(("component", "args", "field", "value"), CASES.values(), ids=list(CASES))
def test_argument_of_a_wrong_type_is_rejected(connection, component, args, field, value):
    """The error names input, rule, value and fix: misspelt, missing, of a wrong type, or an unaccepted Output."""

    def program():
        outputs = {key: pulumi.Output.from_input("x") for key, value in args.items() if value is pulumi.Output}
        component(connection, **{**args, **outputs})()

    with pytest.raises(InvalidInputError) as error:
        deploy(program, preview=True)
    (problem,) = error.value.problems
    assert problem.input == field
    assert problem.value == value or repr(problem.value) == value
    assert problem.rule
    assert problem.fix


def test_all_problems_of_arguments_are_reported_together(connection):
    """One error has all problems, and suggests the correct name of a misspelt key."""
    with pytest.raises(InvalidInputError, match="3 problems") as error:
        deploy(access(connection, alow_lockout_of="x", group=1, adopt="no"), preview=True)
    assert "did you mean allow_lockout_of?" in str(error.value)


@pytest.mark.parametrize("value", [None, 1, True, "wrong value", ["x"]], ids=repr)
@pytest.mark.parametrize("secret", [False, True])
@pytest.mark.parametrize(
    ("component", "args_with"),
    [
        (workload, lambda output: {"namespace": output}),
        (workload, lambda output: {"service_account": output}),
        (workload, lambda output: {"oidc_provider_arn": output}),
        (workload, lambda output: {"role_name": output}),
        (workload, lambda output: {"policies": [output]}),
        (workload, lambda output: {"max_session_duration": output}),
        (access, lambda output: {"principals": [{"arn": output}]}),
        (access, lambda output: {"principals": [{"arn": USER, "groups": [output]}]}),
        (role, lambda output: {"oidc_provider_arns": [output]}),
        (role, lambda output: {"subjects": [{"namespace": "a", "name": output}]}),
        (mapping, lambda output: {"arn": output}),
        (provider, lambda output: {"issuer": output}),
    ],
)
def test_invalid_output_is_rejected_when_resolved(connection, component, args_with, value, secret):
    """Plain, secret and nested Outputs of a wrong type or value are rejected by the same rules, without a traceback."""
    if component is access and value == "wrong value" and "groups" in args_with("x")["principals"][0]:
        value = " wrong group"

    def program():
        output = pulumi.Output.from_input({"nested": pulumi.Output.from_input(value)})["nested"]
        component(connection, **args_with(pulumi.Output.secret(output) if secret else output))()

    with pytest.raises(InvalidInputError) as error:
        deploy(program, preview=True)
    assert error.value.problems[0].fix


def test_principal_of_another_partition_is_rejected(connection):
    """A cluster of partition aws authenticates no principal of aws-cn, by either access method."""
    principals = [{"arn": USER.replace("aws", "aws-cn", 1)}]
    for access_method in ("aws-auth", "access-entry"):
        with pytest.raises(InvalidInputError, match=r"principals\[0\].arn: 'arn:aws-cn"):
            deploy(access(connection, principals=principals, access_method=access_method), preview=True)


@pytest.mark.parametrize("is_output", [False, True])
def test_principal_has_one_access_entry_in_a_cluster(connection, is_output):
    """A second entry would fail with a 409 in the update. ARNs of a role with different paths are one principal."""
    one, other = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("team/x", "X"))

    def program(cluster=connection):
        access(connection, principals=[{"arn": one}], rbac_roles=[])("first")
        principals = [{"arn": pulumi.Output.from_input(other) if is_output else other}]
        access(cluster, principals=principals, rbac_roles=[])("second")

    with pytest.raises(
        InvalidInputError,
        match=r'groups": \["g"\] to principals\[0\] of ClusterAccess "first", and remove principals\[0\] of',
    ):
        deploy(program, preview=True)
    other_cluster = {**connection, "name": "eks-clu-2", "arn": f"{connection['arn']}-2"}
    assert len(deploy(lambda: program(other_cluster), preview=True).of("aws:eks/accessEntry:AccessEntry")) == 2


@pytest.fixture
def warnings(monkeypatch):
    messages = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: messages.append(message))
    return messages


def test_mapping_beside_an_access_entry_is_reported(connection, warnings):
    """EKS reads the access entry in place of the mapping: a program with both gets a warning, and is not rejected."""

    def program():
        access(connection, access_method="aws-auth")("old")
        access(connection, access_method="access-entry", rbac_roles=[])("new")

    deploy(program, preview=True)
    (warning,) = warnings
    assert '"new" and an aws-auth mapping in principals[0] of ClusterAccess "old"' in warning


def test_service_account_has_one_role_for_each_identity_mode(connection, warnings):
    """Two of one mode are rejected with both names; one of each mode is reported, because Pod Identity is used."""

    def two_irsa_roles():
        workload(connection)("one")
        workload(connection)("two")

    def both_modes():
        workload(connection)("one")
        args = {"cluster": connection, "namespace": "a", "service_account": "b", "service_account_management": "none"}
        eks.WorkloadIdentity("two", {**args, "mode": "pod-identity"})

    with pytest.raises(InvalidInputError, match='WorkloadIdentity "one" or from WorkloadIdentity "two"'):
        deploy(two_irsa_roles, preview=True)
    deploy(both_modes, preview=True)
    (warning,) = warnings
    assert 'has two roles, by WorkloadIdentity "one" and WorkloadIdentity "two"' in warning


def test_raised_quotas_allow_20_policies_and_longer_trust_policies(connection):
    """With raised_quotas a role has 20 policies and a trust policy of 4,096 characters; without, neither."""
    policies = [f"Policy{number}" for number in range(20)]
    subjects = [{"namespace": "namespace", "name": f"service-account-{number}"} for number in range(40)]
    with pytest.raises(InvalidInputError, match="2 problems"):
        deploy(role(connection, policies=policies, subjects=subjects), preview=True)
    raised = deploy(role(connection, policies=policies, subjects=subjects, raised_quotas=True), preview=True)
    assert len(raised.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment")) == 20
    with pytest.raises(InvalidInputError, match="at most 20"):
        deploy(role(connection, policies=[*policies, "One"], raised_quotas=True), preview=True)
