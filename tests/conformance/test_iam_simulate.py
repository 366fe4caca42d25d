"""IAM decisions of the lab and of the library, compared with those of iam-simulate on random cases.

A difference is settled by AWS's documentation. `iam_deviations.py` lists where iam-simulate differs from it, with the
source; a difference in any other case fails. docs/conformance.md has what long runs found.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from lab.tools import default_cache
from support.iam_cases import ACCOUNT, BUCKET, KEY, SERVICE, SESSION, USER, Document, IamCase, IamCases
from support.iam_deviations import DEVIATIONS, deviations
from support.iam_evaluators import (
    ALLOWED,
    DENIED,
    iam_simulate_decisions,
    install_iam_simulate,
    lab_decision,
    library_evaluation,
)

CASES = int(os.environ.get("EKS_IDENTITY_CONFORMANCE_CASES", "10000"))
SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
NOT_EVALUATED = "not evaluated"


@pytest.fixture(scope="session")
def iam_simulate() -> Path:
    return install_iam_simulate(default_cache())


def test_iam_decisions_agree_with_iam_simulate(iam_simulate, capsys):
    """The lab, the library and iam-simulate decide equally, except where iam-simulate is known to differ."""
    generator = IamCases(Random(SEED))  # noqa: S311 - policies, no secrets
    cases = [generator.case() for _ in range(CASES)]
    counts: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for case, expected in zip(cases, iam_simulate_decisions(cases, iam_simulate), strict=True):
        library = str(library_evaluation(case).answer)
        counts[f"library: {library}"] += 1
        if not case.service_control:
            lab = lab_decision(case)
            assert library in {lab, NOT_EVALUATED}, case
            counts["cases of the lab"] += 1
            counts["differences of the lab"] += _is_unexplained(lab, expected, case, found)
        counts["differences of the library"] += library != NOT_EVALUATED and _is_unexplained(
            library, expected, case, found
        )
        counts["cases with a known deviation"] += bool(deviations(case))
    with capsys.disabled():
        print(f"\nIAM conformance, seed {SEED}, {CASES} cases: {dict(counts)}; deviations found: {dict(found)}")  # noqa: T201 - what `make conformance` shows
    assert counts["differences of the lab"] == counts["differences of the library"] == 0
    assert counts[f"library: {ALLOWED}"] > CASES / 10
    assert counts["cases with a known deviation"] < CASES / 3
    assert counts[f"library: {NOT_EVALUATED}"] < CASES / 50


def _is_unexplained(decision: str, expected: str, case: IamCase, found: Counter[str]) -> bool:
    """Return whether the decision differs in a case that no deviation concerns, and count the others."""
    if decision == expected:
        return False
    found[" + ".join(deviations(case)) or "none"] += 1
    if not deviations(case):
        print(f"{decision}, iam-simulate: {expected}: {case}")  # noqa: T201 - pytest shows it with the failure
    return not deviations(case)


def _policy(*statements: Document, version: str = "2012-10-17") -> Document:
    return {"Version": version, "Statement": list(statements)}


def _allow(condition: Document | None = None, **elements: object) -> Document:
    return {"Effect": "Allow", "Action": "*", "Resource": "*", **elements, "Condition": condition or {}}


def _case(*identity: Document, principal: str = USER, resource: str = f"{BUCKET}/x", **fields: object) -> IamCase:
    own: Document = {"context": {}, "resource_policy": None, "boundary": None, "session_policy": None, **fields}
    action = "kms:Decrypt" if resource == KEY else "s3:GetObject"
    return IamCase(principal, action, resource, ACCOUNT, identity=list(identity), **own)


ALL = _policy(_allow())
OWN_FOLDER = f"{BUCKET}/${{aws:username}}/*"
DEVIATING = {
    "session policy": _case(
        principal=SESSION,
        resource_policy=_policy(_allow(Principal={"AWS": SESSION})),
        session_policy=_policy(_allow(Action="ec2:RunInstances")),
    ),
    "NotPrincipal": _case(
        ALL, resource_policy=_policy(_allow(Effect="Deny", NotPrincipal={"AWS": [f"arn:aws:iam::{ACCOUNT}:root"]}))
    ),
    "variable in NotResource": _case(ALL, _policy({"Effect": "Deny", "Action": "s3:*", "NotResource": OWN_FOLDER})),
    "variable in a negated operator": _case(
        _policy(_allow({"StringNotEquals": {"aws:RequestedRegion": "${aws:username}"}})),
        context={"aws:RequestedRegion": "eu-west-1"},
    ),
    "version": _case(
        _policy(_allow(Resource=OWN_FOLDER), version="2008-10-17"),
        resource=f"{BUCKET}/alice/x",
        context={"aws:username": "alice"},
    ),
    "special characters": _case(
        _policy(_allow({"StringEquals": {"aws:PrincipalTag/team": "${*}"}})), context={"aws:PrincipalTag/team": "*"}
    ),
    "epoch": _case(
        _policy(_allow({"DateEquals": {"aws:CurrentTime": "1796040000"}})),
        context={"aws:CurrentTime": "2026-11-30T12:00:00Z"},
    ),
    "prefix 0": _case(
        _policy(_allow({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})), context={"aws:SourceIp": "203.0.113.7"}
    ),
    "set operator with IfExists": _case(_policy(_allow({"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": "x"}}))),
    "wildcard and services": _case(principal=SERVICE, resource_policy=_policy(_allow(Principal="*"))),
}
"""For each deviation a case that iam-simulate decides in another way than AWS documents."""


@pytest.mark.parametrize("name", DEVIATIONS)
def test_known_deviation_of_iam_simulate_is_still_there(iam_simulate, name):
    """Each deviation of the list has a case with nothing else: remove it from the list when iam-simulate is right."""
    case = DEVIATING[name]
    assert deviations(case) == (name,)
    (decision,) = iam_simulate_decisions([case], iam_simulate)
    assert decision != lab_decision(case)
    assert str(library_evaluation(case).answer) in {lab_decision(case), NOT_EVALUATED}
    assert {decision, lab_decision(case)} == {ALLOWED, DENIED}
