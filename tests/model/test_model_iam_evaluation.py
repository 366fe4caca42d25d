"""Decisions of the library's IAM evaluator: all types of policies, principals, and what is unknown."""

import json

import pytest

from eks_identity.evaluation.iam import (
    Answer,
    Policies,
    Policy,
    PolicyType,
    Reason,
    Request,
    RequestContext,
    RequestPrincipal,
    evaluate,
)

ACCOUNT, OTHER = "111122223333", "444455556666"
BUCKET = "arn:aws:s3:::b"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/app"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
user = RequestPrincipal.of(USER)
session = RequestPrincipal.session(ROLE, "s1")
some_session = RequestPrincipal.of(ROLE)


def policy(*statements, name="policy"):
    return Policy.parse({"Version": "2012-10-17", "Statement": list(statements)}, name)


def allow(action="s3:*", resource="*", **elements):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements}


def deny(action="s3:*", resource="*", **elements):
    return {**allow(action, resource), "Effect": "Deny", **elements}


def named(principal, effect="Allow", **elements):
    return policy({"Effect": effect, "Principal": principal, "Action": "s3:*", **elements}, name="bucket policy")


def answer(policies, principal=user, *, context=None, account=ACCOUNT, action="s3:GetObject"):
    return evaluate(Request(action, f"{BUCKET}/x", principal, context or RequestContext(), account), policies)


ALLOW, DENY, NOTHING = policy(allow()), policy(deny(), name="fence"), policy(allow("ec2:*"))


@pytest.mark.parametrize(
    ("policies", "expected", "reason", "policy_type"),
    [
        (Policies([ALLOW]), Answer.ALLOWED, Reason.ALLOW, PolicyType.IDENTITY),
        (Policies([NOTHING]), Answer.DENIED, Reason.NO_ALLOW, PolicyType.IDENTITY),
        (Policies([ALLOW, DENY]), Answer.DENIED, Reason.EXPLICIT_DENY, PolicyType.IDENTITY),
        (Policies([ALLOW], boundary=DENY), Answer.DENIED, Reason.EXPLICIT_DENY, PolicyType.BOUNDARY),
        (Policies([ALLOW], boundary=NOTHING), Answer.DENIED, Reason.NO_ALLOW, PolicyType.BOUNDARY),
        (Policies([ALLOW], session=[NOTHING]), Answer.DENIED, Reason.NO_ALLOW, PolicyType.SESSION),
        (Policies([ALLOW], session=[NOTHING, ALLOW]), Answer.ALLOWED, Reason.ALLOW, PolicyType.IDENTITY),
        (Policies([ALLOW], session=[DENY]), Answer.DENIED, Reason.EXPLICIT_DENY, PolicyType.SESSION),
        (Policies(resource=named({"AWS": USER})), Answer.ALLOWED, Reason.ALLOW, PolicyType.RESOURCE),
        (Policies(resource=named({"AWS": ROOT})), Answer.DENIED, Reason.NO_ALLOW, PolicyType.IDENTITY),
        (Policies([ALLOW], named({"AWS": ROOT}, "Deny")), Answer.DENIED, Reason.EXPLICIT_DENY, PolicyType.RESOURCE),
        (Policies([ALLOW], service_control=[[ALLOW], [NOTHING]]), Answer.DENIED, Reason.NO_ALLOW,
         PolicyType.SERVICE_CONTROL),
        (Policies([ALLOW], service_control=[[ALLOW], [NOTHING, ALLOW]]), Answer.ALLOWED, Reason.ALLOW,
         PolicyType.IDENTITY),
        (Policies([ALLOW], resource_control=[DENY]), Answer.DENIED, Reason.EXPLICIT_DENY,
         PolicyType.RESOURCE_CONTROL),
        (Policies([ALLOW], resource_control=[NOTHING]), Answer.ALLOWED, Reason.ALLOW, PolicyType.IDENTITY),
    ],
)  # fmt: skip
def test_iam_decision_names_the_policy_type_that_decides(policies, expected, reason, policy_type):
    """A Deny wins in any policy, and each type of policy that must allow and does not is the reason."""
    evaluation = answer(policies)
    assert (evaluation.answer, evaluation.reason, evaluation.policy_type) == (expected, reason, policy_type)


def test_iam_decision_names_the_statements():
    """The statements that allow or deny come with the name of their policy and their Sid or index."""
    reading = policy(allow("ec2:*"), allow("s3:Get*", Sid="Read"), name="reading")
    assert (
        str(answer(Policies([reading])))
        == "allowed: allowed by identity-based policy (Allow statement Read of reading)"
    )
    denied = answer(Policies([reading, DENY]))
    assert [(each.policy, each.index) for each in denied.statements] == [("fence", 0)]


@pytest.mark.parametrize(
    ("principal", "names", "limits", "allowed"),
    [
        (user, {"AWS": USER}, True, True),
        (user, {"AWS": "*"}, True, True),
        (user, "*", True, True),
        (user, {"AWS": ACCOUNT}, True, False),
        (session, {"AWS": SESSION}, True, True),
        (session, {"AWS": ROLE}, True, False),
        (session, {"AWS": ROLE}, False, True),
        (session, {"AWS": "arn:aws:iam::111122223333:role/app"}, False, False),
        (RequestPrincipal.of(SESSION), {"AWS": "arn:aws:iam::111122223333:role/app"}, False, True),
        (RequestPrincipal.of(f"arn:aws:sts::{ACCOUNT}:federated-user/alice"), {"AWS": USER}, True, False),
        (RequestPrincipal.of(f"arn:aws:sts::{ACCOUNT}:federated-user/alice"), {"AWS": USER}, False, True),
        (RequestPrincipal.of(USER, unique_ids=("AIDA1",)), {"AWS": "AIDA1"}, True, True),
        (user, {"AWS": "AIDA1"}, True, False),
        (RequestPrincipal.service("sns.amazonaws.com"), {"Service": "sns.amazonaws.com"}, False, True),
        (RequestPrincipal.service("sns.amazonaws.com"), {"Service": "sqs.amazonaws.com"}, False, False),
        (RequestPrincipal.provider("arn:p"), {"Federated": "arn:p"}, False, True),
    ],
)
def test_iam_resource_policy_names_the_principal(principal, names, limits, allowed):
    """A boundary and session policies limit what a role is granted, not what a user, a session or `*` is."""
    limiting = {"boundary": NOTHING, "session": [NOTHING]} if limits else {}
    assert answer(Policies(resource=named(names), **limiting), principal).is_allowed is allowed


@pytest.mark.parametrize(
    ("identity", "names", "allowed"),
    [
        ([ALLOW], {"AWS": USER}, True),
        ([], {"AWS": USER}, False),
        ([ALLOW], {"AWS": ROOT}, True),
        ([ALLOW], None, False),
    ],
)
def test_iam_cross_account_request_needs_both_sides(identity, names, allowed):
    """The policy of the resource and an identity-based policy must both allow."""
    resource = None if names is None else named(names)
    evaluation = answer(Policies(identity, resource), account=OTHER)
    assert evaluation.is_allowed is allowed
    assert not allowed or {each.policy for each in evaluation.statements} == {"policy", "bucket policy"}


def test_iam_trust_policy_is_the_resource_policy_of_the_role():
    """A trust policy must allow in the same account too. Naming the account leaves it to the caller's policies."""
    trust = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
    own = policy(allow("sts:AssumeRole"))
    for identity, resource, expected in (
        ([own], policy(trust), Answer.ALLOWED),
        ([], policy(trust), Answer.DENIED),
        ([], policy({**trust, "Principal": {"AWS": USER}}), Answer.ALLOWED),
        ([own], policy({**trust, "Principal": {"AWS": ROLE}}), Answer.DENIED),
        ([own], None, Answer.DENIED),
    ):
        policies = Policies(identity, resource, is_resource_policy_required=True)
        assert answer(policies, action="sts:AssumeRole").answer is expected


def test_iam_web_identity_trust_depends_on_the_unknown_subject():
    """With the token's claims unknown, the trust policy's own conditions are the answer."""
    provider, host = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.example/id/X", "oidc.example/id/X"
    trust = policy({
        **allow("sts:AssumeRoleWithWebIdentity", Sid="Pods", Principal={"Federated": provider}),
        "Condition": {"StringEquals": {f"{host}:sub": "system:serviceaccount:a:b", f"{host}:aud": "sts.amazonaws.com"}},
    })  # fmt: skip

    def assume(claims):
        request = Request(
            "sts:AssumeRoleWithWebIdentity", ROLE, RequestPrincipal.provider(provider), RequestContext(claims)
        )
        return evaluate(request, Policies(resource=trust, is_resource_policy_required=True))

    with_audience = assume({f"{host}:aud": "sts.amazonaws.com"})
    assert with_audience.answer is Answer.CONDITIONAL
    (condition,) = with_audience.conditions
    assert (condition.statement.sid, condition.policy_type) == ("Pods", PolicyType.RESOURCE)
    assert [part.keys for part in condition.parts] == [(f"{host}:sub",)]
    assert assume({f"{host}:sub": "system:serviceaccount:a:c"}).answer is Answer.DENIED
    assert assume({f"{host}:sub": "system:serviceaccount:a:b", f"{host}:aud": "sts.amazonaws.com"}).is_allowed


FROM_OFFICE = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}


@pytest.mark.parametrize(
    ("policies", "expected", "deciding"),
    [
        (Policies([policy(allow(Condition=FROM_OFFICE))]), Answer.CONDITIONAL, ["Allow"]),
        (Policies([ALLOW, policy(deny(Condition=FROM_OFFICE))]), Answer.CONDITIONAL, ["Deny"]),
        (Policies([ALLOW, policy(allow(Condition=FROM_OFFICE))]), Answer.ALLOWED, []),
        (Policies([DENY, policy(allow(Condition=FROM_OFFICE))]), Answer.DENIED, []),
        (Policies([policy(deny(Condition=FROM_OFFICE))]), Answer.DENIED, []),
        (Policies([policy(allow(Condition=FROM_OFFICE))], boundary=NOTHING), Answer.DENIED, []),
        (Policies([ALLOW], boundary=policy(allow(Condition=FROM_OFFICE))), Answer.CONDITIONAL, ["Allow"]),
        (Policies([ALLOW], named({"AWS": USER}, Condition=FROM_OFFICE)), Answer.ALLOWED, []),
        (Policies([ALLOW], named({"AWS": USER}, Condition=FROM_OFFICE), NOTHING), Answer.CONDITIONAL, ["Allow"]),
        (Policies([policy(allow(Condition=FROM_OFFICE))], named({"AWS": ROLE})), Answer.CONDITIONAL, ["Allow"]),
        (Policies([ALLOW], service_control=[[policy(deny(Condition=FROM_OFFICE), allow("*"))]]), Answer.CONDITIONAL,
         ["Deny"]),
    ],
)  # fmt: skip
def test_iam_unknown_condition_decides_only_where_it_matters(policies, expected, deciding):
    """An unknown key leads to a conditional answer with the statements that decide, unless both values lead to one."""
    evaluation = answer(policies)
    assert evaluation.answer is expected
    assert [condition.statement.effect for condition in evaluation.conditions] == deciding


def test_iam_unknown_alternatives_are_all_conditions():
    """Of two ways to be allowed, each with an unknown condition, both are named, and the boundary's condition too."""
    policies = Policies(
        [policy(allow(Condition=FROM_OFFICE, Sid="Office"))],
        named({"AWS": ROLE}, Sid="Role", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
        policy(allow(Condition={"Bool": {"aws:SecureTransport": "true"}}, Sid="Boundary")),
    )
    evaluation = answer(policies, session)
    assert {condition.statement.sid for condition in evaluation.conditions} == {"Office", "Role", "Boundary"}


def test_iam_unknown_variable_in_a_resource_is_a_condition():
    """A resource with an unknown tag may be the one of the request, or cannot be."""
    own = policy(allow(resource=f"{BUCKET}/${{aws:PrincipalTag/team}}"), name="own")
    evaluation = answer(Policies([own]))
    assert str(evaluation) == (
        f"conditional: Allow statement 0 of own (identity-based policy) if Resource {BUCKET}/${{aws:PrincipalTag/team}}"
    )
    assert answer(Policies([policy(allow(resource="arn:aws:s3:::c/${aws:PrincipalTag/team}"))])).answer is Answer.DENIED


def test_iam_session_of_unknown_name_may_be_the_one_that_a_policy_names():
    """A policy that names one session of the role decides only for that session."""
    evaluation = answer(Policies(resource=named({"AWS": SESSION})), some_session)
    assert evaluation.answer is Answer.CONDITIONAL
    assert [str(part) for part in evaluation.conditions[0].parts] == [f"Principal {SESSION}"]
    assert answer(Policies(resource=named({"AWS": [ROLE, SESSION]})), some_session).is_allowed


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{", "reading: not JSON"),
        ('"x"', "reading: not a JSON object"),
        ({"Statement": "x"}, "reading: Statement is no list of statements"),
        ({"Statement": {**allow(), "Effect": "allow"}}, "reading: statement 0: Effect 'allow'"),
        ({"Statement": {**allow(), "Resources": "*"}}, "reading: statement 0: Resources '*'"),
        ({"Statement": {**allow(), "NotAction": "x"}}, "reading: statement 0: Action beside NotAction"),
        ({"Statement": {"Effect": "Deny", "Resource": "*"}}, "reading: statement 0: no Action"),
        ({"Statement": {**allow(), "Condition": "x"}}, "reading: statement 0: Condition 'x'"),
        ({"Statement": {**deny(), "Principal": {"Robot": "x"}}}, "reading: statement 0: Principal {'Robot': 'x'}"),
        ({"Statement": {"Effect": "Deny", "Action": "*"}}, "Deny statement 0 of reading: no Resource"),
    ],
)
def test_iam_document_that_is_not_understood_is_named(document, expected):
    """A document or an element that is not understood neither allows nor denies: the answer names it."""
    is_deny = '"Deny"' in json.dumps(document)
    evaluation = answer(Policies([*([ALLOW] if is_deny else []), Policy.parse(document, "reading")]))
    assert evaluation.answer is Answer.NOT_EVALUATED
    assert evaluation.not_evaluated[0].startswith(expected)


def test_iam_unknown_document_matters_only_if_it_decides():
    """A policy of a preview without document may deny what another allows, and changes nothing after a Deny."""
    unknown = Policy.unknown("new policy")
    assert answer(Policies([ALLOW, unknown])).not_evaluated == ("new policy: the document is unknown",)
    assert answer(Policies([DENY, unknown])).answer is Answer.DENIED
    assert answer(Policies([ALLOW, Policy.unknown("managed", may_deny=False)])).is_allowed
    assert answer(Policies([ALLOW], boundary=unknown)).answer is Answer.NOT_EVALUATED


@pytest.mark.parametrize(
    ("listed", "principal", "boundary", "expected"),
    [
        ([USER, ROOT], user, None, Answer.ALLOWED),
        ([ACCOUNT], user, None, Answer.DENIED),
        ([ROLE, ROOT], session, None, Answer.DENIED),
        ([SESSION, ROLE, ROOT], session, None, Answer.ALLOWED),
        ([SESSION, ROLE, ROOT], some_session, None, Answer.CONDITIONAL),
        ([USER, ROOT], user, ALLOW, Answer.DENIED),
        ([USER], user, None, Answer.NOT_EVALUATED),
        ([SESSION, ROOT], session, None, Answer.NOT_EVALUATED),
    ],
)
def test_iam_not_principal_with_deny(listed, principal, boundary, expected):
    """NotPrincipal exempts who is listed with role and account, unless it has a boundary. The rest is not documented.

    Source: IAM user guide, "AWS JSON policy elements: NotPrincipal".
    """
    others = policy({"Effect": "Deny", "NotPrincipal": {"AWS": listed}, "Action": "*", "Resource": "*"})
    assert answer(Policies([ALLOW], others, boundary), principal).answer is expected


def test_iam_not_principal_with_allow_is_not_evaluated():
    """IAM does not support NotPrincipal with Allow."""
    others = policy({"Effect": "Allow", "NotPrincipal": {"AWS": USER}, "Action": "*", "Resource": "*"})
    assert answer(Policies(resource=others)).answer is Answer.NOT_EVALUATED


@pytest.mark.parametrize(
    ("principal", "names", "reason"),
    [
        (user, {"CanonicalUser": "79a59d"}, "whether CanonicalUser is account 111122223333"),
        (None, {"AWS": USER}, "the principal of the request is unknown"),
    ],
)
def test_iam_deny_for_a_principal_that_cannot_be_compared_is_not_evaluated(principal, names, reason):
    """A Deny of a resource-based policy is not read as "no match" if the principals cannot be compared."""
    evaluation = answer(Policies([ALLOW], named(names, "Deny")), principal, account="")
    assert evaluation.not_evaluated == (f"Deny statement 0 of bucket policy: {reason}",)


def test_iam_role_path_that_a_session_does_not_show_may_be_the_one_that_a_policy_names():
    """The ARN of a session lacks the path of its role."""
    by_session = RequestPrincipal.of(SESSION)
    assert answer(Policies(resource=named({"AWS": ROLE})), by_session).answer is Answer.CONDITIONAL
    assert answer(Policies(resource=named({"AWS": ROLE})), session).answer is Answer.ALLOWED


def test_iam_wildcard_allow_for_services_is_not_evaluated():
    """AWS does not document whether `Principal: *` allows services. A Deny with `*` denies them."""
    service = RequestPrincipal.service("pods.eks.amazonaws.com")
    assert answer(Policies(resource=named("*")), service).answer is Answer.NOT_EVALUATED
    both = policy({"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "s3:*"},
                  {"Effect": "Deny", "Principal": "*", "Action": "s3:*"})  # fmt: skip
    assert answer(Policies(resource=both), service).answer is Answer.DENIED


@pytest.mark.parametrize(
    "arn", [ROOT, f"arn:aws:iam::{ACCOUNT}:group/g", f"arn:aws:sts::{ACCOUNT}:assumed-role/app", "x"]
)
def test_iam_principal_that_makes_no_request_is_rejected(arn):
    """A group, a role session without name and a root user are no principals that policies limit."""
    with pytest.raises(ValueError, match="is no"):
        RequestPrincipal.of(arn)
