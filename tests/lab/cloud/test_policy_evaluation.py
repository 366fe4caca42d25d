"""Policy evaluation: explicit denies, identity-based and resource-based policies, boundaries, sessions, accounts."""

import pytest
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
from support.cloud_helpers import allow, deny

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


def resource_policy(principal, effect="Allow", **elements):
    return policy({"Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": f"{BUCKET}/*", **elements})


READ = policy(allow("s3:Get*", on=f"{BUCKET}/*"))
UNRELATED = policy(allow("iam:GetUser"))


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
def test_statement_actions_and_resources(statement, allowed):
    """A statement applies to the actions and resources that it names, or that it does not exclude."""
    assert evaluate(request, Policies(identity=[policy(statement)])).allowed is allowed


def test_no_policy_is_an_implicit_deny():
    """Without policies every request is implicitly denied."""
    result = evaluate(request, Policies())
    assert result.decision is Decision.IMPLICIT_DENY
    assert result.reason("s3:GetObject") == "because no identity-based policy allows the s3:GetObject action"


DENY = policy(deny("s3:GetObject"))


@pytest.mark.parametrize(
    ("policies", "source"),
    [
        (Policies(identity=[READ, DENY]), Source.IDENTITY),
        (Policies(identity=[READ], resource=resource_policy({"AWS": USER}, "Deny")), Source.RESOURCE),
        (Policies(identity=[READ], resource=resource_policy("*", "Deny")), Source.RESOURCE),
        (Policies(identity=[READ], boundary=policy(allow("*"), deny("s3:*"))), Source.BOUNDARY),
        (Policies(identity=[READ], session=[READ, DENY]), Source.SESSION),
    ],
)
def test_explicit_deny_overrides_allow(policies, source):
    """An explicit deny in any policy overrides every allow, and the reason names its type of policy."""
    result = evaluate(request, policies)
    assert (result.decision, result.source) == (Decision.EXPLICIT_DENY, source)
    assert result.reason("s3:GetObject").endswith(source.value)


@pytest.mark.parametrize(
    ("principal", "caller", "identity", "same_account", "allowed"),
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
def test_resource_based_policy(principal, caller, identity, same_account, allowed):
    """In the same account one of both policies must allow the request, across accounts both must."""
    evaluated_request = Request("s3:GetObject", f"{BUCKET}/key", caller)
    policies = Policies(identity=identity, resource=resource_policy(principal), same_account=same_account)
    assert evaluate(evaluated_request, policies).allowed is allowed


@pytest.mark.parametrize(
    ("principal", "caller", "allowed"),
    [
        ({"AWS": USER}, user, True),
        ({"AWS": SESSION}, session, True),
        ({"AWS": ROLE}, session, False),
        ("*", session, True),
        ({"AWS": [ROLE, "*"]}, session, True),
        ({"AWS": ACCOUNT}, session, False),
    ],
)
def test_boundary_does_not_limit_resource_policy_grants_to_the_principal(principal, caller, allowed):
    """A boundary limits a resource-based grant to the role, but not one to the user, the session, or `*`.

    Source: IAM user guide, "How AWS enforcement code logic evaluates requests to allow or deny access".
    """
    evaluated_request = Request("s3:GetObject", f"{BUCKET}/key", caller)
    policies = Policies(resource=resource_policy(principal), boundary=UNRELATED, session=[UNRELATED])
    assert evaluate(evaluated_request, policies).allowed is allowed


@pytest.mark.parametrize(
    ("boundary", "sessions", "source"),
    [
        (UNRELATED, [], Source.BOUNDARY),
        (None, [UNRELATED], Source.SESSION),
        (READ, [UNRELATED, READ], None),
        (READ, [], None),
    ],
)
def test_boundary_and_session_policies_must_allow(boundary, sessions, source):
    """A boundary and the session policies must allow too. One of several session policies is enough."""
    result = evaluate(request, Policies(identity=[READ], boundary=boundary, session=sessions))
    assert result.allowed is (source is None)
    assert source is None or result.source is source


@pytest.mark.parametrize(
    ("caller", "principal", "allowed"),
    [
        (service_principal("ec2.amazonaws.com"), {"Service": "ec2.amazonaws.com"}, True),
        (service_principal("ec2.amazonaws.com"), {"Service": ["eks.amazonaws.com"]}, False),
        (service_principal("ec2.amazonaws.com"), "*", False),
        (federated_principal("arn:x:oidc-provider/i"), {"Federated": "arn:x:oidc-provider/i"}, True),
        (federated_principal("arn:x:oidc-provider/i"), {"Federated": "arn:x:oidc-provider/j"}, False),
        (federated_principal("arn:x:oidc-provider/i"), {"AWS": "*"}, False),
    ],
)
def test_wildcard_matches_no_service_or_federated_principal(caller, principal, allowed):
    """A wildcard principal matches no service and no identity provider."""
    trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    result = evaluate(Request("sts:AssumeRole", ROLE, caller), Policies(resource=trust, resource_must_allow=True))
    assert result.allowed is allowed


def test_trust_policy_must_allow():
    """The caller's own policies do not replace an allow in the trust policy."""
    evaluated_request = Request("sts:AssumeRole", ROLE, user)
    allow_all = policy(allow("*"))
    assert not evaluate(evaluated_request, Policies(identity=[allow_all], resource_must_allow=True)).allowed


def test_deny_with_not_principal():
    """A deny with NotPrincipal applies to all principals except the listed ones."""
    deny_others = policy({"Effect": "Deny", "NotPrincipal": {"AWS": [USER]}, "Action": "s3:*", "Resource": "*"})
    assert evaluate(request, Policies(identity=[READ], resource=deny_others)).allowed
    other = Request("s3:GetObject", f"{BUCKET}/key", session)
    assert evaluate(other, Policies(identity=[READ], resource=deny_others)).decision is Decision.EXPLICIT_DENY


@pytest.mark.parametrize(
    ("listed", "caller", "boundary", "allowed"),
    [
        ([USER, ACCOUNT], user, None, True),
        ([ACCOUNT], user, None, False),
        ([f"arn:aws:iam::{ACCOUNT}:root"], session, None, False),
        ([ROLE, ACCOUNT], session, None, False),
        ([SESSION, ROLE, ACCOUNT], session, None, True),
        ([USER, ACCOUNT], user, READ, False),
        ([SESSION, ROLE, ACCOUNT], session, READ, False),
    ],
)
def test_deny_with_not_principal_exempts_only_the_listed_user_or_session(listed, caller, boundary, allowed):
    """Listing an account or a role exempts none of its users and sessions, and a boundary ends each exemption.

    Source: IAM user guide, "AWS JSON policy elements: NotPrincipal" and "Permissions boundaries for IAM entities".
    """
    deny_others = policy({"Effect": "Deny", "NotPrincipal": {"AWS": listed}, "Action": "s3:*", "Resource": "*"})
    own_request = Request("s3:GetObject", f"{BUCKET}/key", caller)
    result = evaluate(own_request, Policies(identity=[READ], resource=deny_others, boundary=boundary))
    assert result.allowed is allowed


def test_policy_variables_in_resources():
    """`${aws:username}` in a resource is the caller's name, and literal text in version 2008-10-17."""
    own_user = {"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:user/${aws:username}"}
    evaluated_request = Request("iam:GetUser", USER, user, Context({"aws:username": "ann"}))
    assert evaluate(evaluated_request, Policies(identity=[policy(own_user)])).allowed
    assert not evaluate(
        evaluated_request, Policies(identity=[parse({"Version": "2008-10-17", "Statement": own_user})])
    ).allowed


def test_wildcards_within_a_dollar_brace_of_version_2008():
    """Version 2008-10-17 has no variables, so that `*` in `${*}` is a wildcard."""
    statement = {**allow("s3:*"), "Condition": {"StringLike": {"aws:PrincipalTag/team": "${*}"}}}
    for version, allowed in (("2008-10-17", True), ("2012-10-17", False)):
        own_request = Request("s3:GetObject", f"{BUCKET}/key", user, Context({"aws:PrincipalTag/team": "${team}"}))
        documents = [parse({"Version": version, "Statement": statement})]
        assert evaluate(own_request, Policies(identity=documents)).allowed is allowed


@pytest.mark.parametrize(
    ("document", "problem"),
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
def test_invalid_policy_documents_are_rejected(document, problem):
    """An invalid policy document is rejected with the problem."""
    with pytest.raises(PolicyError, match=problem):
        parse(document)


def test_policy_error_lists_all_problems():
    """A document with two problems raises one error with both."""
    with pytest.raises(PolicyError) as raised:
        parse({"Version": "1", "Statement": [{"Effect": "Maybe", "Action": "a:b"}]})
    assert len(raised.value.problems) == 2


actions = st.sampled_from(["s3:GetObject", "s3:PutObject", "iam:GetUser", "s3:*", "*", "sts:AssumeRole"])
effects = st.sampled_from(["Allow", "Deny"])
resources = st.sampled_from(["*", f"{BUCKET}/*", f"{BUCKET}/key", BUCKET])
statements = st.builds(lambda e, a, r: {"Effect": e, "Action": a, "Resource": r}, effects, actions, resources)
policies = st.lists(statements, min_size=1, max_size=4).map(lambda statement_list: policy(*statement_list))


@given(st.lists(policies, max_size=3), policies)
def test_boundary_never_grants(identity, boundary):
    """A boundary allows no request that is denied without it."""
    with_boundary = evaluate(request, Policies(identity=identity, boundary=boundary))
    assert not with_boundary.allowed or evaluate(request, Policies(identity=identity)).allowed


@given(st.lists(policies, max_size=3), st.lists(policies, min_size=1, max_size=2))
def test_session_policies_never_grant(identity, session_policies):
    """Session policies allow no request that is denied without them."""
    with_session_policies = evaluate(request, Policies(identity=identity, session=session_policies))
    assert not with_session_policies.allowed or evaluate(request, Policies(identity=identity)).allowed


@given(st.lists(policies, max_size=3), policies)
def test_additional_policy_keeps_explicit_deny(identity, additional):
    """An additional policy does not change an explicit deny."""
    before = evaluate(request, Policies(identity=identity))
    after = evaluate(request, Policies(identity=[*identity, additional]))
    assert before.decision is not Decision.EXPLICIT_DENY or after.decision is Decision.EXPLICIT_DENY


@given(st.permutations([READ, DENY, UNRELATED, policy(allow("*"))]))
def test_policy_order_has_no_effect(order):
    """The order of policies does not change the decision."""
    assert evaluate(request, Policies(identity=order)).decision is Decision.EXPLICIT_DENY
