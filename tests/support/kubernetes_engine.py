"""Runs the engine on programs of tests in a separate process.

An inline program that fails leaks its event loop and coroutine, whose warnings the garbage collector would raise in a
later test. In a separate process they affect no test.
"""

import functools
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dill
import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from support.lab_project import LabStack

Declare = Callable[[pulumi.ResourceOptions], object]


@dataclass(frozen=True)
class Job:
    """One operation of the engine on the stack of `folder`."""

    operation: str
    folder: Path
    home: Path
    environment: dict[str, str]
    provider: dict[str, Any]
    declare: bytes = b""


@dataclass(frozen=True)
class Step:
    operation: str
    type: str
    name: str
    causes: tuple[str, ...]


@dataclass
class Outcome:
    changes: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    warnings: str = ""
    failure: str | None = None


class Stack:
    """A Pulumi stack on the cluster, with a program for each operation."""

    def __init__(self, executor: ProcessPoolExecutor, folder: Path, home: Path, environment: dict[str, str]) -> None:
        self.provider: dict[str, Any] = {}
        """Arguments of the Provider of the program's objects."""
        self._executor = executor
        self._location = (folder, home, environment)

    def destroy(self) -> None:
        self.outcome("destroy")

    def fails(self, declare: Declare, operation: str = "up") -> str:
        """Run an operation that must fail, and return its error."""
        outcome = self._run(operation, declare)
        assert outcome.failure is not None, f"it did not fail: {outcome.changes}"
        return outcome.failure

    def outcome(self, operation: str, declare: Declare | None = None) -> Outcome:
        outcome = self._run(operation, declare)
        if outcome.failure is not None:
            pytest.fail(outcome.failure)
        return outcome

    def state(self) -> str:
        """Return the text of the state file, with encrypted secrets."""
        return (self._location[0] / ".pulumi/stacks/plugins/test.json").read_text()

    def _run(self, operation: str, declare: Declare | None) -> Outcome:
        program = dill.dumps(declare, recurse=True) if declare else b""
        return self._executor.submit(operate, Job(operation, *self._location, self.provider, program)).result()


def operate(job: Job) -> Outcome:
    """Run `job` in the separate process and return its outcome."""
    declare = dill.loads(job.declare) if job.declare else None  # noqa: S301 - from this test run itself

    def program() -> None:
        provider = k8s.Provider("cluster", **job.provider)
        assert declare is not None
        declare(pulumi.ResourceOptions(provider=provider))

    outcome = Outcome()
    try:
        stack = open_stack(job.folder, job.home, tuple(job.environment.items()))
        stack.workspace.program = program
        getattr(stack, job.operation)(on_event=lambda event: _note(event, outcome), color="never")
    except automation.CommandError as error:
        outcome.failure = str(error)
    return outcome


@functools.cache
def open_stack(folder: Path, home: Path, environment: tuple[tuple[str, str], ...]) -> automation.Stack:
    """Create the stack of `folder` once, because each access starts the engine's program again."""
    workspace = automation.LocalWorkspace(
        work_dir=str(folder),
        pulumi_home=str(home),
        program=lambda: None,
        env_vars=dict(environment),
        project_settings=automation.ProjectSettings(
            name="plugins",
            runtime="python",
            backend=automation.ProjectBackend(f"file://{folder}"),
        ),
    )
    return LabStack("test", workspace, StackInitMode.CREATE)


def _note(event: automation.EngineEvent, outcome: Outcome) -> None:
    if event.resource_pre_event:
        step = event.resource_pre_event.metadata
        outcome.steps.append(Step(step.op.value, step.type, step.urn.rpartition("::")[2], tuple(step.keys or ())))
    if event.diagnostic_event and event.diagnostic_event.severity == "warning":
        outcome.warnings += event.diagnostic_event.message
    if event.summary_event:
        outcome.changes = {
            str(getattr(operation, "value", operation)): count
            for operation, count in event.summary_event.resource_changes.items()
        }
