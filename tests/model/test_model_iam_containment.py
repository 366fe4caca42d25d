"""Containment of IAM policies by meaning: what one set of policies allows, the other allows too."""

from itertools import product
from random import Random

import pytest

from eks_identity.evaluation.iam import Answer, Policies, Policy, Request, RequestContext, Truth, contains, evaluate
from eks_identity.evaluation.iam.globs import classes
from eks_identity.evaluation.iam.patterns import matches

YES, NO, MAYBE = Truth.YES, Truth.NO, Truth.MAYBE


def policy(*statements, **document):
    return Policy.parse({"Version": "2012-10-17", "Statement": list(statements), **document})


def allow(action="s3:*", resource="*", condition=None, **elements):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **elements, "Condition": condition or {}}


def deny(action="s3:*", resource="*", condition=None):
    return {**allow(action, resource, condition), "Effect": "Deny"}


BUCKETS = "arn:aws:s3:::"


@pytest.mark.parametrize(
    ("container", "contained", "expected"),
    [
        (allow("s3:Get*"), allow("s3:GetObject*"), YES),
        (allow("s3:GetObject*"), allow("s3:Get*"), NO),
        (allow("s3:Get*"), allow("S3:getobject"), YES),
        (allow("s3:*Object"), allow("s3:Get*Object"), YES),
        (allow("s3:Get?bject"), allow("s3:GetObject"), YES),
        (allow("s3:GetObject"), allow("s3:Get?bject"), NO),
        (allow(["s3:Get*", "s3:Put*"]), allow(["s3:PutObject", "s3:GetObject"]), YES),
        (allow("s3:Get*"), allow(["s3:PutObject", "s3:GetObject"]), NO),
        (allow(resource=f"{BUCKETS}a*"), allow(resource=f"{BUCKETS}a*/b"), YES),
        (allow(resource=f"{BUCKETS}a*/b"), allow(resource=f"{BUCKETS}a*"), NO),
        (allow(resource=f"{BUCKETS}a/*"), allow(resource=f"{BUCKETS}a*"), NO),
        (allow(resource=f"{BUCKETS}*/x/*"), allow(resource=f"{BUCKETS}a/x/y"), YES),
        (allow(resource=[f"{BUCKETS}a", f"{BUCKETS}a/*"]), allow(resource=f"{BUCKETS}a"), YES),
        (allow("*"), allow(), YES),
        (allow(), allow("*"), NO),
        (allow(resource="*"), allow(resource=f"{BUCKETS}a"), YES),
    ],
)
def test_iam_policies_contain_narrower_patterns(container, contained, expected):
    """Actions in any case, and wildcards across slashes, are compared by what they match."""
    assert contains([policy(container)], [policy(contained)]) is expected


@pytest.mark.parametrize(
    ("container", "contained", "expected"),
    [
        ([allow(), deny("s3:Delete*")], [allow("s3:Get*")], YES),
        ([allow(), deny("s3:Delete*")], [allow()], NO),
        ([allow()], [allow(), deny("s3:Delete*")], YES),
        ([allow(), deny("s3:Delete*")], [allow(), deny("s3:Delete*")], YES),
        ([allow(), deny("s3:Delete*")], [allow(), deny("s3:*")], YES),
        ([allow(), deny("s3:Delete*")], [allow(), deny("s3:DeleteBucket")], NO),
        ([allow("s3:Get*", f"{BUCKETS}a"), allow("s3:Put*", f"{BUCKETS}b")], [allow("s3:Get*", f"{BUCKETS}b")], NO),
        ([allow("s3:Get*", f"{BUCKETS}a"), allow("s3:Get*", f"{BUCKETS}b")],
         [allow("s3:Get*", [f"{BUCKETS}b", f"{BUCKETS}a"])], YES),
        ([allow()], [], YES),
        ([], [allow()], NO),
        ([], [allow(), deny("*")], YES),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], [allow()], YES),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], [allow("i*")], NO),
        ([{"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKETS}a*"}], [allow(resource=f"{BUCKETS}b")], YES),
        ([{"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKETS}a*"}], [allow(resource=f"{BUCKETS}*")], NO),
        ([allow("iam:*"), {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], [allow("*")], YES),
    ],
)  # fmt: skip
def test_iam_containment_with_denies_and_not_elements(container, contained, expected):
    """Denies take away, `Not…` elements are complements, and several statements together may cover one."""
    assert contains([policy(*container)], [policy(*contained)]) is expected


OFFICE, TEAM, TEAMS = ({operator: {key: values}} for operator, key, values in (
    ("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
    ("StringEquals", "aws:PrincipalTag/team", "a"),
    ("StringEquals", "aws:PrincipalTag/team", ["a", "b"]),
))  # fmt: skip
LIKE_A = {"StringLike": {"aws:principaltag/team": "a*"}}


@pytest.mark.parametrize(
    ("container", "contained", "expected"),
    [
        ([allow()], [allow(condition=OFFICE)], YES),
        ([allow(condition=OFFICE)], [allow(condition=OFFICE)], YES),
        ([allow(condition=OFFICE)], [allow()], NO),
        ([allow(condition=OFFICE)], [allow(condition=TEAM)], NO),
        ([allow(condition=OFFICE)], [allow(condition={**OFFICE, **TEAM})], YES),
        ([allow(condition={**OFFICE, **TEAM})], [allow(condition=OFFICE)], NO),
        ([allow(condition=TEAMS)], [allow(condition=TEAM)], YES),
        ([allow(condition=TEAM)], [allow(condition=TEAMS)], NO),
        ([allow(condition=LIKE_A)], [allow(condition=TEAM)], YES),
        ([allow(condition=LIKE_A)], [allow(condition=TEAMS)], NO),
        ([allow(condition=TEAM)], [allow(condition=LIKE_A)], NO),
        ([allow(), deny(condition=OFFICE)], [allow(), deny(condition=OFFICE)], YES),
        ([allow(), deny(condition=OFFICE)], [allow()], NO),
        ([allow(), deny(condition=TEAM)], [allow(), deny(condition=TEAMS)], YES),
        ([allow(), deny(condition=TEAMS)], [allow(), deny(condition=TEAM)], NO),
        ([allow(condition={"StringEqualsIfExists": TEAM["StringEquals"]})], [allow(condition=TEAM)], YES),
        ([allow(condition={"NumericLessThan": {"s3:max-keys": "10"}})],
         [allow(condition={"NumericLessThan": {"s3:max-keys": "5"}})], MAYBE),
        ([allow(condition={"StringIs": {"a:b": "c"}})], [allow()], MAYBE),
        ([allow(), deny(condition={"StringIs": {"a:b": "c"}})], [allow()], MAYBE),
    ],
)  # fmt: skip
def test_iam_containment_with_conditions(container, contained, expected):
    """Equal and implied conditions contain each other. Where the texts do not decide, the result is unknown."""
    assert contains([policy(*container)], [policy(*contained)]) is expected


@pytest.mark.parametrize(
    ("container", "contained", "expected"),
    [
        ("b/*", "b/${aws:username}", YES),
        ("b/${aws:username}/*", "b/${aws:username}/x", YES),
        ("b/${aws:username}", "b/${aws:PrincipalTag/team}", MAYBE),
        ("b/${aws:username}", "b/alice", MAYBE),
        ("b/${aws:username}", "c/alice", NO),
        ("b/?", "b/${aws:username}", MAYBE),
    ],
)
def test_iam_containment_with_policy_variables(container, contained, expected):
    """A variable may have any value, and the same variable has the same one."""
    narrow, broad = (policy(allow(resource=f"{BUCKETS}{name}")) for name in (contained, container))
    assert contains([broad], [narrow]) is expected


def test_iam_containment_of_trust_policies():
    """Principals are compared by name: `*` contains all, and an account may contain its users."""

    def trust(principal, effect="Allow"):
        return [policy({"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"})]

    root, user = "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/alice"
    assert contains(trust({"AWS": [root, user]}), trust({"AWS": user})) is YES
    assert contains(trust({"AWS": user}), trust({"AWS": [root, user]})) is NO
    assert contains(trust("*"), trust({"AWS": user})) is YES
    assert contains(trust({"AWS": root}), trust({"AWS": user})) is MAYBE
    assert contains(trust({"Service": "ec2.amazonaws.com"}), trust({"Service": "eks.amazonaws.com"})) is NO


def test_iam_containment_ignores_moved_statements():
    """cdk diff shows a moved or split statement as a change. It allows the same: both sides contain the other."""
    one = [policy(allow(["s3:Get*", "s3:Put*"], condition=TEAM), allow("ec2:*"))]
    split = [policy(allow("ec2:*")), policy(allow("s3:Put*", condition=TEAM), allow("s3:Get*", condition=TEAM))]
    assert contains(one, split) is contains(split, one) is YES


def test_unknown_document_is_contained_in_all_actions_only():
    """A document that is unknown may allow anything."""
    assert contains([policy(allow("*"))], [Policy.unknown("new")]) is YES
    assert contains([policy(allow())], [Policy.unknown("new")]) is MAYBE
    assert contains([Policy.unknown("new")], [policy(allow())]) is MAYBE


def test_pattern_classes_are_those_of_all_texts():
    """The combinations of patterns that match one text are exactly those found by trying all short texts."""
    random = Random(7)  # noqa: S311 - patterns, no secrets
    texts = ["".join(letters) for length in range(6) for letters in product("abz", repeat=length)]
    for _ in range(300):
        patterns = ["".join(random.choices("ab*?", k=random.randint(1, 4))) for _ in range(3)]
        by_trying = {
            frozenset(index for index, pattern in enumerate(patterns) if matches(pattern, text)) for text in texts
        }
        assert classes(patterns) == by_trying, patterns


def test_iam_containment_agrees_with_the_evaluator():
    """For policies without conditions the result is exact: a request proves each "no", and none refutes a "yes"."""
    random = Random(11)  # noqa: S311 - policies, no secrets
    patterns = ["a", "a*", "*b", "a?", "*", "b", "?b*"]
    texts = ["".join(letters) for length in range(4) for letters in product("abz", repeat=length)]
    actions = ["y:a", *(f"x:{text}" for text in texts)]
    requests = [Request(action, resource, None, RequestContext()) for action in actions for resource in texts]
    found = {YES: 0, NO: 0}

    def statement():
        action, resource = (random.choice(["", "Not"]) + name for name in ("Action", "Resource"))
        effect = random.choice(["Allow", "Allow", "Deny"])
        named = [f"x:{pattern}" for pattern in random.sample(patterns, random.randint(1, 2))]
        return {"Effect": effect, action: named, resource: random.sample(patterns, random.randint(1, 2))}

    def allowed(document, requests):
        return [each for each in requests if evaluate(each, Policies([document])).answer is Answer.ALLOWED]

    for _ in range(20):
        container, contained = (policy(*(statement() for _ in range(random.randint(1, 3)))) for _ in range(2))
        of_contained = allowed(contained, requests)
        is_subset = len(allowed(container, of_contained)) == len(of_contained)
        result = contains([container], [contained])
        assert result is (YES if is_subset else NO), (container, contained)
        found[result] += 1
    assert min(found.values()) > 3
