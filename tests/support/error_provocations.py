"""Errors that real clients print on a lab: how each is provoked, and the command in which its explanation must end."""

import configparser
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.scenarios.clients import CommandResult, LabClients
from support.error_texts import IN_POD, WHOAMI
from support.javascript_sdk import NODES

CLUSTER = "irsa"
ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
MAPPED, STRANGER, ROLE, DENIED_ROLE = "mapped", "stranger", "role/app", "role/denied"
"""A user with an access entry and without rights, one without an entry, and roles without and with a Deny."""
MAPPED_ARN = f"arn:aws:iam::{ACCOUNT}:user/{MAPPED}"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:{ROLE}"
NO_CREDENTIALS = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_REGION": REGION,
}
UNKNOWN_KEY = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x" * 40}
AGENT = {
    **NO_CREDENTIALS,
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x",
}
NODE_PROGRAM = """
import { S3Client, ListBucketsCommand } from "@aws-sdk/client-s3";
await new S3Client({}).send(new ListBucketsCommand({}));
"""
BOTO3_PROGRAM = "import boto3; boto3.client('s3').list_buckets()"
LIGHTKUBE_PROGRAM = (
    "import lightkube; from lightkube.resources.core_v1 import Pod; list(lightkube.Client().list(Pod, namespace='a'))"
)


@dataclass(frozen=True)
class ErrorLab:
    """A lab with the clients whose errors are explained."""

    clients: LabClients
    go_client: Path
    node_project: Path

    def run(self, *command: str, principal: str = STRANGER, **variables: str) -> str:
        return output(self.clients.run(*command, principal=principal, **variables))

    def kubectl(self, *arguments: str, principal: str = MAPPED, **variables: str) -> str:
        return self.run("kubectl", f"--context={CLUSTER}", *arguments, principal=principal, **variables)

    def aws(self, *arguments: str, principal: str = STRANGER, **variables: str) -> str:
        return self.run("aws", *arguments, principal=principal, **variables)

    def go(self, principal: str = ROLE, **variables: str) -> str:
        return self.run(str(self.go_client), principal=principal, **variables)

    def node(self, principal: str = ROLE, **variables: str) -> str:
        # Node.js finds packages beside its program.
        program = self.node_project / "program.mjs"
        program.write_text(NODE_PROGRAM)
        return self.run(str(NODES["wheel"]), str(program), principal=principal, **variables)

    def python(self, program: str = BOTO3_PROGRAM, principal: str = ROLE, **variables: str) -> str:
        return self.run(sys.executable, "-c", program, principal=principal, **variables)

    def token(self, audience: str = "sts.amazonaws.com", account: str = "app") -> str:
        arguments = ("create", "token", account, "--audience", audience)
        return self.clients.operate(CLUSTER, *arguments).stdout.strip()

    def web_identity(self, token: str) -> str:
        role = ("--role-arn", ROLE_ARN, "--role-session-name", "session")
        return self.aws("sts", "assume-role-with-web-identity", *role, "--web-identity-token", token)

    def token_file(self) -> dict[str, str]:
        """Return the variables of a pod whose role does not trust its service account."""
        file = self.node_project / "token"
        file.write_text(self.token())
        return {**NO_CREDENTIALS, "AWS_ROLE_ARN": ROLE_ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": str(file)}

    def wrong_secret(self) -> dict[str, str]:
        parser = configparser.ConfigParser()
        parser.read(self.clients.environment(STRANGER)["AWS_SHARED_CREDENTIALS_FILE"])
        key = parser["default"]["aws_access_key_id"]
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "x" * 40}

    def authenticator_log(self, **variables: str) -> str:
        """Return the last line that the authenticator writes about a user without mapping."""
        self.kubectl("get", "--raw", "/api", principal=STRANGER, **variables)
        (log,) = self.clients.home.folder.glob(f"clusters/logs/*-{CLUSTER}-*/aws-iam-authenticator.log")
        return [line for line in log.read_text().splitlines() if "access denied" in line][-1]


def output(result: CommandResult) -> str:
    assert not result.worked, result.stdout
    return result.stdout + result.stderr


@dataclass(frozen=True)
class Provocation:
    """An error that a client prints on the lab."""

    client: str
    id: str
    command: str
    provoke: Callable[[ErrorLab], str]


def _trace(*options: str) -> str:
    return " ".join(("eks-access trace principal", MAPPED_ARN, *options))


_LIST_BUCKETS = f"{IN_POD} --action s3:ListAllMyBuckets"
_FORBIDDEN = "kubernetes-forbidden"
_NO_POLICY = "iam-no-identity-based-policy"
_WEB_DENIED = "web-identity-not-authorized"

PROVOCATIONS = (
    Provocation("kubectl", _FORBIDDEN, _trace("--verb list --resource pods --namespace default"),
                lambda lab: lab.kubectl("get", "pods")),
    Provocation("kubectl", _FORBIDDEN,
                _trace("--verb get --resource deployments.apps --namespace kube-system --name web"),
                lambda lab: lab.kubectl("-n", "kube-system", "get", "deployment", "web")),
    Provocation("kubectl", _FORBIDDEN, _trace("--verb list --resource nodes"), lambda lab: lab.kubectl("get", "nodes")),
    Provocation("kubectl", _FORBIDDEN, f"{WHOAMI} --verb list --resource pods --namespace default",
                lambda lab: output(lab.clients.operate(CLUSTER, "get", "pods", "--as", "bob"))),
    Provocation("kubectl", _FORBIDDEN, "eks-access what-can default/app",
                lambda lab: output(lab.clients.operate(
                    CLUSTER, "get", "pods", "--as", "system:serviceaccount:default:app"))),
    Provocation("kubectl", "kubernetes-forbidden-path", _trace("--verb get --resource /metrics"),
                lambda lab: lab.kubectl("get", "--raw", "/metrics")),
    Provocation("kubectl", "kubernetes-anonymous", WHOAMI,
                lambda lab: output(lab.clients.operate(
                    CLUSTER, "get", "--raw", "/api/v1/namespaces/default/pods", "--as", "system:anonymous"))),
    Provocation("kubectl", "kubernetes-unauthorized", WHOAMI,
                lambda lab: lab.kubectl("get", "--raw", "/api", principal=STRANGER)),
    Provocation("client-go", "kubernetes-unauthorized", WHOAMI,
                lambda lab: lab.kubectl("get", "pods", principal=STRANGER)),
    Provocation("kubectl", "kubernetes-unauthorized", WHOAMI, lambda lab: lab.kubectl("get", "pods", **UNKNOWN_KEY)),
    Provocation("lightkube", _FORBIDDEN, _trace("--verb list --resource pods --namespace a"),
                lambda lab: lab.python(LIGHTKUBE_PROGRAM, MAPPED)),
    Provocation("kubectl", "exec-plugin-missing", WHOAMI,
                lambda lab: lab.run(str(lab.clients.bin / "kubectl"), f"--context={CLUSTER}", "get", "pods",
                                    principal=MAPPED, PATH="/nonexistent")),
    Provocation("kubectl", "credentials-missing", WHOAMI, lambda lab: lab.kubectl("get", "pods", **NO_CREDENTIALS)),
    Provocation("kubectl", "profile-missing", WHOAMI, lambda lab: lab.kubectl("get", "pods", AWS_PROFILE="missing")),
    Provocation("kubectl", "kubernetes-certificate", WHOAMI,
                lambda lab: lab.run("kubectl", f"--context={CLUSTER}", "--server", lab.clients.operate(
                    "eks-clu", "config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}").stdout,
                    "get", "pods", principal=MAPPED)),
    Provocation("kubectl", "kubernetes-no-server", WHOAMI,
                lambda lab: lab.run("kubectl", "get", "pods", principal=MAPPED, KUBECONFIG="/dev/null")),
    Provocation("aws-iam-authenticator", "authenticator-not-mapped",
                f"eks-access trace principal arn:aws:iam::{ACCOUNT}:user/{STRANGER} --verb list --resource pods",
                ErrorLab.authenticator_log),
    Provocation("aws-iam-authenticator", "access-key-unknown", WHOAMI,
                lambda lab: lab.authenticator_log(**UNKNOWN_KEY)),
    Provocation("aws", "eks-no-cluster", f"{WHOAMI} --cluster nowhere",
                lambda lab: lab.aws("eks", "update-kubeconfig", "--name", "nowhere")),
    Provocation("aws", _NO_POLICY, WHOAMI, lambda lab: lab.aws("eks", "describe-cluster", "--name", CLUSTER,
                                                              principal=ROLE)),
    Provocation("aws", _NO_POLICY, f"eks-access what-can arn:aws:iam::{ACCOUNT}:user/{STRANGER}",
                lambda lab: lab.aws("s3api", "list-buckets")),
    Provocation("aws", "iam-explicit-deny", f"{IN_POD} --action s3:ListBucket --resource arn:aws:s3:::some-bucket",
                lambda lab: lab.aws("s3", "ls", "s3://some-bucket", principal=DENIED_ROLE)),
    Provocation("aws", "iam-not-authorized", WHOAMI,
                lambda lab: lab.aws("sts", "assume-role", "--role-arn", f"{ROLE_ARN}x", "--role-session-name", "me")),
    Provocation("aws", "iam-not-authorized", f"{IN_POD} --action sts:AssumeRole --resource {ROLE_ARN}x",
                lambda lab: lab.aws("sts", "assume-role", "--role-arn", f"{ROLE_ARN}x", "--role-session-name", "me",
                                    principal=ROLE)),
    Provocation("boto3", _NO_POLICY, _LIST_BUCKETS, lambda lab: lab.python()),
    Provocation("boto3", "credentials-missing", WHOAMI, lambda lab: lab.python(**NO_CREDENTIALS)),
    Provocation("boto3", _WEB_DENIED, IN_POD, lambda lab: lab.python(**lab.token_file())),
    Provocation("boto3", "pod-identity-agent", IN_POD, lambda lab: lab.python(**AGENT)),
    Provocation("aws", "region-missing", WHOAMI,
                lambda lab: lab.run("env", "-u", "AWS_REGION", "-u", "AWS_DEFAULT_REGION", "aws", "eks",
                                    "list-clusters", **NO_CREDENTIALS)),
    Provocation("Go SDK", _NO_POLICY, _LIST_BUCKETS, lambda lab: lab.go()),
    Provocation("Go SDK", "credentials-missing", WHOAMI, lambda lab: lab.go(**NO_CREDENTIALS)),
    Provocation("Go SDK", "access-key-unknown", WHOAMI, lambda lab: lab.go(**UNKNOWN_KEY)),
    Provocation("Go SDK", _WEB_DENIED, IN_POD, lambda lab: lab.go(**lab.token_file())),
    Provocation("Go SDK", "web-identity-token-file", IN_POD,
                lambda lab: lab.go(**NO_CREDENTIALS, AWS_ROLE_ARN=ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE="/missing")),
    Provocation("Go SDK", "pod-identity-agent", IN_POD, lambda lab: lab.go(**AGENT)),
    Provocation("JavaScript SDK", _NO_POLICY, _LIST_BUCKETS, lambda lab: lab.node()),
    Provocation("JavaScript SDK", "credentials-missing", WHOAMI, lambda lab: lab.node(**NO_CREDENTIALS)),
    Provocation("JavaScript SDK", "access-key-unknown", WHOAMI, lambda lab: lab.node(**UNKNOWN_KEY)),
    Provocation("JavaScript SDK", _WEB_DENIED, IN_POD, lambda lab: lab.node(**lab.token_file())),
    Provocation("aws", "web-identity-no-provider", IN_POD,
                lambda lab: lab.web_identity(lab.clients.operate(
                    "eks-clu", "create", "token", "default", "--audience", "sts.amazonaws.com").stdout.strip())),
    Provocation("aws", "web-identity-audience", IN_POD, lambda lab: lab.web_identity(lab.token("example.com"))),
    Provocation("aws", "web-identity-invalid-token", IN_POD,
                lambda lab: lab.web_identity(f"{lab.token()[:-8]}AAAAAAAA")),
    Provocation("aws", _WEB_DENIED, IN_POD, lambda lab: lab.web_identity(lab.token())),
    Provocation("EKS Auth", "pod-identity-rejected", IN_POD,
                lambda lab: lab.aws("eks-auth", "assume-role-for-pod-identity", "--cluster-name", CLUSTER, "--token",
                                    lab.token(), principal="lab-admin")),
    Provocation("STS", "access-key-unknown", WHOAMI, lambda lab: lab.aws("sts", "get-caller-identity", **UNKNOWN_KEY)),
    Provocation("EKS", "access-key-unknown", WHOAMI, lambda lab: lab.aws("eks", "list-clusters", **UNKNOWN_KEY)),
    Provocation("EC2", "access-key-unknown", WHOAMI, lambda lab: lab.aws("ec2", "describe-instances", **UNKNOWN_KEY)),
    Provocation("STS", "access-key-secret", WHOAMI,
                lambda lab: lab.aws("sts", "get-caller-identity", **lab.wrong_secret())),
    Provocation("EKS", "access-key-secret", WHOAMI, lambda lab: lab.aws("eks", "list-clusters", **lab.wrong_secret())),
)  # fmt: skip
