"""`pulumi:disable-default-providers: ["*"]`: each resource and function call has a provider that the program passed."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi import automation

from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, Cluster
from support.workload_program import Stack

USER = f"arn:aws:iam::{ACCOUNT}:user/disabled"
PROGRAM = Path(__file__).with_name("disabled_default_providers_program.py")
DISABLED = automation.ConfigValue('["*"]')


@pytest.fixture
def cluster(running_lab, tools, tmp_path):
    return Cluster(running_lab, tools, "disabled", AuthenticationMode.API_AND_CONFIG_MAP, tmp_path)


@pytest.fixture
def stack(running_lab, tools, tmp_path, cluster):
    stack = Stack(tmp_path / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


def test_all_components_work_without_default_providers(stack, cluster):
    """A stack that used default providers, then disables all of them, changes nothing; so does a second update."""
    for name in ("disabled", "disabled-2"):
        cluster.user(name)
    config = {"user": USER, "adopt": False, "cluster": cluster.name}
    declared = stack.configure({**config, "passed": False})
    declared.up()
    stack.configure(config)
    declared.set_config("pulumi:disable-default-providers", DISABLED)
    moved = declared.up().summary.resource_changes
    assert set(moved) <= {"same", "create", "update"}, moved
    assert set(declared.up().summary.resource_changes) == {"same"}
    providers = {resource["provider"] for resource in stack.resources() if "provider" in resource}
    assert {provider.split("::")[2] for provider in providers} == {
        "pulumi:providers:aws",
        "pulumi:providers:pulumi-python",
        "eks-identity:index:Cluster$pulumi:providers:kubernetes",
    }
    assert not any("::default" in provider for provider in providers)
