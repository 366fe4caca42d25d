"""A Pulumi project in a folder, run on the lab by the pipeline, for its reports, or by the engine, for its events."""

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
from support.pipeline_events import report_of

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "ap-northeast-1"


class FailedError(AssertionError):
    """The pipeline failed. The message is its error output."""


def write_project(folder: Path, name: str, program: str | Path, **settings: Any) -> Path:
    """Write a project with one program, text or file, and one stack, `dev`, with these settings. Return the folder."""
    config = {"aws:region": REGION} | {f"{name}:{key}": value for key, value in settings.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    (folder / "__main__.py").write_text(program.read_text() if isinstance(program, Path) else program)
    return folder


class LabStack(automation.Stack):
    """A stack of the Automation API that queries its outputs and history only when a test reads them.

    Each query runs the engine's command, and `up`, `refresh` and `destroy` would run it every time.
    """

    def outputs(self) -> Any:
        return _Lazy(super().outputs)

    def info(self, show_secrets: bool | None = None) -> Any:  # noqa: FBT001 - as in the base class
        return _Lazy(partial(super().info, show_secrets))


class _Lazy:
    """A result that is computed at its first use, which must be before the next operation."""

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
    """One stack of the project in `folder`, which also has its state."""

    def __init__(
        self, home: LabDir, tools: Tools, folder: Path, stack: str = "dev", principal: str = "lab-admin"
    ) -> None:
        self.home, self.tools, self.folder, self.stack_name, self.principal = home, tools, folder, stack, principal
        self.outputs: dict[str, Any] = {}
        """The outputs of the last update, with plain secrets."""
        (folder / "state").mkdir(exist_ok=True)

    def environment(self, principal: str | None = None) -> dict[str, str]:
        """Return the lab's environment, by default for the project's own principal."""
        own = {"PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}", "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "1"}
        return process_environment(self.home, self.tools.bin, principal or self.principal) | own

    @cached_property
    def stack(self) -> automation.Stack:
        """The stack in the Automation API, whose errors are `CommandError`s."""
        environment = self.environment()
        workspace = automation.LocalWorkspace(
            work_dir=str(self.folder), pulumi_home=environment["PULUMI_HOME"], env_vars=environment
        )
        return LabStack(self.stack_name, workspace, StackInitMode.CREATE_OR_SELECT)

    def run(
        self, *command: str, principal: str | None = None, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the lab, without checking its exit code."""
        environment = self.environment(principal) | variables
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, input=stdin, capture_output=True, text=True, check=False
        )

    def pipeline(self, operation: str, *options: str, **variables: str) -> dict[str, Any]:
        """Run the pipeline and return its report. Raises `FailedError` with its error output."""
        command = [sys.executable, "-m", "pipeline", operation, "--stack", self.stack_name, "--cwd", str(self.folder)]
        completed = self.run(*command, "--runs", str(self.folder / "runs"), "--json", *options, **variables)
        if completed.returncode:
            raise FailedError(completed.stderr)
        return report_of(completed.stdout)

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
        """Run the engine's command and return its output."""
        options = ("--stack", self.stack_name, "--cwd", str(self.folder), "--non-interactive")
        completed = self.run("pulumi", *arguments, *options)
        assert completed.returncode == 0, completed.stderr + completed.stdout
        return completed.stdout

    def aws(self, *arguments: str) -> Any:
        """Run the aws command as the project's principal and return its result."""
        completed = self.run("aws", *arguments, "--output", "json")
        assert completed.returncode == 0, completed.stderr
        return json.loads(completed.stdout or "null")

    def kubectl_with(
        self, kubeconfig: str, *arguments: str, principal: str | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl with a kubeconfig of the stack's outputs."""
        file = self.folder / "kubeconfig"
        file.write_text(kubeconfig)
        return self.run("kubectl", "--kubeconfig", str(file), *arguments, principal=principal, stdin=stdin)

    def resources(self, type_: str = "") -> list[dict[str, Any]]:
        """Return the resources in the stack's state, of one type or of all types."""
        state = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])
        return [resource for resource in state if type_ in {"", resource["type"]}]
