"""Many processes write aws-auth at the same time by the library's client: no write is lost."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
import yaml

from lab.scenarios.clients import LabClients
from support import aws_auth_writer

CLUSTER = "eks-clu"
OTHERS = """# entries of other writers
- rolearn: arn:aws:iam::123456789012:role/other
  username: other
  groups: [others]
"""


@pytest.fixture
def clients(running_lab, tools):
    """The clients, and mapRoles with an entry of another writer; the ConfigMap is restored at the end."""
    clients = LabClients(running_lab, tools.bin)
    name = ("-n", "kube-system", "configmap", "aws-auth")
    saved = clients.operate(CLUSTER, "get", *name, "-o", "json").stdout
    before = yaml.safe_load(saved)["data"]
    roles = f"{OTHERS}{before['mapRoles']}"
    patch = yaml.safe_dump({"data": {"mapRoles": roles}})
    assert clients.operate(CLUSTER, "patch", *name, "--patch", patch).worked
    yield clients, roles
    patch = yaml.safe_dump({"data": {"mapUsers": None, **before}})
    assert clients.operate(CLUSTER, "patch", *name, "--patch", patch).worked


def test_no_write_of_racing_processes_is_lost(clients, is_soak, show):
    """Each write finds the entry as the process left it, and at the end all entries and those of others are there."""
    lab_clients, roles = clients
    writers, writes = (32, 32) if is_soak else (8, 8)
    kubeconfig = next(lab_clients.home.folder.glob(f"clusters/*-{CLUSTER}-*")).joinpath("admin.kubeconfig").read_text()
    arns = [f"arn:aws:iam::123456789012:user/writer-{number}" for number in range(writers)]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.aws_auth_writer"])
    started = time.monotonic()
    with ProcessPoolExecutor(writers, mp_context=context) as pool:
        runs = [pool.submit(aws_auth_writer.write, kubeconfig, arn, writes) for arn in arns]
        done = [run.result() for run in runs]
    seconds = time.monotonic() - started
    data = yaml.safe_load(
        lab_clients.operate(CLUSTER, "-n", "kube-system", "get", "configmap", "aws-auth", "-o", "json").stdout
    )["data"]
    entries = sorted((entry["userarn"], tuple(entry["groups"])) for entry in yaml.safe_load(data.get("mapUsers", "[]")))
    groups = aws_auth_writer.final_groups(writes)
    assert entries == sorted((arn, groups) for arn in arns if groups is not None)
    assert data["mapRoles"] == roles
    total = sum(each.writes for each in done)
    conflicts = sum(each.attempts for each in done) - total
    show(f"{writers} processes, {total} writes of aws-auth, {conflicts} conflicts, 0 lost, {seconds:.0f} s")
    assert conflicts > 0
