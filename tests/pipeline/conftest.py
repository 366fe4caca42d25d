"""A small Pulumi project with its own backend, for runs of the pipeline with the real engine."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.tools import Tools

PROGRAM = """
import pulumi
from pulumi import dynamic
from wait import Wait

config = pulumi.Config()
if config.get_bool("broken"):
    raise ValueError("the program is broken on purpose")
Wait("waits", config.get("until"), pulumi.ResourceOptions(protect=config.get_bool("protected") or None))
pulumi.export("greeting", "hello")
pulumi.export("password", pulumi.Output.secret("s3cret"))
secret = pulumi.Output.secret("s3cret")
pulumi.export("users", {"me": {"name": "me", "password": secret}, "tokens": [secret]})
"""
WAIT = """
import os, time
from pulumi import dynamic, ResourceOptions


class _WaitProvider(dynamic.ResourceProvider):
    def create(self, props):
        if props.get("until"):
            open(props["until"] + ".started", "w").close()
            while not os.path.exists(props["until"]):
                time.sleep(0.02)
        return dynamic.CreateResult("wait", props)


class Wait(dynamic.Resource):
    def __init__(self, name, until, opts):
        super().__init__(_WaitProvider(), name, {"until": until}, opts)
"""


class Runner:
    """Runs `python -m pipeline` in the test project."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.project = project
        self.environment = environment

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "pipeline", *arguments, "--cwd", str(self.project)]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture
def runner(tmp_path: Path, tools: Tools) -> Runner:
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (project / "Pulumi.test.yaml").write_text("config: {}\n")
    (project / "__main__.py").write_text(PROGRAM)
    (project / "wait.py").write_text(WAIT)
    (tmp_path / "state").mkdir()
    return Runner(
        project,
        {
            "PATH": os.pathsep.join([str(tools.bin), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        },
    )


@pytest.fixture
def settings(runner: Runner) -> Callable[..., None]:
    """Return a function that writes the stack's settings."""

    def write(**values: object) -> None:
        lines = "".join(f"  tiny:{name}: {value}\n" for name, value in values.items())
        (runner.project / "Pulumi.test.yaml").write_text(f"config:\n{lines}")

    return write
