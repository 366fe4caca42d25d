"""A Pulumi program of a test in a running lab, and pods, tokens and roles to verify its results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulumi import automation

from lab.lab_dir import LabDir
from lab.principals import OTHER_ADMINISTRATOR, client, folder_of
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.lab_project import LabProject, write_project

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"

HEAD = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import eks_identity as eks

config = json.loads(pulumi.Config().require("config"))
"""


class Stack(LabProject):
    """A project with one stack. Its program, a file or a text after `HEAD`, reads `config`."""

    def __init__(self, folder: Path, home: LabDir, tools: Tools, program: str | Path) -> None:
        text = program if isinstance(program, Path) else HEAD + program
        super().__init__(home, tools, write_project(folder, "pods", text))

    def configure(self, config: Mapping[str, Any]) -> automation.Stack:
        """Set what the program reads as `config`, and return the stack."""
        self.stack.set_config("config", automation.ConfigValue(json.dumps(config)))
        return self.stack

    def up(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Update without a preview and return the outputs."""
        outputs = self.configure(config).up().outputs
        return {name: output.value for name, output in outputs.items()}

    def steps(self, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Update and return operation and type of each changed resource, in the order in which the engine finished."""
        return [(operation, kind) for operation, kind, _ in self.changes(config)]

    def changes(self, config: Mapping[str, Any], *, refresh: bool = False) -> list[tuple[str, str, str]]:
        """Update and return operation, type and logical name of each changed resource, in the same order."""
        changes: list[tuple[str, str, str]] = []

        def note(event: automation.EngineEvent) -> None:
            outputs = event.res_outputs_event
            if outputs is not None and outputs.metadata.op != automation.OpType.SAME:
                step = outputs.metadata
                changes.append((str(step.op.value), step.type.rpartition(":")[2], step.urn.rpartition("::")[2]))

        self.configure(config).up(on_event=note, refresh=refresh)
        return changes


class Pods:
    """Service accounts and pods of one cluster, with kubectl and aws."""

    def __init__(self, clients: LabClients, cluster: str) -> None:
        self.clients = clients
        self.cluster = cluster

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        result = self.clients.operate(self.cluster, *arguments, stdin=stdin)
        assert result.worked, result.stderr
        return result.stdout

    def run(self, name: str, account: str, *command: str, namespace: str = "default") -> str:
        """Run `aws` with these arguments in a pod, and return its log."""
        container = {"name": "aws", "image": "amazon/aws-cli", "args": list(command)}
        spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container]}
        metadata = {"name": name, "namespace": namespace}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(document))
        try:
            return self.clients.logs_when_done(self.cluster, name)
        finally:
            self.kubectl("delete", "pod", name, "-n", namespace, "--now", "--wait=false")

    def caller_arn(self, name: str, account: str) -> str:
        """Return the ARN that STS GetCallerIdentity returns in a pod of the service account."""
        return self.run(name, account, "sts", "get-caller-identity", "--query", "Arn", "--output", "text").strip()

    def token(self, account: str, audience: str = "sts.amazonaws.com", namespace: str = "default") -> str:
        return self.kubectl("create", "token", account, "-n", namespace, "--audience", audience).strip()

    def assume(self, role_arn: str, token: str) -> str:
        """Assume the role with a web identity token, and return `works` or the error code."""
        session = ("--role-session-name", "test", "--web-identity-token", token)
        return self.clients.aws("sts", "assume-role-with-web-identity", "--role-arn", role_arn, *session).verdict

    @property
    def issuer(self) -> str:
        response = client(self.clients.home, "eks").describe_cluster(name=self.cluster)
        return str(response["cluster"]["identity"]["oidc"]["issuer"])

    @contextmanager
    def oidc_provider(self) -> Iterator[str]:
        """Yield the ARN of the account's OIDC provider for this cluster, created for the block if there is none."""
        iam = client(self.clients.home, "iam")
        host = self.issuer.removeprefix("https://")
        for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            if provider["Arn"].endswith(f"oidc-provider/{host}"):
                yield provider["Arn"]
                return
        created = iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=["sts.amazonaws.com"])
        try:
            yield created["OpenIDConnectProviderArn"]
        finally:
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=created["OpenIDConnectProviderArn"])


def get_role(clients: LabClients, name: str, principal: str = "lab-admin") -> dict[str, Any]:
    """Return the role as `aws iam get-role` describes it."""
    result = clients.aws("iam", "get-role", "--role-name", name, principal=principal)
    assert result.worked, result.stderr
    role: dict[str, Any] = json.loads(result.stdout)["Role"]
    return role


def other_account(home: LabDir) -> str:
    """Return the path of the credentials file of the second account's administrator."""
    return str(folder_of(home, OTHER_ADMINISTRATOR) / "credentials")
