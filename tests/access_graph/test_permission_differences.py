"""Differences of effective permissions miss no request: compared with the evaluation of random requests."""

from dataclasses import replace
from itertools import product
from random import Random

import pytest

from eks_access.questions.aws.effective_permissions import effective_permissions
from eks_access.questions.aws.permission_differences import excess
from eks_access.questions.aws.principal_policies import PrincipalPolicies
from eks_identity.evaluation.iam import (
    Answer,
    Policies,
    Policy,
    Request,
    RequestContext,
    RequestPrincipal,
    evaluate,
)
from support.workload_chains import ROLE_ARN, document

ACTIONS = ("s3:*", "s3:Get*", "s3:*Object", "s3:GetObject", "s3:ListBucket", "*")
RESOURCES = ("*", "arn:aws:s3:::a/*", "arn:aws:s3:::*/x", "arn:aws:s3:::a/${aws:PrincipalTag/team}")
CONDITIONS = (
    {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
    {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
    {"StringEquals": {"aws:PrincipalTag/team": "red"}},
)
REQUESTS = [
    (action, resource, region)
    for action, resource, region in product(
        ("s3:GetObject", "s3:PutObject", "s3:GetAcl", "s3:ListBucket", "sqs:SendMessage"),
        ("arn:aws:s3:::a/x", "arn:aws:s3:::a/blue", "arn:aws:s3:::b/x", "arn:aws:s3:::b"),
        ("eu-west-1", "us-east-1", "ap-northeast-1"),
    )
]
TAGS = {"team": "blue"}


def statement(random):
    action = random.choice(("Action", "Action", "Action", "NotAction"))
    resource = random.choice(("Resource", "Resource", "Resource", "NotResource"))
    made = {
        "Effect": random.choice(("Allow", "Allow", "Allow", "Deny")),
        action: random.sample(ACTIONS, random.randint(1, 2)),
        resource: random.sample(RESOURCES, random.randint(1, 2)),
    }
    return {**made, "Condition": random.choice(CONDITIONS)} if random.random() < 0.4 else made


def policies(random):
    identity = [Policy.parse(document(*(statement(random) for _ in range(random.randint(1, 3)))), "app")]
    limits = [Policy.parse(document(*(statement(random) for _ in range(2))), name) for name in ("boundary", "session")]
    boundary = limits[0] if random.random() < 0.4 else None
    session = [limits[1]] if random.random() < 0.2 else []
    return PrincipalPolicies(ROLE_ARN, Policies(identity, boundary=boundary, session=session), TAGS)


def decide(principal, action, resource, region):
    keys = {"aws:RequestedRegion": region, "aws:PrincipalTag/team": "blue"}
    context = RequestContext(keys, complete=True)
    request = Request(action, resource, RequestPrincipal.session(ROLE_ARN, None), context)
    return evaluate(request, principal.policies).answer


def is_allowed(principal, *request):
    return decide(principal, *request) is Answer.ALLOWED


def covers(statement, request):
    action, resource, region = request
    allowed = Policies([Policy("gained", (replace(statement, effect="Allow"),))])
    return is_allowed(PrincipalPolicies(ROLE_ARN, allowed), action, resource, region)


def test_most_differences_of_random_policies_are_decided():
    randoms = [Random(seed) for seed in range(300)]  # noqa: S311 - policies, not secrets
    pairs = [(effective_permissions(policies(random)), effective_permissions(policies(random))) for random in randoms]
    assert sum(not excess(after, before).undecided for before, after in pairs) > 200


@pytest.mark.parametrize("seed", range(300))
def test_difference_has_every_request_that_only_one_side_allows(seed):
    random = Random(seed)  # noqa: S311 - policies, not secrets
    before, after = policies(random), policies(random)
    found = excess(effective_permissions(after), effective_permissions(before))
    for request in REQUESTS:
        if is_allowed(after, *request) and not is_allowed(before, *request) and not found.undecided:
            assert any(covers(each, request) for each in found.statements), request


@pytest.mark.parametrize("seed", range(100))
def test_effective_permissions_allow_what_the_policies_allow(seed):
    principal = policies(Random(seed))  # noqa: S311 - policies, not secrets
    effective = effective_permissions(principal)
    combined = PrincipalPolicies(ROLE_ARN, Policies([effective.policy]), TAGS)
    for request in REQUESTS:
        expected = {decide(principal, *request)}
        if effective.problems:  # an intersection that cannot be written as a statement
            expected.add(Answer.NOT_EVALUATED)
        assert decide(combined, *request) in expected, request


@pytest.mark.parametrize("seed", range(100))
def test_difference_of_split_and_shuffled_statements_is_empty(seed):
    random = Random(seed)  # noqa: S311 - policies, not secrets
    before = policies(random)
    parts = [
        replace(each, resources=(resource,)) if resource is not None else each
        for each in before.policies.identity[0].statements
        for resource in each.resources or (None,)
    ]
    random.shuffle(parts)
    moved = Policies(
        [Policy(f"moved-{index}", (part,)) for index, part in enumerate(parts)],
        boundary=before.policies.boundary,
        session=before.policies.session,
    )
    after = PrincipalPolicies(ROLE_ARN, moved, TAGS)
    for one, other in ((before, after), (after, before)):
        assert excess(effective_permissions(one), effective_permissions(other)).statements == ()
