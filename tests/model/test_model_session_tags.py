"""Session tags that policies need, compared with the lab's IAM evaluator."""

import itertools

import pytest

from eks_identity.model import policy_templates
from eks_identity.model.partitions import AWS
from eks_identity.model.permissions import inline_policy
from eks_identity.model.session_tags import TAGS, Session, find_document_needs, find_statement_needs, split_by_severity
from lab.cloud import policy as judge

WHY = "sessions of IRSA have no session tags (EKS)"
IRSA = Session(WHY, "set mode to pod-identity")
TAGGED = Session()
NAMESPACE = "aws:PrincipalTag/kubernetes-namespace"
VARIABLE = f"${{{NAMESPACE}}}"
OBJECT = "arn:aws:s3:::files/default/x"


def document(effect="Allow", condition=None, **elements):
    statement = {"Effect": effect, "Action": "s3:GetObject", **(elements or {"Resource": "*"})}
    return {"Version": "2012-10-17", "Statement": [{**statement, **({"Condition": condition} if condition else {})}]}


def problems(found, session=IRSA):
    return split_by_severity(find_document_needs(found, session), session)[0]


def warnings(found, session=IRSA):
    return split_by_severity(find_document_needs(found, session), session)[1]


ELEMENTS = {
    "resource": {"Resource": f"arn:aws:s3:::files/{VARIABLE}/*"},
    "resource in capitals": {"Resource": "arn:aws:s3:::files/${AWS:principaltag/Kubernetes-Namespace}/*"},
    "resource with default": {"Resource": f"arn:aws:s3:::files/${{{NAMESPACE}, 'default'}}/*"},
    "one of two resources": {"Resource": ["arn:aws:s3:::other", f"arn:aws:s3:::files/{VARIABLE}/*"]},
    "NotResource": {"NotResource": f"arn:aws:s3:::files/{VARIABLE}/*"},
    "key": {"condition": {"StringEquals": {NAMESPACE: "default"}}},
    "key in capitals": {"condition": {"StringEquals": {NAMESPACE.upper(): "default"}}},
    "key, pattern": {"condition": {"StringLike": {NAMESPACE: ["other", "def*"]}}},
    "key, any value": {"condition": {"ForAnyValue:StringEquals": {NAMESPACE: "default"}}},
    "key, all values": {"condition": {"ForAllValues:StringEquals": {NAMESPACE: "default"}}},
    "key if it exists": {"condition": {"StringEqualsIfExists": {NAMESPACE: "default"}}},
    "negated": {"condition": {"StringNotEquals": {NAMESPACE: "other"}}},
    "negated, itself": {"condition": {"StringNotEquals": {NAMESPACE: "default"}}},
    "value": {"condition": {"StringEquals": {"s3:prefix": VARIABLE}}},
    "value with default": {"condition": {"StringEquals": {"s3:prefix": f"${{{NAMESPACE}, 'default'}}"}}},
    "negated value": {"condition": {"StringNotEquals": {"s3:prefix": VARIABLE}}},
    "Null, false": {"condition": {"Null": {NAMESPACE: "false"}}},
    "Null, bool": {"condition": {"Null": {NAMESPACE: False}}},
}
IN_OTHER_NAMESPACES = {
    *(("Allow", "negated, itself"), ("Deny", "negated")),
    *(("Deny", "key if it exists"), ("Deny", "key, all values")),
}
"""Without the tag, these differ only for other namespaces than this one; see the tests below."""
EXPLICIT = {("Deny", "Null, false"), ("Deny", "Null, bool")}
"""The statement itself applies only to sessions with the tag."""


@pytest.mark.parametrize(("effect", "name"), list(itertools.product(["Allow", "Deny"], ELEMENTS)))
def test_session_tags_policy_is_rejected_if_missing_tag_changes_decision(effect, name):
    """A policy is rejected if and only if the lab's IAM evaluation differs without the tag."""
    found = document(effect, **ELEMENTS[name])
    others = [] if effect == "Allow" else [document()]
    with_tag, without = (_decided(found, others, tagged=tagged) for tagged in (True, False))
    if (effect, name) in EXPLICIT:
        assert problems(found) == []
    elif (effect, name) not in IN_OTHER_NAMESPACES:
        assert bool(problems(found)) is (with_tag != without)
    assert problems(found, TAGGED) == warnings(found, TAGGED) == []


def _decided(found, others, *, tagged):
    context = {NAMESPACE: "default"} if tagged else {}
    request = judge.Request("s3:GetObject", OBJECT, context=judge.Context({**context, "s3:prefix": "default"}))
    return judge.evaluate(request, judge.Policies(identity=[judge.parse(one) for one in [found, *others]])).decision


def test_session_tags_allow_with_negated_operator_is_a_warning():
    """The statement still allows the request; the warning says that the condition restricts nothing."""
    found = document(condition={"StringNotEquals": {NAMESPACE: "kube-system"}})
    assert problems(found) == []
    (warning,) = warnings(found)
    assert "restricts nothing" in warning


@pytest.mark.parametrize("test", ["StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringEquals"])
def test_session_tags_deny_that_always_holds_is_rejected(test):
    """The condition always holds, so the Deny applies to every session, whatever its namespace."""
    (problem,) = problems(document("Deny", condition={test: {NAMESPACE: "other"}}))
    assert "the condition always holds" in problem.rule


def test_session_tags_null_true_is_valid_in_allow():
    """An Allow for sessions without the tag is valid; a Deny for them denies every session."""
    absent = {"Null": {NAMESPACE: "true"}}
    assert problems(document(condition=absent)) == warnings(document(condition=absent)) == []
    assert problems(document("Deny", condition=absent))


def test_session_tags_deny_with_null_false_is_valid():
    """Null with false beside another condition excludes sessions without the tag."""
    guarded = {"Null": {NAMESPACE: "false"}, "StringNotEquals": {NAMESPACE: "prod"}}
    assert problems(document("Deny", condition=guarded)) == []


@pytest.mark.parametrize("tag", TAGS)
def test_session_tags_problem_for_each_tag_of_eks(tag):
    """The problem names the element, the tag, why it is absent and the fix."""
    found = document(Resource=["*", f"arn:aws:s3:::files/${{aws:PrincipalTag/{tag}}}"])
    (problem,) = problems(found)
    assert problem.input == "Statement[0].Resource[1]"
    assert problem.value == f"arn:aws:s3:::files/${{aws:PrincipalTag/{tag}}}"
    assert problem.rule.startswith(f"must not need the session tag {tag}: {WHY}")
    assert "or set mode to pod-identity" in problem.fix


def test_session_tags_fix_with_default_is_accepted():
    """The variable as the fix writes it needs no tag."""
    (problem,) = problems(document(Resource=f"arn:aws:s3:::files/{VARIABLE}/*"))
    fixed = "${aws:PrincipalTag/kubernetes-namespace, 'VALUE'}"
    assert fixed in problem.fix
    assert problems(document(Resource=f"arn:aws:s3:::files/{fixed}/*")) == []


def test_session_tags_include_tags_of_the_role():
    """IAM reads the role's own tags as principal tags, whatever the case of their keys."""
    found = document(condition={"StringEquals": {NAMESPACE: "default"}})
    assert problems(found, Session(WHY, role_tags=["Kubernetes-Namespace"])) == []
    assert (
        warnings(document(condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}), Session(role_tags=["team"]))
        == []
    )


def test_session_tags_unset_tag_is_a_warning():
    """A default tag of the provider may set it, so it is a warning; a misspelt tag of EKS gets a suggestion."""
    (warning,) = warnings(document(condition={"StringEquals": {"aws:PrincipalTag/team": "a"}}), TAGGED)
    assert "add it to tags" in warning
    (warning,) = warnings(document(Resource="${aws:PrincipalTag/kubernetes-namespaces}"), TAGGED)
    assert "did you mean kubernetes-namespace?" in warning
    assert warnings(document(Resource="${aws:PrincipalTag/team}"), Session(role_tags=None)) == []


def test_session_tags_of_statements_skip_unresolved_values():
    """Inputs are paths in the args; a value that is not resolved yet is not checked."""
    unresolved = object()
    condition = {"test": "StringEquals", "variable": NAMESPACE, "values": [unresolved]}
    null = {"test": "Null", "variable": NAMESPACE, "values": [unresolved]}
    prefix = {"test": "StringLike", "variable": "s3:prefix", "values": ["a", VARIABLE]}
    specs = [
        {"actions": ["s3:*"], "resources": [unresolved, f"arn:aws:s3:::{VARIABLE}"]},
        {"actions": ["s3:*"], "resources": ["*"], "conditions": [condition, null, prefix]},
    ]
    assert [need.input for need in find_statement_needs(specs, IRSA)] == [
        "statements[0].resources[1]",
        "statements[1].conditions[0].variable",
        "statements[1].conditions[2].values[1]",
    ]


@pytest.mark.parametrize("version", [{}, {"Version": "2008-10-17"}])
def test_policy_variables_require_version_2012_10_17(problems_of, version):
    """In a document of the older version IAM compares the text of the variable, which never matches."""
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{VARIABLE}"}
    (problem,) = problems_of(inline_policy, {**version, "Statement": [statement]})
    assert (problem.value, '"Version": "2012-10-17"' in problem.fix) == (VARIABLE, True)
    inline_policy({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    "name", sorted({name for entry in policy_templates.POLICY_TEMPLATES.values() for name in entry.fields})
)
def test_policy_template_fields_reject_policy_variables(problems_of, name):
    """A policy template is for named resources, so a variable is rejected whatever the session tags are."""
    field = next(entry.fields[name] for entry in policy_templates.POLICY_TEMPLATES.values() if name in entry.fields)
    if field.is_list:
        assert problems_of(field.check, f"{field.shown_example(AWS)}{VARIABLE}/")
