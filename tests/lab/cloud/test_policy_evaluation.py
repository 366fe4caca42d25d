"""Decisions: denies before allows, identity and resource policies, boundaries, sessions, accounts."""

import pytest
from cloud_helpers import allow, deny
from hypothesis import given
from hypothesis import strategies as st

from lab.cloud.policy import (
    Context,
    Decision,
    Policies,
    PolicyError,
    Request,
    aws_principal,
    evaluate,
    federated_principal,
    parse,
    service_principal,
)
from lab.cloud.policy.evaluation import Source

ACCOUNT, OTHER = "123456789012", "210987654321"
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/reader"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/job"
BUCKET = "arn:aws:s3:::bucket"

user = aws_principal(USER, unique_id="AIDA1", account=ACCOUNT)
session = aws_principal(ROLE, unique_id="AROA1", account=ACCOUNT, session_arn=SESSION)
request = Request("s3:GetObject", f"{BUCKET}/key", user)


def policy(*statements):
    return parse({"Version": "2012-10-17", "Statement": list(statements)})


def to(principal, effect="Allow", **more):
    return policy({"Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": f"{BUCKET}/*", **more})


READ = policy(allow("s3:Get*", on=f"{BUCKET}/*"))
NOTHING = policy(allow("iam:GetUser"))


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        (allow("s3:GetObject", on=f"{BUCKET}/key"), True),
        (allow("S3:getobject", on=f"{BUCKET}/key"), True),
        (allow("s3:*", on="*"), True),
        (allow("*", on="*"), True),
        (allow("s3:Get?bject", on=f"{BUCKET}/k?y"), True),
        (allow("s3:PutObject"), False),
        (allow("s3:GetObject", on=BUCKET), False),
        (allow("s3:GetObject", on=f"{BUCKET}/KEY"), False),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, True),
        ({"Effect": "Allow", "NotAction": ["iam:*", "s3:Get*"], "Resource": "*"}, False),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKET}/secret*"}, True),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKET}/*"}, False),
        ({"Effect": "Allow", "Action": "s3:*"}, False),
        (allow("s3:*", Condition={"StringEquals": {"aws:username": "ann"}}), False),
    ],
)
def test_statement(statement, allowed):
    """A statement concerns the actions and resources that it names, and those that it does not exclude."""
    assert evaluate(request, Policies(identity=[policy(statement)])).allowed is allowed


def test_nothing_allows_nothing():
    """Without policies everything is denied."""
    verdict = evaluate(request, Policies())
    assert verdict.decision is Decision.IMPLICIT_DENY
    assert verdict.reason("s3:GetObject") == "because no identity-based policy allows the s3:GetObject action"


DENY = policy(deny("s3:GetObject"))


@pytest.mark.parametrize(
    ("policies", "source"),
    [
        (Policies(identity=[READ, DENY]), Source.IDENTITY),
        (Policies(identity=[READ], resource=to({"AWS": USER}, "Deny")), Source.RESOURCE),
        (Policies(identity=[READ], resource=to("*", "Deny")), Source.RESOURCE),
        (Policies(identity=[READ], boundary=policy(allow("*"), deny("s3:*"))), Source.BOUNDARY),
        (Policies(identity=[READ], session=[READ, DENY]), Source.SESSION),
    ],
)
def test_an_explicit_deny_wins(policies, source):
    """An explicit deny in any policy wins over every allow, and the message says where it is."""
    verdict = evaluate(request, policies)
    assert (verdict.decision, verdict.source) == (Decision.EXPLICIT_DENY, source)
    assert verdict.reason("s3:GetObject").endswith(source.value)


@pytest.mark.parametrize(
    ("principal", "who", "identity", "same_account", "allowed"),
    [
        # same account: naming the principal is enough, naming the account is not
        ({"AWS": USER}, user, [], True, True),
        ({"AWS": "AIDA1"}, user, [], True, True),
        ({"AWS": SESSION}, session, [], True, True),
        ({"AWS": ROLE}, session, [], True, True),
        ("*", user, [], True, True),
        ({"AWS": "*"}, session, [], True, True),
        ({"AWS": ACCOUNT}, user, [], True, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, user, [READ], True, True),
        ({"AWS": OTHER}, user, [], True, False),
        ({"AWS": OTHER}, user, [READ], True, True),
        # another account: both sides
        ({"AWS": USER}, user, [], False, False),
        ({"AWS": USER}, user, [READ], False, True),
        ({"AWS": ACCOUNT}, user, [READ], False, True),
        ("*", user, [READ], False, True),
        ({"AWS": OTHER}, user, [READ], False, False),
    ],
)
def test_resource_policy(principal, who, identity, same_account, allowed):
    """In one account either side may allow, across accounts both must."""
    asked = Request("s3:GetObject", f"{BUCKET}/key", who)
    policies = Policies(identity=identity, resource=to(principal), same_account=same_account)
    assert evaluate(asked, policies).allowed is allowed


@pytest.mark.parametrize(
    ("principal", "who", "allowed"),
    [({"AWS": USER}, user, True), ({"AWS": SESSION}, session, True), ({"AWS": ROLE}, session, False)],
)
def test_boundary_and_session_do_not_narrow_what_the_resource_gives_to_the_principal_itself(principal, who, allowed):
    """A boundary narrows a grant to the role, but not one to the user or to this very session."""
    asked = Request("s3:GetObject", f"{BUCKET}/key", who)
    policies = Policies(resource=to(principal), boundary=NOTHING, session=[NOTHING])
    assert evaluate(asked, policies).allowed is allowed


@pytest.mark.parametrize(
    ("boundary", "sessions", "source"),
    [
        (NOTHING, [], Source.BOUNDARY),
        (None, [NOTHING], Source.SESSION),
        (READ, [NOTHING, READ], None),
        (READ, [], None),
    ],
)
def test_boundaries_and_session_policies_narrow(boundary, sessions, source):
    """A boundary and session policies must allow as well; several session policies are alternatives."""
    verdict = evaluate(request, Policies(identity=[READ], boundary=boundary, session=sessions))
    assert verdict.allowed is (source is None)
    assert source is None or verdict.source is source


@pytest.mark.parametrize(
    ("who", "principal", "allowed"),
    [
        (service_principal("ec2.amazonaws.com"), {"Service": "ec2.amazonaws.com"}, True),
        (service_principal("ec2.amazonaws.com"), {"Service": ["eks.amazonaws.com"]}, False),
        (service_principal("ec2.amazonaws.com"), "*", False),
        (federated_principal("arn:x:oidc-provider/i"), {"Federated": "arn:x:oidc-provider/i"}, True),
        (federated_principal("arn:x:oidc-provider/i"), {"Federated": "arn:x:oidc-provider/j"}, False),
        (federated_principal("arn:x:oidc-provider/i"), {"AWS": "*"}, False),
    ],
)
def test_services_and_federated_principals_are_named_exactly(who, principal, allowed):
    """No wildcard means a service or an identity provider."""
    trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    verdict = evaluate(Request("sts:AssumeRole", ROLE, who), Policies(resource=trust, resource_must_allow=True))
    assert verdict.allowed is allowed


def test_a_trust_policy_must_allow():
    """The caller's own policies do not make a role trust it."""
    asked = Request("sts:AssumeRole", ROLE, user)
    everything = policy(allow("*"))
    assert not evaluate(asked, Policies(identity=[everything], resource_must_allow=True)).allowed


def test_not_principal_means_everybody_else():
    """NotPrincipal in a deny spares those that it names."""
    spared = policy({"Effect": "Deny", "NotPrincipal": {"AWS": [USER]}, "Action": "s3:*", "Resource": "*"})
    assert evaluate(request, Policies(identity=[READ], resource=spared)).allowed
    other = Request("s3:GetObject", f"{BUCKET}/key", session)
    assert evaluate(other, Policies(identity=[READ], resource=spared)).decision is Decision.EXPLICIT_DENY


def test_variables_in_resources():
    """`${aws:username}` in a resource is the caller's name; it is text in documents of the older version."""
    own = {"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/${aws:username}"}
    asked = Request("iam:GetUser", USER, user, Context({"aws:username": "ann"}))
    assert evaluate(asked, Policies(identity=[policy(own)])).allowed
    assert not evaluate(asked, Policies(identity=[parse({"Version": "2008-10-17", "Statement": own})])).allowed


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ({"Version": "2012-10-17"}, "Statement"),
        ({"Version": "2020-01-01", "Statement": [allow("s3:*")]}, "Version"),
        ({"Statement": [{**allow("s3:*"), "Effect": "allow"}]}, "Effect"),
        ({"Statement": [{"Effect": "Allow", "Resource": "*"}]}, "Action or NotAction"),
        ({"Statement": [{**allow("s3:*"), "NotAction": "x"}]}, "exclude each other"),
        ({"Statement": [allow("s3:*", Condition={"StringIs": {"a": "b"}})]}, "unknown operator"),
        ({"Statement": [{**allow("s3:*"), "Resources": "*"}]}, "unknown element"),
        ({"Statement": [{**allow("s3:*"), "Action": 3}]}, "string"),
        ({"Statement": [{"Effect": "Allow", "Action": "a:b", "Principal": {"Robot": "x"}}]}, "unknown kind"),
    ],
)
def test_documents_that_are_none_are_refused(bad, problem):
    """What is not a policy is refused with what is wrong."""
    with pytest.raises(PolicyError, match=problem):
        parse(bad)


def test_all_problems_are_named_at_once():
    """Two mistakes are two problems."""
    with pytest.raises(PolicyError) as refused:
        parse({"Version": "1", "Statement": [{"Effect": "Maybe", "Action": "a:b"}]})
    assert len(refused.value.problems) == 2


actions = st.sampled_from(["s3:GetObject", "s3:PutObject", "iam:GetUser", "s3:*", "*", "sts:AssumeRole"])
effects = st.sampled_from(["Allow", "Deny"])
resources = st.sampled_from(["*", f"{BUCKET}/*", f"{BUCKET}/key", BUCKET])
statements = st.builds(lambda e, a, r: {"Effect": e, "Action": a, "Resource": r}, effects, actions, resources)
policies = st.lists(statements, min_size=1, max_size=4).map(lambda found: policy(*found))


@given(st.lists(policies, max_size=3), policies)
def test_a_boundary_never_adds(identity, boundary):
    """Whatever a boundary says, nothing is allowed with it that is not allowed without it."""
    with_boundary = evaluate(request, Policies(identity=identity, boundary=boundary))
    assert not with_boundary.allowed or evaluate(request, Policies(identity=identity)).allowed


@given(st.lists(policies, max_size=3), st.lists(policies, min_size=1, max_size=2))
def test_session_policies_never_add(identity, session_policies):
    """Whatever session policies say, they only take away."""
    narrowed = evaluate(request, Policies(identity=identity, session=session_policies))
    assert not narrowed.allowed or evaluate(request, Policies(identity=identity)).allowed


@given(st.lists(policies, max_size=3), policies)
def test_a_deny_is_final(identity, more):
    """Adding a policy never turns an explicit deny into anything else."""
    before = evaluate(request, Policies(identity=identity))
    after = evaluate(request, Policies(identity=[*identity, more]))
    assert before.decision is not Decision.EXPLICIT_DENY or after.decision is Decision.EXPLICIT_DENY


@given(st.permutations([READ, DENY, NOTHING, policy(allow("*"))]))
def test_order_does_not_count(order):
    """The order of policies changes no decision."""
    assert evaluate(request, Policies(identity=order)).decision is Decision.EXPLICIT_DENY
