"""A validation error of a secret value names the rule and shows nothing of the secret."""

from contextlib import nullcontext

import pulumi
import pulumi_kubernetes as k8s
import pytest

import eks_identity as eks
from eks_identity.errors import InvalidInput, Problem
from eks_identity.redaction import Redactor
from eks_identity.runtime.inputs import InvalidInputError, parse_output
from support.component_program import ISSUER, Cloud, PluginError, deploy, kubeconfig, provider_arn

HUSH = "arn:aws:sts::111122223333:assumed-role/hush-Hush/xyzzy42"
WORKLOAD = {"namespace": "default", "service_account": "sa", "oidc_provider_arn": provider_arn()}


def secret(value):
    """Return an Output of the program that calls this."""
    return lambda: pulumi.Output.secret(value)


def declare(component, args, connection, cloud=None):
    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        cluster_args = {"cluster": connection} if component in {eks.WorkloadIdentity, eks.ClusterAccess} else {}
        component("thing", {**cluster_args, **_made(args)}, options)

    return deploy(program, preview=True, cloud=cloud or Cloud())


def _made(args):
    if isinstance(args, dict):
        return {key: _made(value) for key, value in args.items()}
    if isinstance(args, list):
        return [_made(value) for value in args]
    return args() if callable(args) else args


WRONG = {
    "an ARN": (eks.WorkloadIdentity, {**WORKLOAD, "permissions_boundary": secret(HUSH)}),
    "a name": (eks.WorkloadIdentity, {**WORKLOAD, "namespace": secret("Hush_Xyzzy42")}),
    "a document": (eks.WorkloadIdentity, {**WORKLOAD, "inline_policies": {"own": secret("{hush xyzzy42")}}),
    "within a statement": (
        eks.WorkloadIdentity,
        {**WORKLOAD, "statements": [{"actions": [secret("hush xyzzy42")], "resources": ["*"]}]},
    ),
    "a policy": (eks.WorkloadIdentity, {**WORKLOAD, "policies": [secret("Hush Xyzzy42!")]}),
    "a principal": (eks.ClusterAccess, {"group": "g", "principals": [{"arn": secret(HUSH)}]}),
    "beside plain values": (
        eks.AwsAuthMapping,
        {"kubeconfig": "{}", "arn": secret(HUSH), "groups": ["hush"], "username": "Hush"},
    ),
    "an issuer": (eks.OidcProvider, {"issuer": secret("http://hush/xyzzy42")}),
    "a cluster": (eks.Cluster, {"name": secret("hush/xyzzy42")}),
}


@pytest.mark.parametrize("case", WRONG)
def test_validation_error_shows_no_secret(connection, case):
    """The error has input, rule and fix, wherever the secret is in the value."""
    component, args = WRONG[case]
    if component is eks.AwsAuthMapping:
        args = {**args, "kubeconfig": connection["kubeconfig"]}
    with pytest.raises(InvalidInputError) as raised:
        declare(component, args, connection)
    message = str(raised.value)
    assert "[secret]" in message
    assert "hush" not in message.lower()
    assert "xyzzy" not in message.lower()
    (problem, *_) = raised.value.problems
    assert problem.rule
    assert problem.fix


def test_validation_error_of_a_lookup_shows_no_secret(connection):
    """A rule that queries AWS shows no more than a rule that does not."""
    there = Cloud(getPolicy=PluginError("NoSuchEntity"), getCluster=PluginError("couldn't find hush-Hush"))
    for component, args in (
        (eks.OidcProvider, {"adopt": True, "issuer": secret(f"{ISSUER}hush")}),
        (eks.WorkloadIdentity, {**WORKLOAD, "policies": [secret("HushXyzzy")]}),
        (eks.Cluster, {"name": secret("hush-Hush")}),
    ):
        with pytest.raises(InvalidInputError, match=r"\[secret\]") as raised:
            declare(component, args, connection, there)
        assert "hush" not in str(raised.value).lower()


@pytest.mark.parametrize("result", [None, PluginError("couldn't find hush-Hush")], ids=["found", "not found"])
def test_debug_messages_show_no_secret_cluster_name(connection, monkeypatch, result):
    """The SDK's own invoke prints the result of a plugin with `--debug`."""
    messages = []
    for level in ("debug", "info", "warn", "error"):
        monkeypatch.setattr(pulumi.log, level, lambda message, *_args, **_options: messages.append(message))
    there = Cloud() if result is None else Cloud(getCluster=result, getRegion={"region": "r", "id": "r"})
    with nullcontext() if result is None else pytest.raises(InvalidInputError):
        declare(eks.Cluster, {"name": secret("hush-Hush")}, connection, there)
    assert messages
    assert "hush" not in "".join(messages).lower()


def test_values_that_are_no_secrets_are_shown(connection):
    """Plain values and resolved Outputs are shown."""
    late = {**WORKLOAD, "permissions_boundary": lambda: pulumi.Output.from_input(HUSH)}
    for args in (late, {**WORKLOAD, "permissions_boundary": HUSH}):
        with pytest.raises(InvalidInputError, match="hush-Hush"):
            declare(eks.WorkloadIdentity, args, connection)


def test_common_words_are_not_redacted():
    """Common words of ARNs are not redacted, so that a rule stays readable."""
    problem = Problem("arn", "a role of IAM, and its arn without 42/x", HUSH, f"write {HUSH.lower()} or role/hush-hush")
    hidden = problem.redacted(Redactor([{"who": [HUSH, 42, None, True]}]))
    assert str(hidden) == (
        "arn: [secret]\n    rule: a role of IAM, and its arn without [secret]/x\n"
        "    fix:  write [secret] or role/[secret]-[secret]"
    )


def test_validation_error_keeps_its_component():
    """An error of one component is not attributed to another component."""
    inner = InvalidInputError([Problem("arn", "rule", "value", "fix")], subject="inner")

    def reject(_):
        raise inner

    with pytest.raises(InvalidInputError) as raised:
        deploy(lambda: parse_output(pulumi.Output.from_input("x"), reject, "outer", "under"))
    assert (raised.value.subject, raised.value.problems[0].input) == ("inner", "arn")


def test_validation_error_of_a_coroutine_is_redacted():
    """A rule may be a coroutine: its error gets the subject and is redacted in the same way."""

    async def reject(value):
        raise InvalidInput([Problem("", f"not {value}", value, "another")])

    with pytest.raises(InvalidInputError) as raised:
        deploy(lambda: parse_output(pulumi.Output.secret("hush"), reject, "outer", "under"))
    assert str(raised.value) == "outer: 1 problem\n  under: [secret]\n    rule: not [secret]\n    fix:  another"
    assert deploy(lambda: parse_output("plain", _later, "outer")).value == "plain"


async def _later(value):
    return value
