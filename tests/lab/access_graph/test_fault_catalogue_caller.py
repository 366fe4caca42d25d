"""Row B27 of the fault catalogue on a lab: the caller's own credentials, clock and kubeconfig.

AWS's clients and kubectl inject the breaks, and kubectl decides before the break, with it and after the fix. Not
injected: an expired session, since the shortest session of STS lasts 15 minutes, and a token of another region's STS,
which the authenticator accepts. `tests/access_graph/test_trace_whoami.py` has both.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from lab.principals import OTHER_ADMINISTRATOR
from lab.scenarios.clients import LabClients
from support.lab_chains.lab_access import BY_AWS_AUTH, BY_ENTRY, USER, VIEW, LabAccess
from support.lab_chains.lab_caller import LabCaller
from support.lab_chains.score import Score, sample

NAME = "eks-ope"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def caller(access: LabAccess, tmp_path: Path) -> Iterator[LabCaller]:
    """A user with all permissions in AWS, whose access entry lets it read the cluster, as its own trace needs."""
    access.restore(BY_ENTRY)
    access.associate(USER, VIEW.replace("View", "AdminView"))
    access.iam.put_user_policy(UserName=NAME, PolicyName="all", PolicyDocument=json.dumps(POLICY))
    yield LabCaller(LabClients(access.clients.home, access.clients.bin), NAME, BY_ENTRY, tmp_path)
    access.iam.delete_user_policy(UserName=NAME, PolicyName="all")


Change = Callable[[LabAccess, LabCaller], None]


@dataclass(frozen=True)
class CallerFault:
    """One change of a healthy shell, the finding that names it, and what the user does with the printed fix."""

    id: str
    inject: Change
    link: str
    kind: str
    fix: Callable[[LabAccess, LabCaller, str], None]


def _set_status(status: str) -> Change:
    def change(access: LabAccess, caller: LabCaller) -> None:
        access.iam.update_access_key(UserName=NAME, AccessKeyId=caller.access_key, Status=status)

    return change


def _delete_key(access: LabAccess, caller: LabCaller) -> None:
    access.iam.delete_access_key(UserName=NAME, AccessKeyId=caller.access_key)


def _configure(caller: LabCaller, setting: str, value: str) -> None:
    caller.play(f"aws configure set {setting} {value}")


def _configure_new_key(access: LabAccess, caller: LabCaller, fix: str) -> None:
    assert "if IAM has no such key, run `aws configure` with a new one" in fix
    key = access.iam.create_access_key(UserName=NAME)["AccessKey"]
    _configure(caller, "aws_access_key_id", key["AccessKeyId"])
    _configure(caller, "aws_secret_access_key", key["SecretAccessKey"])


def _activate(access: LabAccess, caller: LabCaller, fix: str) -> None:
    (command,) = re.findall(r"let an administrator run `([^`]*)` with the key's --user-name", fix)
    done = access.clients.run("sh", "-c", f"{command} --user-name {NAME}")
    assert done.worked, done.stderr


def _configure_secret(access: LabAccess, caller: LabCaller, fix: str) -> None:
    assert f"run `aws configure` with the secret of {caller.access_key}" in fix
    caller.use_credentials(NAME)


def _select_own_account(access: LabAccess, caller: LabCaller, fix: str) -> None:
    assert fix.startswith("select credentials of account 123456789012")
    caller.use_credentials(NAME)


def _point_at_other_cluster(access: LabAccess, caller: LabCaller) -> None:
    other = access.eks.describe_cluster(name=BY_AWS_AUTH)["cluster"]
    caller.change_cluster(other["endpoint"], other["certificateAuthority"]["data"])


def _set_clock(skew: timedelta) -> Change:
    def change(access: LabAccess, caller: LabCaller) -> None:
        caller.clock_skew = skew

    return change


def _synchronize(access: LabAccess, caller: LabCaller, fix: str) -> None:
    assert fix.startswith("synchronize the clock: `sudo timedatectl set-ntp true`")
    caller.clock_skew = timedelta()


IDENTITY, CLOCK = "caller identity", "clock"
FAULTS = (
    CallerFault("inactive-key", _set_status("Inactive"), IDENTITY, "access-key-unknown", _activate),
    CallerFault("deleted-key", _delete_key, IDENTITY, "access-key-unknown", _configure_new_key),
    CallerFault("wrong-secret", lambda _, caller: _configure(caller, "aws_secret_access_key", "0" * 40), IDENTITY,
                "access-key-secret", _configure_secret),
    CallerFault("other-account", lambda _, caller: caller.use_credentials(OTHER_ADMINISTRATOR), "account",
                "other-account", _select_own_account),
    CallerFault("other-cluster", _point_at_other_cluster, "cluster", "other-cluster",
                lambda _, caller, fix: caller.play(fix)),
    CallerFault("clock-behind", _set_clock(timedelta(minutes=-20)), CLOCK, "clock-skew", _synchronize),
    CallerFault("clock-ahead", _set_clock(timedelta(minutes=20)), CLOCK, "clock-skew", _synchronize),
)  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" in metafunc.fixturenames:
        chosen = sample(FAULTS, everything=metafunc.config.getoption("--conformance"), count=3)
        metafunc.parametrize("fault", chosen, ids=lambda fault: f"B27-{fault.id}")


def test_break_of_the_caller_is_named_and_its_fix_works(
    fault: CallerFault, access: LabAccess, caller: LabCaller, score: Score
) -> None:
    """`trace whoami` names the broken link and no other, and holds after its fix."""
    found, _, code = caller.whoami()
    score.add(f"healthy {fault.id}", found, [])
    assert (found, code) == ([], 0)
    _wait_until(caller, can_list_pods=True)

    fault.inject(access, caller)
    found, fix, code = caller.whoami()
    score.add(fault.id, found, [(fault.link, fault.kind)])
    assert (found, code) == ([(fault.link, fault.kind)], 1)
    if not caller.clock_skew:  # kubectl is another process, with the clock of the machine
        _wait_until(caller, can_list_pods=False)

    fault.fix(access, caller, fix)
    found, _, code = caller.whoami()
    score.add(f"fixed {fault.id}", found, [])
    assert (found, code) == ([], 0), fix
    _wait_until(caller, can_list_pods=True)


def test_precision_and_recall_of_findings_of_the_caller_are_one(
    score: Score, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over all breaks that were played, every finding is right and none is missing."""
    with capsys.disabled():
        sys.stdout.write(f"\ncaller: {score}\n")
    assert (score.wrong, score.missing) == ([], [])
    assert (score.precision, score.recall) == (1, 1)


def _wait_until(caller: LabCaller, *, can_list_pods: bool) -> None:
    """Wait until kubectl lists pods, or fails to: the API server caches a valid token for ten seconds."""
    for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True):
        with attempt:
            assert caller.can_list_pods() is can_list_pods
