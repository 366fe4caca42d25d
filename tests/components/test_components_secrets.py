"""A refusal names the rule that a secret breaks, and has no word of the secret."""

from contextlib import nullcontext

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi_program import ISSUER, Cloud, PluginError, deploy, kubeconfig, provider_arn

import eks_identity as eks
from eks_identity.errors import InvalidInput, Problem
from eks_identity.redaction import Redactor
from eks_identity.runtime.inputs import InvalidInputError, refusing

HUSH = "arn:aws:sts::111122223333:assumed-role/hush-Hush/xyzzy42"
WORKLOAD = {"namespace": "default", "service_account": "sa", "oidc_provider_arn": provider_arn()}


def secret(value):
    """An Output belongs to the program that makes it."""
    return lambda: pulumi.Output.secret(value)


def declare(component, args, connection, cloud=None):
    def program():
        options = pulumi.ResourceOptions(providers=[k8s.Provider("clu", kubeconfig=kubeconfig())])
        given = {"cluster": connection} if component in {eks.WorkloadIdentity, eks.ClusterAccess} else {}
        component("thing", {**given, **_made(args)}, options)

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
    "beside what is plain": (
        eks.AwsAuthMapping,
        {"kubeconfig": "{}", "arn": secret(HUSH), "groups": ["hush"], "username": "Hush"},
    ),
    "an issuer": (eks.OidcProvider, {"issuer": secret("http://hush/xyzzy42")}),
    "a cluster": (eks.Cluster, {"name": secret("hush/xyzzy42")}),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_refusal_has_no_word_of_a_secret(connection, case):
    """Wherever the secret is within what is checked; input, rule and fix are there."""
    component, args = WRONG[case]
    if component is eks.AwsAuthMapping:
        args = {**args, "kubeconfig": connection["kubeconfig"]}
    with pytest.raises(InvalidInputError) as refusal:
        declare(component, args, connection)
    said = str(refusal.value)
    assert "[secret]" in said
    assert "hush" not in said.lower()
    assert "xyzzy" not in said.lower()
    (problem, *_) = refusal.value.problems
    assert problem.rule
    assert problem.fix


def test_what_is_looked_up_by_a_secret_is_in_no_refusal_either(connection):
    """A rule that takes a question to AWS says no more than one that is known at once."""
    there = Cloud(getPolicy=PluginError("NoSuchEntity"), getCluster=PluginError("couldn't find hush-Hush"))
    for component, args in (
        (eks.OidcProvider, {"adopt": True, "issuer": secret(f"{ISSUER}hush")}),
        (eks.WorkloadIdentity, {**WORKLOAD, "policies": [secret("HushXyzzy")]}),
        (eks.Cluster, {"name": secret("hush-Hush")}),
    ):
        with pytest.raises(InvalidInputError, match=r"\[secret\]") as refusal:
            declare(component, args, connection, there)
        assert "hush" not in str(refusal.value).lower()


@pytest.mark.parametrize("answer", [None, PluginError("couldn't find hush-Hush")], ids=["found", "not found"])
def test_a_secret_cluster_name_is_in_no_debug_message(connection, monkeypatch, answer):
    """The SDK's own invoke prints what the plugin answers with `--debug`."""
    messages = []
    for level in ("debug", "info", "warn", "error"):
        monkeypatch.setattr(pulumi.log, level, lambda message, *_args, **_options: messages.append(message))
    there = Cloud() if answer is None else Cloud(getCluster=answer, getRegion={"region": "r", "id": "r"})
    with nullcontext() if answer is None else pytest.raises(InvalidInputError):
        declare(eks.Cluster, {"name": secret("hush-Hush")}, connection, there)
    assert messages
    assert "hush" not in "".join(messages).lower()


def test_what_is_no_secret_is_shown(connection):
    """An Output as well as a plain value."""
    late = {**WORKLOAD, "permissions_boundary": lambda: pulumi.Output.from_input(HUSH)}
    for args in (late, {**WORKLOAD, "permissions_boundary": HUSH}):
        with pytest.raises(InvalidInputError, match="hush-Hush"):
            declare(eks.WorkloadIdentity, args, connection)


def test_words_of_rules_and_arns_stay():
    """What every ARN has in it is no secret, and a rule stays readable."""
    problem = Problem("arn", "a role of IAM, and its arn without 42/x", HUSH, f"write {HUSH.lower()} or role/hush-hush")
    hidden = problem.redacted(Redactor([{"who": [HUSH, 42, None, True]}]))
    assert str(hidden) == (
        "arn: [secret]\n    rule: a role of IAM, and its arn without [secret]/x\n"
        "    fix:  write [secret] or role/[secret]-[secret]"
    )


def test_a_refusal_of_somebody_keeps_its_subject():
    """What a component refused already is not said of another one."""
    inner = InvalidInputError([Problem("arn", "rule", "value", "fix")], subject="inner")

    def refuse(_):
        raise inner

    with pytest.raises(InvalidInputError) as refusal:
        deploy(lambda: refusing(pulumi.Output.from_input("x"), refuse, "outer", "under"))
    assert (refusal.value.subject, refusal.value.problems[0].input) == ("inner", "arn")


def test_a_refusal_may_come_late():
    """A rule may be a coroutine: what it raises is named and hidden in the same way."""

    async def refuse(known):
        raise InvalidInput([Problem("", f"not {known}", known, "another")])

    with pytest.raises(InvalidInputError) as refusal:
        deploy(lambda: refusing(pulumi.Output.secret("hush"), refuse, "outer", "under"))
    assert str(refusal.value) == "outer: 1 problem\n  under: [secret]\n    rule: not [secret]\n    fix:  another"
    assert deploy(lambda: refusing("plain", _later, "outer")).value == "plain"


async def _later(known):
    return known
