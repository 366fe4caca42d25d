"""Secrets in output and state of the engine: kubeconfigs with credentials, and secret inputs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from lab.interfaces import clean_environment
from support.kubeconfig_documents import with_credentials

MARK = "zq7xmark"
USER = f"arn:aws:iam::111122223333:user/{MARK}-user"
OTHER = "arn:aws:iam::111122223333:user/admin"
PROGRAM = Path(__file__).with_name("secret_values_program.py")


class Engine:
    """The `pulumi` command, and all of its output."""

    def __init__(self, folder, tools):
        self.folder = folder
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text("name: secrets\nruntime: python\n")
        shutil.copy(PROGRAM, folder / "__main__.py")
        path = os.pathsep.join([str(tools.bin), sys.executable.rpartition("/")[0], os.environ["PATH"]])
        self.environment = {
            **clean_environment(os.environ),
            "PATH": path,
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # enables --event-log
        }
        self("stack", "init", "dev")

    def __call__(self, *command):
        """Run pulumi and return the exit code, and output, errors and events as one text."""
        result = subprocess.run(
            ["pulumi", *command, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        events = self.folder / "events.json"
        written = events.read_text() if events.exists() else ""
        events.unlink(missing_ok=True)
        return result.returncode, result.stdout + result.stderr + written

    def run(self, operation, resources, *options):
        (self.folder / "resources.json").write_text(json.dumps(resources))
        log = ("--event-log", "events.json", "--diff")
        return self(operation, *(["--yes", "--skip-preview"] if operation != "preview" else []), *log, *options)

    def state(self):
        return self("stack", "export")[1]


@pytest.fixture
def engine(tools, tmp_path):
    return Engine(tmp_path, tools)


SERVER = "https://255.255.255.255:9"
"""An address without a route: a connection fails at once, and is not tried again."""


def unreachable(user):
    return json.dumps(with_credentials(user)).replace("https://127.0.0.1:9", SERVER)


UNREADABLE = f"ConfigMap kube-system/aws-auth at {SERVER} cannot be read"
UNUSABLE = f"the kubeconfig of {SERVER} cannot be used"


@pytest.mark.parametrize(
    ("kubeconfig", "reason"),
    [
        ({"secret": unreachable({"token": f"{MARK}-token"})}, UNREADABLE),
        (unreachable({"token": f"{MARK}\nin two lines"}), UNREADABLE),
        (
            unreachable({"exec": {"command": "false", "env": [{"name": "TOKEN", "value": MARK}], "args": [MARK]}}),
            UNUSABLE,
        ),
    ],
    ids=["secret token", "invalid token", "failing exec command"],
)
def test_kubeconfig_credentials_are_in_no_diagnostic(engine, kubeconfig, reason):
    """A preview that cannot read the cluster fails with the reason, and its output contains no credentials."""
    code, written = engine.run("preview", {"m": {"kubeconfig": kubeconfig, "arn": OTHER, "groups": ["x"]}})
    assert code != 0
    assert reason in written
    assert "fix:" in written
    assert MARK not in written
    assert "current-context" not in written


def test_secret_inputs_are_in_no_output_and_no_state(engine, client, api_server, kubeconfig_of):
    """Update, conflict, denied request and destroy show no secret input, and the state and resource ids have none."""
    secret = {"kubeconfig": api_server, "arn": {"secret": USER}, "groups": ["x", {"secret": f"{MARK}-group"}]}
    code, written = engine.run("up", {"m": secret})
    assert code == 0, written
    assert f"{MARK}-group" in client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapUsers"]
    assert MARK not in written + engine.state()

    conflicting = {"kubeconfig": api_server, "arn": {"secret": USER.replace("-user", "-b")}, "groups": ["x"]}
    theirs = f"- userarn: {USER.replace('-user', '-b')}\n  username: {MARK}\n  groups: [x]\n"
    mine = client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapUsers"]
    client.replace(
        ConfigMap(metadata=ObjectMeta(name="aws-auth", namespace="kube-system"), data={"mapUsers": mine + theirs})
    )
    code, written = engine.run("up", {"m": secret, "b": conflicting})
    assert code != 0
    assert "ConfigMap kube-system/aws-auth" in written
    assert MARK not in written + engine.state()

    denied = kubeconfig_of(f"arn:aws:iam::111122223333:user/{MARK}")
    code, written = engine.run("up", {"m": {**secret, "kubeconfig": denied, "username": {"secret": MARK}}})
    assert code != 0
    assert "cannot be read" in written
    assert MARK not in written + engine.state()

    code, written = engine.run("destroy", {})
    assert code == 0, written
    assert MARK not in written
