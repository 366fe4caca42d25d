"""Further conditions in trust policies: which keys have a value in which call, and what is rejected."""

import itertools

import pytest

from eks_identity.evaluation.trust_conditions import (
    IRSA,
    POD_IDENTITY,
    ROLE,
    TARGET,
    UNTAGGED_POD_IDENTITY,
    AssumeRoleCall,
    find_denial_reason,
    parse,
)
from eks_identity.model import trust
from eks_identity.model.issuers import Provider
from eks_identity.model.statements import add_conditions
from eks_identity.model.subjects import Subject

ACCOUNT = "123456789012"
CLUSTER = f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/shop"
CALLS = {"pod": POD_IDENTITY, "untagged": UNTAGGED_POD_IDENTITY, "irsa": IRSA, "role": ROLE, "target": TARGET}
KEYS = {
    "aws:SourceAccount": "pod untagged",
    "aws:SourceArn": "pod untagged",
    "aws:SourceOrgId": "pod untagged",
    "AWS:SOURCEORGPATHS": "pod untagged",
    "aws:RequestTag/eks-cluster-name": "pod role target",
    "aws:RequestTag/team": "role target",
    "aws:TagKeys": "pod role target",
    "aws:SourceIp": "irsa role",
    "aws:SourceVpc": "irsa role",
    "aws:PrincipalOrgID": "role target",
    "aws:PrincipalArn": "role target",
    "aws:PrincipalTag/kubernetes-namespace": "role target",
    "sts:ExternalId": "role target",
    "sts:RoleSessionName": "pod untagged irsa role target",
    "aws:CurrentTime": "pod untagged irsa role target",
    "aws:ResourceOrgID": "pod untagged irsa role target",
    "aws:MultiFactorAuthPresent": "",
    "s3:prefix": "",
    "aws:SourceOrgIds": "",
}


def condition(key, *values, test="StringLike"):
    return {"test": test, "variable": key, "values": list(values or ["*"])}


@pytest.mark.parametrize(("key", "call"), list(itertools.product(KEYS, CALLS)))
def test_trust_condition_rejects_key_without_value_in_call(problems_of, key, call):
    """Each key is accepted for the calls in which AWS sets it, and for no other."""
    specs = [condition(key)]
    if call in KEYS[key].split():
        assert parse(specs, [AssumeRoleCall(CALLS[call])]) == {"StringLike": {key: ["*"]}}
        return
    (problem,) = problems_of(parse, specs, [AssumeRoleCall(CALLS[call])])
    assert (problem.input, problem.value) == ("trust_conditions[0].variable", key)
    assert problem.rule.startswith("must be a condition key that has a value in AssumeRole")
    assert "remove the condition" in problem.fix


@pytest.mark.parametrize(
    ("key", "call", "instead"),
    [
        ("aws:PrincipalOrgID", POD_IDENTITY, "write aws:SourceOrgID"),
        ("aws:SourceOrgID", ROLE, "write aws:PrincipalOrgID"),
        ("aws:PrincipalTag/kubernetes-namespace", POD_IDENTITY, "write aws:RequestTag/kubernetes-namespace"),
        ("aws:SourceAcount", POD_IDENTITY, "did you mean aws:SourceAccount?"),
        ("aws:RequestTag/kubernetes-namespaces", POD_IDENTITY, "did you mean aws:RequestTag/kubernetes-namespace?"),
    ],
)
def test_trust_condition_fix_names_intended_key(problems_of, key, call, instead):
    """The fix names the key that has a value in this call, and with it the condition is accepted."""
    (problem,) = problems_of(parse, [condition(key)], [AssumeRoleCall(call)])
    assert instead in problem.fix
    parse([condition(instead.rpartition(" ")[2].rstrip("?"))], [AssumeRoleCall(call)])


@pytest.mark.parametrize("test", ["StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringEquals"])
def test_trust_condition_that_always_holds_is_rejected(problems_of, test):
    """A key that never has a value restricts no caller under such an operator."""
    (problem,) = problems_of(parse, [condition("aws:SourceAccount", ACCOUNT, test=test)], [AssumeRoleCall(IRSA)])
    assert problem.rule.startswith("must be a condition that can fail")


def test_trust_condition_for_both_modes_accepts_if_exists(problems_of):
    """The fix's operator holds for IRSA, where the key has no value, and restricts Pod Identity."""
    both = [AssumeRoleCall(IRSA), AssumeRoleCall(POD_IDENTITY)]
    (problem,) = problems_of(parse, [condition("aws:SourceAccount", test="StringEquals")], both)
    assert problem.fix.startswith("write StringEqualsIfExists")
    parse([condition("aws:SourceAccount", test="StringEqualsIfExists")], both)


def test_trust_condition_rejects_claim_of_token(problems_of):
    """Subject and audience come from the component's own inputs."""
    (problem,) = problems_of(parse, [condition("oidc.eks.eu-west-1.amazonaws.com/id/A:sub")], [AssumeRoleCall(IRSA)])
    assert "claim of the token" in problem.rule


@pytest.mark.parametrize(
    ("value", "is_cluster"),
    [
        (CLUSTER, True),
        ("arn:aws:eks:*:*:cluster/*", True),
        ("arn:*:eks:eu-west-1:123456789012:*", True),
        ("*", True),
        ("${aws:ResourceTag/cluster}", True),
        (f"arn:aws:eks:*:{ACCOUNT}:podidentityassociation/shop/*", False),
        ("arn:aws:iam::123456789012:role/x", False),
        ("shop", False),
    ],
)
def test_trust_condition_source_arn_must_match_a_cluster(problems_of, value, is_cluster):
    """An association's ARN never matches, as S3 CSI driver users reported (mountpoint-s3-csi-driver #781)."""
    specs = [condition("aws:SourceArn", value, test="ArnLike")]
    if is_cluster:
        parse(specs, [AssumeRoleCall(POD_IDENTITY)])
    else:
        (problem,) = problems_of(parse, specs, [AssumeRoleCall(POD_IDENTITY)])
        assert problem.input == "trust_conditions[0].values[0]"


@pytest.mark.parametrize(
    ("key", "test", "value", "holds"),
    [
        ("aws:SourceAccount", "StringEquals", ACCOUNT, True),
        ("aws:SourceAccount", "StringEquals", "210987654321", False),
        ("aws:SourceAccount", "StringNotEquals", ACCOUNT, False),
        ("aws:sourcearn", "ArnLike", "arn:aws:eks:*:*:cluster/sh*", True),
        ("aws:SourceArn", "ArnLike", "arn:aws:eks:*:*:cluster/other", False),
        ("aws:SourceAccount", "StringEquals", "${aws:ResourceAccount}", True),
        ("aws:SourceOrgID", "StringEquals", "o-1", True),
    ],
)
def test_trust_condition_is_compared_with_resolved_values(problems_of, key, test, value, holds):
    """A condition that does not hold for the component's own cluster and service accounts is rejected."""
    context = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": CLUSTER}
    call = AssumeRoleCall(POD_IDENTITY, "an association of a/b", context)
    if holds:
        parse([condition(key, value, test=test)], [call])
    else:
        (problem,) = problems_of(parse, [condition(key, value, test=test)], [call])
        assert "an association of a/b" in problem.rule


def test_trust_condition_skips_unresolved_values():
    """Key and operator are validated before the value is resolved."""
    specs = [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": [None]}]
    parse(specs, [AssumeRoleCall(POD_IDENTITY, "", {"aws:SourceAccount": ACCOUNT})])
    parse([{"test": "Null", "variable": "aws:SourceIp", "values": [None]}], [AssumeRoleCall(POD_IDENTITY)])


def test_trust_conditions_report_all_problems_at_once(problems_of):
    """Form, key and value of all conditions; a repeated key under one operator is one problem."""
    wrong = [condition("aws:SourceIp"), condition("aws:PrincipalArn")]
    assert len(problems_of(parse, wrong, [AssumeRoleCall(POD_IDENTITY)])) == 2
    (problem,) = problems_of(
        parse, [condition("aws:SourceArn"), condition("AWS:sourcearn")], [AssumeRoleCall(POD_IDENTITY)]
    )
    assert problem.input == "trust_conditions[1].variable"
    (problem,) = problems_of(parse, [condition("aws:SourceArn", test="Equals")], [AssumeRoleCall(POD_IDENTITY)])
    assert problem.input == "trust_conditions[0].test"


def test_trust_conditions_are_added_to_every_statement(problems_of):
    """They are added to the component's own conditions, which they never replace."""
    more = {"StringEquals": {"aws:SourceAccount": [ACCOUNT]}}
    subjects = [Subject.of("a", "x"), Subject.of("b", "y")]
    document = trust.pod_identity_trust([CLUSTER], subjects, conditions=more)
    assert len(document["Statement"]) == 2
    for statement in document["Statement"]:
        assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == ACCOUNT
        assert statement["Condition"]["StringEquals"]["aws:RequestTag/eks-cluster-arn"] == CLUSTER
    twice = {"StringEquals": {"AWS:requesttag/eks-cluster-arn": ["x"]}}
    (problem,) = problems_of(add_conditions, document["Statement"][0], twice)
    assert problem.value == "AWS:requesttag/eks-cluster-arn"


def test_trust_conditions_count_towards_size_limit(problems_of):
    """A trust policy that exceeds the quota only by its further conditions is rejected."""
    provider = Provider.parse(f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A")
    more = {"IpAddress": {"aws:SourceIp": [f"203.0.113.{number}/32" for number in range(120)]}}
    (problem,) = problems_of(trust.irsa_trust, [provider], [Subject.of("a", "b")], conditions=more)
    assert "at most 2048 characters" in problem.rule


@pytest.mark.parametrize(
    ("subjects", "tags", "reason"),
    [
        ([], {}, None),
        (["a/x"], {"namespace": "a", "service-account": "x"}, None),
        (["a/x", "b/y"], {"namespace": "b", "service-account": "y"}, None),
        (["a/x", "b/y"], {"namespace": "a", "service-account": "y"}, "kubernetes-namespace, which is a in this call"),
        (["a/x"], None, "compares aws:RequestTag/kubernetes-namespace, which is absent in this call"),
    ],
)
def test_trust_policy_denial_reason_for_one_association(subjects, tags, reason):
    """The reason names the condition that does not hold in the call; None if a statement allows it."""
    document = trust.compact(trust.pod_identity_trust([], [Subject.of(*one.split("/")) for one in subjects]))
    context = {f"aws:RequestTag/kubernetes-{key}": value for key, value in (tags or {}).items()}
    call = UNTAGGED_POD_IDENTITY if tags is None else POD_IDENTITY
    found = find_denial_reason(document, AssumeRoleCall(call, "", context, "pods.eks.amazonaws.com"))
    assert (found is None) if reason is None else (reason in found)
    assert (
        find_denial_reason(document, AssumeRoleCall(IRSA, "", {}, ":oidc-provider/")) == "does not name :oidc-provider/"
    )
