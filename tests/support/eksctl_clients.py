"""The clients of a lab with the real eksctl, and what kubectl and aws see afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lab.lab_dir import LabDir
from lab.scenarios.clients import CommandResult, LabClients

ACCOUNT = "arn:aws:iam::123456789012"
ANNOTATION = "eks.amazonaws.com/role-arn"


class EksctlClients(LabClients):
    """The vendors' clients of a lab, with eksctl."""

    def __init__(self, home: LabDir, bin_folder: Path, eksctl: Path) -> None:
        super().__init__(home, bin_folder)
        self._eksctl = eksctl

    def eksctl(self, *arguments: str, **options: str) -> CommandResult:
        """Run eksctl. `options` are those of `run`."""
        return self.run(str(self._eksctl), *arguments, **options)

    def done(self, *arguments: str, **options: str) -> str:
        """Run eksctl, check that it succeeds, and return its output."""
        result = self.eksctl(*arguments, **options)
        assert result.worked, result.stdout + result.stderr
        return result.stdout

    def listed(self, *arguments: str) -> Any:
        """Return the list of an `eksctl get` command."""
        return json.loads(self.done("get", *arguments, "--output", "json"))

    def query(self, *arguments: str) -> Any:
        """Return the output of an aws command as a JSON value, or None if it prints nothing."""
        result = self.aws(*arguments, "--output", "json")
        assert result.worked, result.stderr
        return json.loads(result.stdout) if result.stdout.strip() else None

    def stack_names(self) -> list[str]:
        """Return the names of the CloudFormation stacks that exist."""
        names: list[str] = self.query("cloudformation", "describe-stacks", "--query", "Stacks[].StackName")
        return names

    def read(self, cluster: str, *arguments: str) -> Any:
        """Return an object of a cluster, as kubectl reads it, or None if there is none."""
        result = self.operate(cluster, "get", "--ignore-not-found", *arguments, "-o", "json")
        assert result.worked, result.stderr
        return json.loads(result.stdout) if result.stdout else None

    def mappings(self, cluster: str) -> dict[str, Any]:
        """Return the parsed data of the ConfigMap aws-auth."""
        data = self.read(cluster, "configmap", "aws-auth", "--namespace", "kube-system")["data"]
        return {key: yaml.safe_load(text) for key, text in data.items()}

    def pod_log(self, cluster: str, name: str, *command: str, service_account: str = "default") -> str:
        """Run a pod of the image amazon/aws-cli, and return its log."""
        spec = {
            "serviceAccountName": service_account,
            "restartPolicy": "Never",
            "containers": [{"name": "aws", "image": "amazon/aws-cli", "args": list(command)}],
        }
        applied = self.apply(cluster, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
        assert applied.worked, applied.stderr
        return self.logs_when_done(cluster, name)
