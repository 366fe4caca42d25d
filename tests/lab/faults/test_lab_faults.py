"""The commands `python -m lab faults`: faults of AWS's calls for all clients, and killed API servers."""

from __future__ import annotations

import psutil
import pytest
from click.testing import CliRunner
from tenacity import Retrying, stop_after_delay, wait_fixed

from lab.cli import main
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"


@pytest.fixture(scope="module")
def clients(running_lab, tools):
    return LabClients(running_lab, tools.bin)


@pytest.fixture
def lab(running_lab, fault_file):
    def run(*arguments):
        return CliRunner().invoke(main, ["--lab", running_lab.name, *arguments])

    return run


def test_commands_add_count_and_clear_faults(lab, clients):
    """`faults add` concerns the AWS CLI at once, `faults` lists and counts, and `faults clear` ends it."""
    assert lab("faults", "add", "error", "iam:ListUsers").exit_code == 0
    failed = clients.aws("iam", "list-users", AWS_MAX_ATTEMPTS="1")
    assert "(ServiceFailure) when calling the ListUsers operation" in failed.stderr
    assert lab("faults").output.splitlines() == [
        "error iam:ListUsers: rate 1, seed 0, after 0, 1 s",
        "injected: 1 error iam:ListUsers",
    ]
    assert lab("faults", "clear").exit_code == 0
    assert clients.aws("iam", "list-users").worked
    assert lab("faults").output == ""


def test_commands_reject_impossible_faults(lab):
    """An action without a service and an unknown cluster are errors with a fix."""
    rejected = lab("faults", "add", "error", "ListUsers")
    assert (rejected.exit_code, "must be SERVICE:OPERATION" in rejected.output) == (2, True)
    missing = lab("faults", "kill-api-server", "no-such-cluster")
    assert (missing.exit_code, "has no running API server" in missing.output) == (2, True)


def test_killed_api_server_starts_again_with_its_data(lab, clients, running_lab):
    """After a kill the same cluster works again at the same endpoint, with all objects and another process."""

    def api_servers():
        return {process.pid for process in psutil.Process(running_lab.running().pid).children()
                if process.name() == "kube-apiserver"}  # fmt: skip

    clients.operate(CLUSTER, "create", "configmap", "kept", "--from-literal=a=b")
    before = api_servers()
    assert lab("faults", "kill-api-server", CLUSTER).exit_code == 0
    for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.3), reraise=True):
        with attempt:
            got = clients.operate(CLUSTER, "get", "configmap", "kept", "-o", "jsonpath={.data.a}")
            assert got.stdout == "b", got.stderr
    after = api_servers()
    assert len(after) == len(before)
    assert len(after - before) == 1
    clients.operate(CLUSTER, "delete", "configmap", "kept")
