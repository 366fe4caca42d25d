"""SimulatePrincipalPolicy and the lab's enforcement decide alike, and so does the library's evaluator."""

import json
from dataclasses import replace
from itertools import islice
from random import Random

import pytest
from botocore.exceptions import ClientError

from eks_identity.evaluation.iam import Answer
from support.cloud_helpers import client, trust_policy, unique_name
from support.iam_cases import ACCOUNT, ROLE, SESSION, IamCase, IamCases
from support.iam_evaluators import ALLOWED, DENIED, lab_decision, library_evaluation

SEED, CASES = 20261130, 100
EC2 = trust_policy({"Service": "ec2.amazonaws.com"})


def cases(random):
    """Cases of a role in its own account, without policies of the resource and of the session."""
    generator = IamCases(random, with_service_control=False)
    while True:
        case = generator.case()
        if case.identity and case.resource_account == ACCOUNT and not case.is_resource_policy_required:
            context = {"aws:CurrentTime": "2026-11-30T12:00:00Z", **case.context, "aws:PrincipalArn": ROLE}
            context.pop("aws:username", None)
            yield replace(case, principal=SESSION, context=context, resource_policy=None, session_policy=None)


def create_role(iam, case: IamCase) -> str | None:
    """Create a role with the case's policies and boundary; return None if IAM rejects one of its documents."""
    try:
        return _create_role(iam, case)
    except ClientError as error:
        if error.response["Error"]["Code"] != "MalformedPolicyDocument":
            raise
        return None


def _create_role(iam, case: IamCase) -> str:
    name = unique_name("simulated")
    boundary = {}
    if case.boundary is not None:
        created = iam.create_policy(PolicyName=unique_name("boundary"), PolicyDocument=json.dumps(case.boundary))
        boundary = {"PermissionsBoundary": created["Policy"]["Arn"]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=EC2, **boundary)["Role"]["Arn"]
    for index, document in enumerate(case.identity):
        iam.put_role_policy(RoleName=name, PolicyName=f"p{index}", PolicyDocument=json.dumps(document))
    return arn


def simulate(iam, arn: str, case: IamCase) -> str:
    entries = [
        {"ContextKeyName": key, "ContextKeyType": "string" if isinstance(value, str) else "stringList",
         "ContextKeyValues": [value] if isinstance(value, str) else value}
        for key, value in case.context.items()
    ]  # fmt: skip
    (result,) = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=[case.action], ResourceArns=[case.resource], ContextEntries=entries
    )["EvaluationResults"]
    (specific,) = result.get("ResourceSpecificResults", [{"EvalResourceDecision": result["EvalDecision"]}])
    assert specific["EvalResourceDecision"] == result["EvalDecision"]
    return ALLOWED if result["EvalDecision"] == "allowed" else DENIED


def test_simulation_decides_as_the_enforcement(cloud):
    """No difference in 100 random cases; IAM rejects some documents, which no role can have."""
    iam = client(cloud, "iam")
    decisions = []
    for case in islice(cases(Random(SEED)), 2 * CASES):  # noqa: S311 - policies, no secrets
        arn = create_role(iam, case)
        if arn is None:
            continue
        decision = simulate(iam, arn, case)
        assert decision == lab_decision(case), case
        evaluation = library_evaluation(case)
        if evaluation.answer in {Answer.ALLOWED, Answer.DENIED}:
            assert decision == evaluation.answer, case
        decisions.append(decision)
        if len(decisions) == CASES:
            break
    assert len(decisions) == CASES
    assert min(decisions.count(ALLOWED), decisions.count(DENIED)) > CASES // 10


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_wrong_decision_would_be_noticed(cloud, effect):
    """The comparison is not blind: a changed effect changes the decision."""
    statement = {"Effect": effect, "Action": "iam:GetRole", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    case = IamCase(SESSION, "iam:GetRole", ROLE, ACCOUNT, {"aws:PrincipalArn": ROLE}, [document], None, None, None)
    iam = client(cloud, "iam")
    decision = simulate(iam, create_role(iam, case), case)
    assert decision == lab_decision(case) == (ALLOWED if effect == "Allow" else DENIED)
