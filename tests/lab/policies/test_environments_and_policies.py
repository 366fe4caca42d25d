"""The environments of this repository under the policy pack: `prod` meets all rules, and `dev` is less strict."""

import re

import pytest

from support.deployed_environment import DeployedEnvironment, project
from support.lab_project import REPOSITORY

REPORT = re.compile(r"- \[(mandatory|advisory)\] +\[severity: \w+\] +([\w-]+)")
EXPECTED = {
    "prod": set(),
    "dev": {
        ("mandatory", "rbac-cluster-secrets"),  # developers edit in all namespaces
        ("advisory", "public-endpoint-open"),
        ("advisory", "secrets-unencrypted"),
        ("advisory", "not-decided"),  # the trust policy names the issuer of the new cluster
    },
}


@pytest.mark.parametrize(("stack", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_preview_of_an_environment_reports_its_violations(running_lab, tools, tmp_path, stack, expected):
    """By the command line, in the folder of the environments, with the pack in its own place."""
    environment = DeployedEnvironment(running_lab, tools, stack, project(tmp_path, tools))
    environment.stand_in()
    assert environment.stack.name == stack  # creates it
    options = ("--stack", stack, "--cwd", str(environment.folder), "--config-file", str(environment.settings))
    pack = ("--policy-pack", str(REPOSITORY / "policies"), "--non-interactive")
    done = environment.run("pulumi", "preview", *options, *pack)
    environment.remove_network()
    assert "eks-policies@v0.1.0" in done.stdout, done.stderr
    assert set(REPORT.findall(done.stdout)) == expected
    assert bool(done.returncode) is any(level == "mandatory" for level, _ in expected)
