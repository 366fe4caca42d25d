"""A Pulumi program of a test's own in a running lab, and the pods, tokens and roles that show what it did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab_project import LabProject, write_project
from pulumi import automation

from lab.lab_dir import LabDir
from lab.principals import OTHER_ADMINISTRATOR, client, folder_of
from lab.scenarios.clients import LabClients
from lab.tools import Tools

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"

HEAD = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import eks_identity as eks

said = json.loads(pulumi.Config().require("said"))
"""


class Stack(LabProject):
    """One project and stack, its program the text that it is given; `said` is what the program reads."""

    def __init__(self, folder: Path, home: LabDir, tools: Tools, program: str) -> None:
        super().__init__(home, tools, write_project(folder, "pods", HEAD + program))

    def say(self, said: Mapping[str, Any]) -> automation.Stack:
        """The stack, whose program reads this from now on."""
        self.stack.set_config("said", automation.ConfigValue(json.dumps(said)))
        return self.stack

    def up(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Updates without a preview; the outputs."""
        done = self.say(said).up()
        return {name: output.value for name, output in done.outputs.items()}

    def steps(self, said: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Updates; what the engine was done with, in its order: operation and type of each resource that changed."""
        return [(operation, kind) for operation, kind, _ in self.changes(said)]

    def changes(self, said: Mapping[str, Any], *, refresh: bool = False) -> list[tuple[str, str, str]]:
        """The same, each with its logical name."""
        seen: list[tuple[str, str, str]] = []

        def note(event: automation.EngineEvent) -> None:
            done = event.res_outputs_event
            if done is not None and done.metadata.op != automation.OpType.SAME:
                of = done.metadata
                seen.append((str(of.op.value), of.type.rpartition(":")[2], of.urn.rpartition("::")[2]))

        self.say(said).up(on_event=note, refresh=refresh)
        return seen


class Pods:
    """Service accounts and pods of one cluster, seen with kubectl and aws."""

    def __init__(self, world: LabClients, cluster: str) -> None:
        self.world = world
        self.cluster = cluster

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        answer = self.world.operate(self.cluster, *arguments, stdin=stdin)
        assert answer.worked, answer.stderr
        return answer.stdout

    def run(self, name: str, account: str, *command: str, namespace: str = "default") -> str:
        """The log of a pod that runs `aws` with these arguments to its end."""
        container = {"name": "aws", "image": "amazon/aws-cli", "args": list(command)}
        spec = {"serviceAccountName": account, "restartPolicy": "Never", "containers": [container]}
        metadata = {"name": name, "namespace": namespace}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self.kubectl("apply", "-f", "-", stdin=json.dumps(document))
        try:
            return self.world.logs_when_done(self.cluster, name)
        finally:
            self.kubectl("delete", "pod", name, "-n", namespace, "--now", "--wait=false")

    def who(self, name: str, account: str) -> str:
        """Whom AWS takes a pod of the service account for."""
        return self.run(name, account, "sts", "get-caller-identity", "--query", "Arn", "--output", "text").strip()

    def token(self, account: str, audience: str = "sts.amazonaws.com", namespace: str = "default") -> str:
        return self.kubectl("create", "token", account, "-n", namespace, "--audience", audience).strip()

    def assume(self, role_arn: str, token: str) -> str:
        """What STS says to a token: `works`, or the word of the refusal."""
        session = ("--role-session-name", "test", "--web-identity-token", token)
        return self.world.aws("sts", "assume-role-with-web-identity", "--role-arn", role_arn, *session).verdict

    @property
    def issuer(self) -> str:
        found = client(self.world.home, "eks").describe_cluster(name=self.cluster)
        return str(found["cluster"]["identity"]["oidc"]["issuer"])

    @contextmanager
    def vouched_for(self) -> Iterator[str]:
        """The ARN of the account's OIDC provider for this cluster; registered here where there is none."""
        iam = client(self.world.home, "iam")
        host = self.issuer.removeprefix("https://")
        for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
            if provider["Arn"].endswith(f"oidc-provider/{host}"):
                yield provider["Arn"]
                return
        made = iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=["sts.amazonaws.com"])
        try:
            yield made["OpenIDConnectProviderArn"]
        finally:
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])


def get_role(world: LabClients, name: str, principal: str = "lab-admin") -> dict[str, Any]:
    """What `aws iam get-role` shows."""
    answer = world.aws("iam", "get-role", "--role-name", name, principal=principal)
    assert answer.worked, answer.stderr
    role: dict[str, Any] = json.loads(answer.stdout)["Role"]
    return role


def other_account(home: LabDir) -> str:
    """The credentials file of the administrator of the second account."""
    return str(folder_of(home, OTHER_ADMINISTRATOR) / "credentials")
