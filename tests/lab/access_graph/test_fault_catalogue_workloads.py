"""The fault catalogue of workload identity on a lab: each break is injected, named, and fixed by what is printed.

AWS's clients and kubectl inject the breaks. STS, EKS Auth and S3 of the lab decide before the break, with it and after
the fix whether the pod can do the action: the lab has evaluators of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError

from eks_access.findings import Trace
from eks_access.graph import AccessGraph
from eks_access.questions.trace_workload import trace_pod, trace_service_account
from lab.lab_dir import LabDir
from lab.principals import ADMINISTRATOR, OTHER_ADMINISTRATOR, client
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.access_graphs import ACCOUNT, REGION
from support.lab_chains.lab_shell import LabShell, Printed
from support.lab_chains.lab_workload import LabWorkload
from support.lab_chains.pod_calls import denial
from support.lab_chains.score import Score, sample
from support.workload_breaks import BREAKS, Break
from support.workload_chains import ACTION, CLUSTER, KEY, OTHER_ACCOUNT, POD, RESOURCE

REJECTED = {"provider-as-aws-principal": "Invalid principal"}
"""Breaks that AWS rejects, with its error: no chain can have them."""
IN_PLATFORM = {"Pod Identity agent", "node"}
"""Links that the node of a pod decides: EKS Auth gives credentials all the same."""
BUCKETS = ("reports", "default-data")
OTHER_ROLE = "other"
AUDITOR = f"arn:aws:iam::{OTHER_ACCOUNT}:role/auditor"

PLAYED = [each for each in BREAKS if each.id not in REJECTED]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "injected" in metafunc.fixturenames:
        chosen = sample(PLAYED, everything=metafunc.config.getoption("--conformance"))
        metafunc.parametrize("injected", chosen, ids=lambda each: f"{each.row}-{each.id}")


@pytest.fixture(scope="module")
def workload(running_lab: LabDir, tools: Tools) -> Iterator[LabWorkload]:
    clients = LabClients(running_lab, tools.bin)
    iam, s3 = client(running_lab, "iam"), client(running_lab, "s3")
    others = client(running_lab, "iam", OTHER_ADMINISTRATOR)
    iam.create_role(RoleName=OTHER_ROLE, AssumeRolePolicyDocument=_trust(ACCOUNT))
    others.create_role(RoleName="auditor", AssumeRolePolicyDocument=_trust(ACCOUNT))
    others.attach_role_policy(RoleName="auditor", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": ACTION, "Resource": RESOURCE}
    s3.put_bucket_policy(Bucket=BUCKETS[0], Policy=_document(statement))
    created = LabWorkload(clients)
    created.create_objects()
    yield created
    created.delete_objects()
    for bucket in BUCKETS:
        s3.delete_bucket(Bucket=bucket)
    iam.delete_role(RoleName=OTHER_ROLE)
    others.detach_role_policy(RoleName="auditor", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    others.delete_role(RoleName="auditor")


@pytest.fixture(scope="module")
def shell(workload: LabWorkload) -> LabShell:
    return LabShell(workload.clients, CLUSTER, {OTHER_ACCOUNT: AUDITOR})


def test_break_is_named_and_its_printed_fix_works(
    injected: Break, workload: LabWorkload, shell: LabShell, score: Score
) -> None:
    """The trace names the broken link and no other. The printed fix, run by a shell, lets the pod do the action."""
    workload.make(injected.chain())
    healthy = shell.trace(_question(injected))
    score.add(f"healthy {injected.id}", healthy.found, [])
    assert healthy.holds, healthy
    assert denial(workload, injected) == ""

    data = injected.chain()
    injected.apply(data)
    workload.make(data)
    broken = shell.trace(_question(injected))
    score.add(injected.id, broken.found, [(injected.link, injected.kind)])
    assert broken.found == [(injected.link, injected.kind)], broken
    if injected.traces_pod and injected.link not in IN_PLATFORM:
        assert bool(denial(workload, injected)) is not injected.holds

    shell.play(broken.fix, ADMINISTRATOR if injected.account == ACCOUNT else OTHER_ADMINISTRATOR)
    if "rollout restart" in broken.fix:
        workload.restart()
    fixed = shell.trace(_question(injected))
    score.add(f"fixed {injected.id}", fixed.found, [])
    assert fixed.found == [], f"{broken.fix}\n{fixed}"
    assert fixed.holds, fixed
    assert denial(workload, injected) == ""


def test_command_prints_the_same_trace_and_its_fix_works(workload: LabWorkload, shell: LabShell) -> None:
    """`eks-access trace pod` as a process prints the trace and exits with 1, and with 0 after the fix."""
    (subject,) = [each for each in BREAKS if each.id == "subject-name"]
    data = subject.chain()
    subject.apply(data)
    workload.make(data)
    command = ("trace", "pod", "/".join(POD), "--action", ACTION, "--resource", RESOURCE)
    broken = shell.run_eks_access(*command)
    assert (broken.code, broken.stdout) == (1, shell.trace(_question(subject)).text)
    shell.play(Printed([], holds=False, text=broken.stdout).fix)
    assert shell.run_eks_access(*command).code == 0


@pytest.mark.parametrize("name", REJECTED)
def test_aws_rejects_a_break(name: str, workload: LabWorkload) -> None:
    """IAM rejects the document of a break, so that no chain can have it."""
    (rejected,) = [each for each in BREAKS if each.id == name]
    workload.make(rejected.chain())
    data = rejected.chain()
    rejected.apply(data)
    with pytest.raises(ClientError, match=REJECTED[name]):
        workload.make(data)


def test_precision_and_recall_of_workload_findings_are_one(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    """Over all breaks that were played, every finding is right and none is missing."""
    with capsys.disabled():
        sys.stdout.write(f"\nworkload identity: {score}\n")
    assert (score.wrong, score.missing) == ([], [])
    assert (score.precision, score.recall) == (1, 1)


def _question(each: Break) -> Callable[[AccessGraph], Trace]:
    if each.traces_pod:
        return lambda graph: trace_pod(graph, *POD, each.action, each.resource)
    return lambda graph: trace_service_account(graph, *KEY, each.action, each.resource)


def _trust(account: str) -> str:
    return _document({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})


def _document(*statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
