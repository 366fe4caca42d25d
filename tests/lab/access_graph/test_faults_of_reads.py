"""`eks-access` while AWS throttles, fails or is skewed: what cannot be read is not evaluated, and never missing."""

import json
import os
import re
import threading
from collections import Counter
from random import Random

import botocore.endpoint
import pytest
from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.errors import SourceError
from eks_access.sources.live_accounts import CONFIG
from eks_access.sources.live_connection import TRIES
from lab.faults import Fault, FaultFile, FaultKind

SEED = int(os.environ["EKS_IDENTITY_CONFORMANCE_SEED"])
CLUSTER = "eks-clu"
QUESTIONS = {
    "principal": (
        *("trace", "principal", "arn:aws:iam::123456789012:role/operators"),
        *("--verb", "list", "--resource", "pods", "--namespace", "default"),
    ),
    "workload": ("trace", "pod", "default/app", "--action", "s3:GetObject"),
    "mappings": ("list",),
    "escalations": ("escalations",),
    "whoami": ("trace", "whoami", "--verb", "list", "--resource", "pods", "--namespace", "default"),
}
TOKEN_REVIEW = "sts:GetCallerIdentity"
"""The call of the authenticator for each token; `eks-access` makes the same call for its own credentials first."""
BOTOCORE_TRIES = CONFIG.retries["total_max_attempts"]
UNKNOWN = re.compile(r"not[ _-]evaluated|cannot be read|not read|Rate exceeded|ThrottlingException", re.IGNORECASE)


@pytest.fixture
def faults(live_lab):
    file = FaultFile(live_lab.clients.home.folder / "cloud")
    file.clear()
    yield file
    file.clear()


@pytest.fixture
def ask(live_lab, monkeypatch, tmp_path):
    """Return a function that asks a question, and returns the exit code, the kinds of findings and the output.

    Retries do not wait, because a throttled read would take seconds.
    """
    monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _seconds: None)

    def run(question, *, has_kubeconfig=True):
        options = ("--context", CLUSTER) if has_kubeconfig else ("--cluster", CLUSTER)
        variables = {} if has_kubeconfig else {"KUBECONFIG": str(tmp_path / "missing")}
        with live_lab.environment(**variables):
            done = CliRunner().invoke(commands, [*QUESTIONS[question], *options, "--json"])
        if isinstance(done.exception, SourceError):
            return done.exception.exit_code, Counter(), str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), (done.output, done.exception)
        return done.exit_code, Counter(kinds(json.loads(done.stdout))), done.output

    return run


def kinds(document):
    """Yield the id of each finding's kind in a document."""
    if isinstance(document, dict):
        kind = document.get("kind")
        if isinstance(kind, dict) and "id" in kind:
            yield kind["id"]
    for below in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from kinds(below)


def reads_of(question, ask, faults, **options):
    """Return the actions that a question calls, by a fault that changes nothing and is logged."""
    faults.write([Fault(FaultKind.SLOW, seconds=0)])
    ask(question, **options)
    actions = sorted({action for _, action in faults.injected()})
    faults.clear()
    return actions


@pytest.mark.parametrize("question", QUESTIONS)
def test_throttled_read_is_not_evaluated(question, ask, faults, is_soak, show):
    """With each read throttled to the end, there is no finding that the healthy answer lacks, and it says so."""
    code, healthy, complete = ask(question)
    actions = reads_of(question, ask, faults)
    assert actions
    outcomes: Counter[str] = Counter()
    for action in actions if is_soak else Random(SEED).sample(actions, min(3, len(actions))):  # noqa: S311
        faults.write([Fault(FaultKind.THROTTLE, action)])
        throttled_code, found, output = ask(question)
        assert not found - healthy, (action, found - healthy, output)
        if output == complete:
            outcomes["same"] += 1
            continue
        outcomes["not evaluated"] += 1
        assert UNKNOWN.search(output), (action, output)
        assert throttled_code != 0 or code == 0, (action, output)
    show(f"eks-access {question}, {len(actions)} reads, throttled one at a time: {dict(outcomes)}, 0 wrong findings")


@pytest.mark.parametrize("has_kubeconfig", [True, False], ids=["token command", "signed token"])
@pytest.mark.parametrize("kind", [FaultKind.THROTTLE, FaultKind.ERROR, FaultKind.RESET])
def test_some_failed_reads_are_retried(kind, has_kubeconfig, ask, faults, show):
    """With one fault less of each action than there are tries, the answer is the healthy one.

    STS fails for the authenticator, which does not retry: `eks-access` repeats the request to the API server.
    """
    options = {"has_kubeconfig": has_kubeconfig}
    healthy = ask("mappings", **options)
    actions = reads_of("mappings", ask, faults, **options)
    assert TOKEN_REVIEW in actions
    failed_reviews = Fault(kind, TOKEN_REVIEW, after=1, times=TRIES - 1)
    failed_reads = [Fault(kind, action, times=BOTOCORE_TRIES - 1) for action in actions if action != TOKEN_REVIEW]
    # A token of the same second would be the same one, and the API server keeps a successful review for ten seconds.
    threading.Event().wait(1.1)
    faults.write([failed_reviews, *failed_reads])
    assert ask("mappings", **options) == healthy
    assert faults.injected() == {(kind, fault.action): fault.times for fault in [failed_reviews, *failed_reads]}
    show(f"eks-access list with {faults.injected().total()} calls of kind {kind} failed: the same answer")


@pytest.mark.parametrize("minutes", [20, -20])
def test_clock_skew_is_named(minutes, ask, faults):
    """With a clock 20 minutes from AWS's, `trace whoami` names the clock, and `explain` the error of the AWS CLI."""
    faults.write([Fault(FaultKind.SKEW, seconds=minutes * 60)])
    code, found, output = ask("whoami")
    assert (code, set(found)) == (1, {"clock-skew"}), output


def test_explain_names_the_clock(live_lab, faults):
    """`explain` of the AWS CLI's own error names the clock."""
    faults.write([Fault(FaultKind.SKEW, seconds=1200)])
    error = live_lab.clients.aws("sts", "get-caller-identity").stderr
    assert "Signature expired" in error
    done = CliRunner().invoke(commands, ["explain", error])
    assert "clock" in done.output, done.output
