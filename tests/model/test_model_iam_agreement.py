"""The library's IAM evaluator decides random cases as the lab's, which shares no code with it.

`EKS_IDENTITY_CONFORMANCE_SEED` repeats a run. `make conformance` compares many cases, and both with iam-simulate.
"""

import os
from dataclasses import replace
from random import Random

from eks_identity.evaluation.iam import Answer, RequestContext
from support.iam_cases import KEYS, LIST_KEYS, IamCases
from support.iam_evaluators import ALLOWED, DENIED, lab_decision, library_evaluation

SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
CASES = 300


def test_iam_decisions_agree_with_the_labs_evaluator():
    """Identity and resource policies, boundaries, session policies and all operators give the same decision."""
    cases = IamCases(Random(SEED), with_service_control=False)  # noqa: S311 - policies, no secrets
    results = []
    for _ in range(CASES):
        case = cases.case()
        evaluation = library_evaluation(case)
        results.append(evaluation.answer)
        if evaluation.answer is not Answer.NOT_EVALUATED:
            assert str(evaluation.answer) == lab_decision(case), case
    assert results.count(Answer.ALLOWED) > CASES / 10
    assert results.count(Answer.NOT_EVALUATED) < CASES / 20


def test_iam_answers_with_unknown_keys_hold_for_each_value():
    """An answer with unknown keys is that of each request with values for them; a conditional one has conditions."""
    random = Random(SEED)  # noqa: S311 - policies, no secrets
    cases, counts = IamCases(random), dict.fromkeys(Answer, 0)
    for _ in range(CASES):
        case = cases.case()
        unknown = random.sample([*KEYS, *LIST_KEYS], random.randint(1, 6))
        resolved = {key: value for key, value in case.context.items() if key not in unknown}
        evaluation = library_evaluation(case, RequestContext(resolved, unknown=unknown, complete=True))
        counts[evaluation.answer] += 1
        if evaluation.answer is Answer.CONDITIONAL:
            assert evaluation.conditions, case
            assert {key for each in evaluation.conditions for part in each.parts for key in part.keys}, case
        if evaluation.answer not in {Answer.ALLOWED, Answer.DENIED}:
            continue
        for _ in range(5):
            values = {key: random.choice(KEYS[key][0]) for key in unknown if key in KEYS and random.random() < 0.7}
            completed = library_evaluation(replace(case, context={**resolved, **values}))
            assert str(completed.answer) == {Answer.ALLOWED: ALLOWED, Answer.DENIED: DENIED}[evaluation.answer], case
    assert counts[Answer.CONDITIONAL] > 0
    assert counts[Answer.ALLOWED] > CASES / 20
