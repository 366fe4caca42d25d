"""What the real engine prints and keeps of secrets: kubeconfigs with credentials, and inputs that are marked."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from kubeconfig_setting import with_credentials
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from lab.interfaces import clean_environment

MARK = "zq7xmark"
PERSON = f"arn:aws:iam::111122223333:user/{MARK}-person"
OTHER = "arn:aws:iam::111122223333:user/admin"
PROGRAM = """
import json
import pulumi
import eks_identity as eks

said = json.loads(open("said.json").read())


def value(given):
    return pulumi.Output.secret(given["secret"]) if isinstance(given, dict) and "secret" in given else given


for name, args in said.items():
    args = {key: [value(each) for each in one] if isinstance(one, list) else value(one) for key, one in args.items()}
    eks.AwsAuthMapping(name, args)
"""


class Engine:
    """`pulumi` as people type it, and all that it writes."""

    def __init__(self, folder, tools):
        self.folder = folder
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text("name: secrets\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        path = os.pathsep.join([str(tools.bin), sys.executable.rpartition("/")[0], os.environ["PATH"]])
        self.environment = {
            **clean_environment(os.environ),
            "PATH": path,
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # the engine then knows --event-log
        }
        self("stack", "init", "dev")

    def __call__(self, *command):
        """Exit code, and output, errors and events together."""
        done = subprocess.run(
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
        return done.returncode, done.stdout + done.stderr + written

    def run(self, operation, resources, *options):
        (self.folder / "said.json").write_text(json.dumps(resources))
        log = ("--event-log", "events.json", "--diff")
        return self(operation, *(["--yes", "--skip-preview"] if operation != "preview" else []), *log, *options)

    def state(self):
        return self("stack", "export")[1]


@pytest.fixture
def engine(tools, tmp_path):
    return Engine(tmp_path, tools)


def unreachable(user):
    return json.dumps(with_credentials(user))


UNREAD = "ConfigMap kube-system/aws-auth at https://127.0.0.1:9 cannot be read"
UNUSED = "the kubeconfig of https://127.0.0.1:9 cannot be used"


@pytest.mark.parametrize(
    ("kubeconfig", "reason"),
    [
        ({"secret": unreachable({"token": f"{MARK}-token"})}, UNREAD),
        (unreachable({"token": f"{MARK}\nin two lines"}), UNREAD),
        (
            unreachable({"exec": {"command": "false", "env": [{"name": "TOKEN", "value": MARK}], "args": [MARK]}}),
            UNUSED,
        ),
    ],
    ids=["secret", "plain, and no header", "plain, and a command that fails"],
)
def test_a_kubeconfig_with_credentials_is_in_no_diagnostic(engine, kubeconfig, reason):
    """Where the cluster cannot be read a preview says why, and shows no property; no report has the kubeconfig."""
    code, written = engine.run("preview", {"m": {"kubeconfig": kubeconfig, "arn": OTHER, "groups": ["x"]}})
    assert code != 0
    assert reason in written
    assert "fix:" in written
    assert MARK not in written
    assert "current-context" not in written


def test_secret_inputs_are_in_no_output_and_no_state(engine, client, api_server, kubeconfig_of):
    """Through an up, an existing entry, an API server that forbids and a destroy; ids of resources have none either."""
    secret = {"kubeconfig": api_server, "arn": {"secret": PERSON}, "groups": ["x", {"secret": f"{MARK}-group"}]}
    code, written = engine.run("up", {"m": secret})
    assert code == 0, written
    assert f"{MARK}-group" in client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapUsers"]
    assert MARK not in written + engine.state()

    refused = {"kubeconfig": api_server, "arn": {"secret": PERSON.replace("person", "b")}, "groups": ["x"]}
    theirs = f"- userarn: {PERSON.replace('person', 'b')}\n  username: {MARK}\n  groups: [x]\n"
    mine = client.get(ConfigMap, "aws-auth", namespace="kube-system").data["mapUsers"]
    client.replace(
        ConfigMap(metadata=ObjectMeta(name="aws-auth", namespace="kube-system"), data={"mapUsers": mine + theirs})
    )
    code, written = engine.run("up", {"m": secret, "b": refused})
    assert code != 0
    assert "ConfigMap kube-system/aws-auth" in written
    assert MARK not in written + engine.state()

    nobody = kubeconfig_of(f"arn:aws:iam::111122223333:user/{MARK}")
    code, written = engine.run("up", {"m": {**secret, "kubeconfig": nobody, "username": {"secret": MARK}}})
    assert code != 0
    assert "cannot be read" in written
    assert MARK not in written + engine.state()

    code, written = engine.run("destroy", {})
    assert code == 0, written
    assert MARK not in written
