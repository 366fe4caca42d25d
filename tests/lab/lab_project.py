"""A Pulumi project in a folder, run on the lab: by the pipeline for its reports, by the engine alone for its events."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from lab.environment import process_environment
from lab.lab_dir import LabDir
from lab.tools import Tools

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "ap-northeast-1"


class FailedError(AssertionError):
    """The pipeline ended with a failure; what it said."""


def write_project(folder: Path, name: str, program: str, **settings: Any) -> Path:
    """Writes a project of one program and one stack, `dev`, with these settings; gives the folder."""
    config = {"aws:region": REGION} | {f"{name}:{key}": value for key, value in settings.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    (folder / "__main__.py").write_text(program)
    return folder


class LabStack(automation.Stack):
    """A stack of the Automation API that asks for its outputs and history only when a test reads them.

    Each costs a run of the engine's command, and `up`, `refresh` and `destroy` would ask for them every time.
    """

    def outputs(self) -> Any:
        return _Later(super().outputs)

    def info(self, show_secrets: bool | None = None) -> Any:  # noqa: FBT001 - as in the base class
        return _Later(partial(super().info, show_secrets))


class _Later:
    """A result that is computed when it is first used, which must be before the next operation."""

    def __init__(self, compute: Callable[[], Any]) -> None:
        self._compute = compute

    @cached_property
    def _result(self) -> Any:
        return self._compute()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)

    def __getitem__(self, key: str) -> Any:
        return self._result[key]


class LabProject:
    """One stack of the project in `folder`, which holds its state too."""

    def __init__(
        self, home: LabDir, tools: Tools, folder: Path, stack: str = "dev", principal: str = "lab-admin"
    ) -> None:
        self.home, self.tools, self.folder, self.stack_name, self.principal = home, tools, folder, stack, principal
        self.outputs: dict[str, Any] = {}
        """The outputs of the last update, with plain secrets."""
        (folder / "state").mkdir(exist_ok=True)

    def environment(self, principal: str | None = None) -> dict[str, str]:
        """The lab's environment for the project's own principal, or for another one."""
        own = {"PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}", "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "1"}
        return process_environment(self.home, self.tools.bin, principal or self.principal) | own

    @cached_property
    def stack(self) -> automation.Stack:
        """The stack by the Automation API, whose refusals are `CommandError`s."""
        environment = self.environment()
        workspace = automation.LocalWorkspace(
            work_dir=str(self.folder), pulumi_home=environment["PULUMI_HOME"], env_vars=environment
        )
        return LabStack(self.stack_name, workspace, StackInitMode.CREATE_OR_SELECT)

    def run(
        self, *command: str, principal: str | None = None, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program in the lab, whether it works or not."""
        environment = self.environment(principal) | variables
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, input=stdin, capture_output=True, text=True, check=False
        )

    def pipeline(self, operation: str, *options: str, **variables: str) -> dict[str, Any]:
        """Runs the pipeline, and gives its report; raises `FailedError` with what was said where it fails."""
        command = [sys.executable, "-m", "pipeline", operation, "--stack", self.stack_name, "--cwd", str(self.folder)]
        done = self.run(*command, "--json", *options, **variables)
        if done.returncode:
            raise FailedError(done.stderr)
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def update(self, **options: Any) -> list[str]:
        """Update by the engine without a preview, and return operation and URN of each change."""
        changes: list[str] = []

        def note(event: automation.EngineEvent) -> None:
            if event.resource_pre_event:
                step = event.resource_pre_event.metadata
                if step.op not in {automation.OpType.SAME, automation.OpType.READ}:
                    changes.append(f"{step.op.value} {step.urn}")

        outputs = self.stack.up(on_event=note, **options).outputs
        self.outputs = {name: output.value for name, output in outputs.items()}
        return changes

    def pulumi(self, *arguments: str) -> str:
        """What the engine's own command writes."""
        at = ("--stack", self.stack_name, "--cwd", str(self.folder), "--non-interactive")
        done = self.run("pulumi", *arguments, *at)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def aws(self, *arguments: str) -> Any:
        """What AWS's command answers to the project's principal."""
        done = self.run("aws", *arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    def kubectl_with(
        self, kubeconfig: str, *arguments: str, principal: str | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs kubectl with a kubeconfig that the stack gave out."""
        file = self.folder / "kubeconfig"
        file.write_text(kubeconfig)
        return self.run("kubectl", "--kubeconfig", str(file), *arguments, principal=principal, stdin=stdin)

    def resources(self, type_: str = "") -> list[dict[str, Any]]:
        """The resources of the stack of a type, or of all types, as the engine has them in its state."""
        state = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])
        return [resource for resource in state if type_ in {"", resource["type"]}]
