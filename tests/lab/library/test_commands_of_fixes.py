"""Commands in fixes of the library, run with the aws, pulumi and kubectl commands on the lab."""

from __future__ import annotations

import re
import shlex

import pytest

from support.fix_texts import commands
from support.lab_project import LabProject, write_project

CLUSTER = "irsa"
VALUES = {
    "NAME": CLUSTER,
    "--addon-name HOLE --addon-version HOLE": "--addon-name coredns --addon-version VERSION",
    "--region HOLE": "--region ap-northeast-1",
    "--role-name HOLE": "--role-name eks-lab-node",
    "--path-prefix HOLE": "--path-prefix /aws-reserved/sso.amazonaws.com/",
}
"""Values of the placeholders in capitals that a user replaces; the library replaces HOLE."""
TESTED_SEPARATELY = (
    "pulumi import",
    "pulumi up",
    "pulumi state delete",
    "aws eks delete-access-entry",
    "aws eks delete-pod-identity-association",
    "aws eks update-addon",
    "aws iam add-client-id-to-open-id-connect-provider",
    "kubectl -n kube-system edit",
    "kubectl -n HOLE get configmap HOLE -o yaml | sed",
    "kubectl delete HOLE",
    "kubectl delete serviceaccount",
)
"""Commands that change resources, each with its own test."""
COMMANDS = [command for command in commands() if not command.startswith(TESTED_SEPARATELY)]


@pytest.fixture(scope="module")
def project(running_lab, tools, tmp_path_factory):
    return LabProject(running_lab, tools, write_project(tmp_path_factory.mktemp("commands"), "commands", ""))


@pytest.fixture(scope="module")
def kubeconfig(project):
    file = project.folder / "kubeconfig"
    project.run("aws", "eks", "update-kubeconfig", "--name", CLUSTER, "--kubeconfig", str(file))
    return file


@pytest.fixture(scope="module")
def existing(project):
    """An existing KMS key, AMI and add-on version."""
    key = project.aws("kms", "create-key")["KeyMetadata"]["KeyId"]
    image = project.aws("ec2", "describe-images", "--max-items", "1")["Images"][0]["ImageId"]
    versions = project.aws("eks", "describe-addon-versions", "--addon-name", "coredns")["addons"][0]["addonVersions"]
    return {"KEY": key, "AMI": image, "VERSION": versions[0]["addonVersion"]}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_a_fix_succeeds(project, kubeconfig, existing, command):
    """The command runs as the fix has it, with only the placeholders replaced."""
    written = command
    for word, value in (VALUES | existing).items():
        written = re.sub(rf"\b{word}\b" if word.isupper() else word, value, written)
    assert "HOLE" not in written
    result = project.run(*shlex.split(written), KUBECONFIG=str(kubeconfig))
    assert result.returncode == 0, result.stderr
