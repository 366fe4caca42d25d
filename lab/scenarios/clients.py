"""The clients of a scenario's steps: the vendors' programs as processes, each in the lab's environment."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tenacity
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import yaml_text
from lab.environment import process_environment
from lab.kubeconfig import update_kubeconfig
from lab.lab_dir import LabDir
from lab.plugins.install import REPOSITORY
from lab.principals import ADMINISTRATOR

COMMAND_TIMEOUT = 900
"""Seconds after which a program counts as hung: far more than an update takes on a busy machine, because an interrupted
update leaves resources that its state does not list."""

_ERROR_CODES = {
    "You must be logged in to the server": "Unauthorized",  # kubectl's message for HTTP 401
    "Forbidden": "Forbidden",
    "AccessDenied": "AccessDenied",
    "InvalidIdentityToken": "InvalidIdentityToken",
    "ExpiredTokenException": "ExpiredTokenException",
}


@dataclass(frozen=True)
class CommandResult:
    """The exit code and the output of a program."""

    code: int
    stdout: str
    stderr: str

    @property
    def worked(self) -> bool:
        return self.code == 0

    @property
    def verdict(self) -> str:
        """`works`, or the error code in the program's output."""
        if self.worked:
            return "works"
        for words, verdict in _ERROR_CODES.items():
            if words in self.stderr + self.stdout:
                return verdict
        return (self.stderr or self.stdout).strip().splitlines()[-1][:160] if self.stderr or self.stdout else "failed"


class LabClients:
    """The aws, kubectl and pulumi commands of a lab's users."""

    def __init__(self, home: LabDir, bin_folder: Path) -> None:
        self.home = home
        self.bin = bin_folder
        self._environments: dict[str, dict[str, str]] = {}
        self._settings = home.folder / "settings"
        self._settings.mkdir(exist_ok=True)

    def signing_key(self, cluster: str) -> rsa.RSAPrivateKey:
        """Return the key that signs the cluster's service account tokens, to sign an expired token with it."""
        pem = (self._cluster_folder(cluster) / "sa.key").read_bytes()
        key = serialization.load_pem_private_key(pem, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def _cluster_folder(self, cluster: str) -> Path:
        (folder,) = self.home.folder.glob(f"clusters/*-{cluster}-*")
        return folder

    def environment(self, principal: str = ADMINISTRATOR) -> dict[str, str]:
        if principal not in self._environments:
            self._environments[principal] = process_environment(self.home, self.bin, principal)
        return dict(self._environments[principal])

    def run(self, *command: str, principal: str = ADMINISTRATOR, stdin: str = "", **variables: str) -> CommandResult:
        """Run a program as `principal`, with a new HOME, so that no client reuses a cache of an earlier call."""
        with tempfile.TemporaryDirectory(dir=self.home.folder) as fresh_home:
            done = subprocess.run(
                command,
                env={**self.environment(principal), "HOME": fresh_home, **variables},
                cwd=REPOSITORY,
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=COMMAND_TIMEOUT,
            )
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def aws(self, *arguments: str, principal: str = ADMINISTRATOR, **variables: str) -> CommandResult:
        return self.run("aws", *arguments, principal=principal, **variables)

    def kubectl(self, cluster: str, *arguments: str, principal: str, stdin: str = "") -> CommandResult:
        """Run kubectl with the kubeconfig that `aws eks update-kubeconfig` wrote for `principal`."""
        return self.run("kubectl", f"--context={cluster}", *arguments, principal=principal, stdin=stdin)

    def operate(self, cluster: str, *arguments: str, stdin: str = "") -> CommandResult:
        """Run kubectl as the cluster's operator, by client certificate, where cluster access is not under test."""
        kubeconfig = self._cluster_folder(cluster) / "admin.kubeconfig"
        return self.run("kubectl", f"--kubeconfig={kubeconfig}", *arguments, stdin=stdin)

    def update_kubeconfig(self, cluster: str, principal: str) -> None:
        update_kubeconfig(self.home, self.bin, cluster, principal)

    def apply(self, cluster: str, manifest: dict[str, Any]) -> CommandResult:
        return self.operate(cluster, "apply", "-f", "-", stdin=json.dumps(manifest))

    def logs_when_done(self, cluster: str, pod: str, *, container: str | None = None) -> str:
        """Return the pod's log after the pod has ended."""
        self.until_finished(cluster, pod)
        selection = ["-c", container] if container else []
        return self.operate(cluster, "logs", pod, *selection).stdout

    def until_finished(self, cluster: str, pod: str) -> str:
        """Wait until the pod has succeeded or failed, and return its phase."""

        @tenacity.retry(
            retry=tenacity.retry_if_result(lambda phase: phase not in {"Succeeded", "Failed"}),
            stop=tenacity.stop_after_delay(60),
            wait=tenacity.wait_fixed(0.2),
        )
        def phase() -> str:
            return self.operate(cluster, "get", "pod", pod, "-o", "jsonpath={.status.phase}").stdout

        return phase()

    def pipeline(self, operation: str, settings: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the pipeline on the `lab` stack, by default with the stack's own settings, and return its report."""
        command = [sys.executable, "-m", "pipeline", operation, "--stack", "lab", "--json"]
        command += ["--runs", str(self._settings / "runs")]
        if settings is not None:
            command += ["--config-file", str(self._write(settings))]
        result = self.run(*command)
        events = [json.loads(line) for line in result.stdout.splitlines()]
        reports: list[dict[str, Any]] = [each["report"] for each in events if each["event"] == "stack_finished"]
        if not reports:
            raise AssertionError(f"{' '.join(command)}: {result.stderr}")
        return reports[0]

    def engine_state(self) -> list[dict[str, Any]]:
        """Return the resources in the state of the `lab` stack."""
        exported = self.run("pulumi", "stack", "export", "--stack", "lab", "--non-interactive")
        resources: list[dict[str, Any]] = json.loads(exported.stdout)["deployment"].get("resources", [])
        return resources

    def settings(self) -> dict[str, Any]:
        """Return the settings of the `lab` stack, to change and pass to `pipeline`."""
        loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "Pulumi.lab.yaml").read_text())
        return loaded

    def _write(self, settings: dict[str, Any]) -> Path:
        file = self._settings / "Pulumi.lab.yaml"
        file.write_text(yaml_text.dump(settings))
        return file
