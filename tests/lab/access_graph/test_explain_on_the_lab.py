"""`eks-access explain` with the texts that real clients print on the lab."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from eks_access.cli import commands
from lab.principals import client
from lab.scenarios.clients import LabClients
from lab.tools.golang import FLAGS
from support.error_provocations import ACCOUNT, CLUSTER, MAPPED, MAPPED_ARN, PROVOCATIONS, STRANGER, ErrorLab
from support.javascript_sdk import install_packages

GO_CLIENT = Path(__file__).parent / "go_client"


@pytest.fixture(scope="module")
def error_lab(running_lab, tools, tmp_path_factory):
    """A lab with the principals of the provocations, a Go program and the AWS SDK for JavaScript."""
    folder = tmp_path_factory.mktemp("clients")
    build = ["go", "build", "-C", str(GO_CLIENT), *FLAGS, "-o", str(folder / "go_client"), "."]
    subprocess.run(build, check=True, timeout=600)
    install_packages(folder, "@aws-sdk/client-s3@3.1175.0")
    clients = LabClients(running_lab, tools.bin)
    provider = create_principals(clients)
    yield ErrorLab(clients, folder / "go_client", folder)
    delete_principals(clients, provider)


def create_principals(clients):
    """Create the principals, the access entry of one of them, and an OIDC provider without a role that trusts it.

    Return the ARN of the provider.
    """

    def aws(*arguments):
        result = clients.aws(*arguments, "--output", "json")
        assert result.worked, result.stderr
        return json.loads(result.stdout) if result.stdout.strip() else {}

    for user in (MAPPED, STRANGER):
        aws("iam", "create-user", "--user-name", user)
    trusted = policy({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Allow", "sts:AssumeRole", "Principal")
    for role in ("app", "denied"):
        aws("iam", "create-role", "--role-name", role, "--assume-role-policy-document", trusted)
    denied = policy("*", "Deny", "s3:*", "Resource")
    aws("iam", "put-role-policy", "--role-name", "denied", "--policy-name", "deny", "--policy-document", denied)
    aws("eks", "create-access-entry", "--cluster-name", CLUSTER, "--principal-arn", MAPPED_ARN,
        "--kubernetes-groups", "viewers")  # fmt: skip
    # Both users need DescribeCluster for their kubeconfig.
    describe = policy("*", "Allow", "eks:DescribeCluster", "Resource")
    for user in (MAPPED, STRANGER):
        aws("iam", "put-user-policy", "--user-name", user, "--policy-name", "own", "--policy-document", describe)
        clients.update_kubeconfig(CLUSTER, user)
    issuer = aws("eks", "describe-cluster", "--name", CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    created = aws("iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", "sts.amazonaws.com")
    assert clients.operate(CLUSTER, "create", "serviceaccount", "app").worked
    return created["OpenIDConnectProviderArn"]


def delete_principals(clients, provider):
    iam, eks = client(clients.home, "iam"), client(clients.home, "eks")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    eks.delete_access_entry(clusterName=CLUSTER, principalArn=MAPPED_ARN)
    iam.delete_role_policy(RoleName="denied", PolicyName="deny")
    for role in ("app", "denied"):
        iam.delete_role(RoleName=role)
    for user in (MAPPED, STRANGER):
        iam.delete_user_policy(UserName=user, PolicyName="own")
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=user)
    assert clients.operate(CLUSTER, "delete", "serviceaccount", "app").worked


def policy(principal_or_resource, effect, action, element):
    statement = {"Effect": effect, "Action": action, element: principal_or_resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize("provocation", PROVOCATIONS, ids=lambda each: f"{each.client} {each.id} {each.command}")
def test_text_of_a_real_client_ends_in_its_command(error_lab, provocation):
    """The whole output of a client that failed is recognized, and the last line is the command to run."""
    text = provocation.provoke(error_lab)
    done = CliRunner().invoke(commands, ["explain", "-"], input=text)
    assert done.exit_code == 0, text
    assert done.output.splitlines()[-1] == provocation.command, text
    answer = json.loads(CliRunner().invoke(commands, ["explain", "-", "--json"], input=text).output)
    assert answer["explanation"]["error"] == provocation.id, text


@pytest.mark.parametrize(("principal", "code"), [(MAPPED, 1), (STRANGER, 1)])
def test_printed_command_finds_the_broken_link(error_lab, principal, code):
    """The command that the explanation of kubectl's Forbidden or of the authenticator's log ends in finds the fault."""
    text = error_lab.kubectl("get", "pods") if principal == MAPPED else error_lab.authenticator_log()
    command = CliRunner().invoke(commands, ["explain", "-"], input=text).output.splitlines()[-1].split()
    error_lab.clients.update_kubeconfig(CLUSTER, "lab-admin")
    traced = error_lab.clients.run(sys.executable, "-m", "eks_access", *command[1:])
    assert traced.code == code, traced.stderr
    assert "✘" in traced.stdout
