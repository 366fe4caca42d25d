"""Fixtures of the tests with the real eksctl: a lab for each module, and the principals of story 1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.lab_dir import LabDir
from lab.tools import Toolbox, Tools, default_cache
from lab.tools.programs import EKSCTL
from support.eksctl_clients import ACCOUNT, EksctlClients

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def eksctl(tools: Tools) -> Path:
    """The real eksctl: the tested release, from PATH or the cache, downloaded, or compiled once."""
    (obtained,) = Toolbox(default_cache(), programs=(EKSCTL,)).ensure().obtained
    return obtained.path


@pytest.fixture(scope="module")
def clients(tools: Tools, eksctl: Path) -> Iterator[EksctlClients]:
    """The clients of a new lab with the clusters `eks-clu` (aws-auth) and `irsa` (access entries)."""
    with _started_lab() as home:
        yield EksctlClients(home, tools.bin, eksctl)


@pytest.fixture
def new_cluster(clients: EksctlClients) -> Callable[[], str]:
    """Return a function that creates a cluster of the mode CONFIG_MAP, and returns its name."""

    def create() -> str:
        name = f"test-{uuid.uuid4().hex[:8]}"
        _run(clients.home, "up", "--cluster", f"{name}=CONFIG_MAP")
        return name

    return create


@pytest.fixture(scope="module")
def user(clients: EksctlClients) -> str:
    """The IAM user of story 1, who may describe clusters and has nothing else."""
    clients.query("iam", "create-user", "--user-name", "eks-ope")
    statement = {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    policy = ("--policy-name", "describe-clusters", "--policy-document", document)
    clients.query("iam", "put-user-policy", "--user-name", "eks-ope", *policy)
    return "eks-ope"


@pytest.fixture(scope="module")
def role(clients: EksctlClients) -> str:
    """A role of developers, which the lab's administrator assumes."""
    statement = {"Effect": "Allow", "Principal": {"AWS": f"{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    clients.query("iam", "create-role", "--role-name", "dev", "--assume-role-policy-document", trust)
    statement = {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    policy = ("--policy-name", "describe-clusters", "--policy-document", document)
    clients.query("iam", "put-role-policy", "--role-name", "dev", *policy)
    return "dev"


@contextmanager
def _started_lab() -> Iterator[LabDir]:
    home = LabDir(f"test-{uuid.uuid4().hex[:8]}")
    _run(home, "up", "--owner", str(os.getpid()))
    try:
        yield home
    finally:
        _run(home, "reset")


def _run(home: LabDir, *arguments: str) -> None:
    command = (sys.executable, "-m", "lab", "--lab", home.name, *arguments)
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
