"""The decision of the library's evaluator, of the lab's, and of iam-simulate, on the same case."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from eks_identity.evaluation.iam import (
    Evaluation,
    Policies,
    Policy,
    Request,
    RequestContext,
    RequestPrincipal,
    evaluate,
)
from lab.cloud import policy as lab
from support.iam_cases import ACCOUNT, ROLE, SERVICE, SESSION, USER, IamCase

ALLOWED, DENIED = "allowed", "denied"


def library_evaluation(case: IamCase, context: RequestContext | None = None) -> Evaluation:
    """Return the evaluation of the library, with another context than the case's if there is one."""
    principal = RequestPrincipal.service(SERVICE) if case.principal == SERVICE else RequestPrincipal.of(case.principal)
    if case.principal == SESSION:
        principal = RequestPrincipal.session(ROLE, "s1")
    context = context or RequestContext(case.context, complete=True)
    return evaluate(
        Request(case.action, case.resource, principal, context, case.resource_account),
        Policies(
            [Policy.parse(document, f"identity {index}") for index, document in enumerate(case.identity)],
            None if case.resource_policy is None else Policy.parse(case.resource_policy, "resource"),
            None if case.boundary is None else Policy.parse(case.boundary, "boundary"),
            [] if case.session_policy is None else [Policy.parse(case.session_policy, "session")],
            [
                [Policy.parse(document, f"level {index}") for document in level]
                for index, level in enumerate(case.service_control)
            ],
            is_resource_policy_required=case.is_resource_policy_required,
        ),
    )


def lab_decision(case: IamCase) -> str:
    """Return the decision of the lab, which has no service control policies."""
    assert not case.service_control
    if case.principal == SERVICE:
        principal = lab.service_principal(SERVICE)
    else:
        arn, session = (ROLE, SESSION) if case.principal == SESSION else (USER, None)
        principal = lab.aws_principal(arn, unique_id="AIDAEXAMPLE", account=ACCOUNT, session_arn=session)
    result = lab.evaluate(
        lab.Request(case.action, case.resource, principal, lab.Context(case.context)),
        lab.Policies(
            [lab.parse(document) for document in case.identity],
            None if case.resource_policy is None else lab.parse(case.resource_policy),
            None if case.boundary is None else lab.parse(case.boundary),
            [] if case.session_policy is None else [lab.parse(case.session_policy)],
            same_account=case.principal == SERVICE or case.resource_account == ACCOUNT,
            resource_must_allow=case.is_resource_policy_required,
        ),
    )
    return ALLOWED if result.allowed else DENIED


IAM_SIMULATE = Path(__file__).parents[1] / "conformance" / "iam_simulate"
"""The versions that npm installs, and the program that reads cases from stdin."""


def install_iam_simulate(cache: Path) -> Path:
    """Return a folder with iam-simulate, installed with npm. It is AGPL: it only ever runs as a process of its own."""
    if not (npm := shutil.which("npm")):
        raise RuntimeError("iam-simulate needs npm on PATH: install Node.js")
    package = (IAM_SIMULATE / "package.json").read_text()
    folder = cache / "iam-simulate"
    if not (folder / "node_modules").is_dir() or (folder / "package.json").read_text() != package:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(package)
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"], cwd=folder, check=True
        )
    return folder


def iam_simulate_decisions(cases: Sequence[IamCase], folder: Path) -> list[str]:
    """Return the decisions of iam-simulate. Raises if it rejects a case or ignores a condition key."""
    lines = "".join(json.dumps(_simulation(case)) + "\n" for case in cases)
    node = shutil.which("node") or "node"
    program = [node, str(IAM_SIMULATE / "simulate.mjs")]
    output = subprocess.run(program, cwd=folder, input=lines, capture_output=True, text=True, check=True).stdout
    decisions = []
    for case, line in zip(cases, output.splitlines(), strict=True):
        result = json.loads(line)
        if result.get("errors") or result["ignored"]:
            raise ValueError(f"iam-simulate does not accept {case}: {line}")
        decisions.append(ALLOWED if result["result"] == "Allowed" else DENIED)
    return decisions


def _simulation(case: IamCase) -> dict[str, object]:
    """Return a case in the form of iam-simulate."""

    def named(documents: Sequence[object], name: str) -> list[dict[str, object]]:
        return [{"name": f"{name} {index}", "policy": document} for index, document in enumerate(documents)]

    simulation: dict[str, object] = {
        "request": {
            "principal": case.principal,
            "action": case.action,
            "resource": {"resource": case.resource, "accountId": case.resource_account},
            "contextVariables": case.context,
        },
        "identityPolicies": named(case.identity, "identity"),
        "serviceControlPolicies": [
            {"orgIdentifier": f"level-{index}", "policies": named(level, f"level {index}")}
            for index, level in enumerate(case.service_control)
        ],
        "resourceControlPolicies": [],
    }
    if case.resource_policy is not None:
        simulation["resourcePolicy"] = case.resource_policy
    if case.boundary is not None:
        simulation["permissionBoundaryPolicies"] = named([case.boundary], "boundary")
    if case.session_policy is not None:
        simulation["sessionPolicy"] = case.session_policy
    return simulation
