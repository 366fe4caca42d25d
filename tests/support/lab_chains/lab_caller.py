"""The shell of a user: AWS credentials and a kubeconfig in files of its own, which breaks and fixes change."""

from __future__ import annotations

import configparser
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import botocore.auth
import yaml
from click.testing import CliRunner

from eks_access.cli import commands
from eks_access.sources import live_caller
from lab.principals import ADMINISTRATOR, folder_of
from lab.scenarios.clients import CommandResult, LabClients
from support.lab_chains.lab_shell import inside_lab

REQUEST = ("--verb", "list", "--resource", "pods", "--namespace", "default")


@dataclass
class LabCaller:
    """A user with a kubeconfig of `aws eks update-kubeconfig` for one cluster."""

    clients: LabClients
    user: str
    cluster: str
    folder: Path
    clock_skew: timedelta = field(default_factory=timedelta)
    """How much the clock of this process is ahead, for the clients that run in it."""

    def __post_init__(self) -> None:
        self.use_credentials(self.user)
        self.run("aws", "eks", "update-kubeconfig", "--name", self.cluster)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def access_key(self) -> str:
        stored = configparser.RawConfigParser()
        stored.read(self.folder / "credentials")
        return stored.get("default", "aws_access_key_id")

    def use_credentials(self, principal: str) -> None:
        """Copy the files of a principal: an access key that is deleted later stays in the copy."""
        self.clients.environment(principal)  # writes them
        for name in ("config", "credentials"):
            shutil.copy(folder_of(self.clients.home, principal) / name, self.folder / name)

    def change_cluster(self, server: str, certificate_authority: str) -> None:
        """Write another API server into the kubeconfig's cluster."""
        document = yaml.safe_load(self.kubeconfig.read_text())
        document["clusters"][0]["cluster"] = {"server": server, "certificate-authority-data": certificate_authority}
        self.kubeconfig.write_text(yaml.safe_dump(document))

    def run(self, *command: str) -> CommandResult:
        """Run a program in this shell."""
        return self.clients.run(*command, **self._variables())

    def play(self, command: str) -> None:
        """Run the text of a command in this shell. Raises `AssertionError` if it fails."""
        done = self.run("sh", "-c", command)
        assert done.worked, f"{command}\n{done.stdout}{done.stderr}"

    def can_list_pods(self) -> bool:
        """Return whether kubectl lists pods."""
        return self.run("kubectl", "get", "pods", "-n", "default").worked

    def whoami(self) -> tuple[list[tuple[str, str]], str, int]:
        """Return link and kind of each finding of `eks-access trace whoami`, its only fix, and the exit code."""
        with inside_lab(self.clients, ADMINISTRATOR, **self._variables()), self._clock():
            done = CliRunner().invoke(commands, ["trace", "whoami", *REQUEST, "--json"])
        assert done.stdout.startswith("{"), (done.output, done.exception)
        links = [link for link in json.loads(done.stdout)["trace"]["links"] if "finding" in link]
        fixes = [link["finding"]["fix"] for link in links]
        texts = [fix.get("advice") or " && ".join(" ".join(each) for each in fix["commands"]) for fix in fixes]
        return [(link["name"], link["finding"]["kind"]["id"]) for link in links], "\n".join(texts), done.exit_code

    def _variables(self) -> dict[str, str]:
        return {
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "KUBECONFIG": str(self.kubeconfig),
        }

    @contextmanager
    def _clock(self) -> Iterator[None]:
        """Let the clients of this process sign with another clock."""
        with (
            mock.patch.object(botocore.auth, "get_current_datetime", self._shifted(botocore.auth.get_current_datetime)),
            mock.patch.object(live_caller, "now", self._shifted(live_caller.now)),
        ):
            yield

    def _shifted(self, clock: Callable[[], datetime]) -> Callable[[], datetime]:
        return lambda: clock() + self.clock_skew
