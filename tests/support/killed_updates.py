"""Updates of a stack that are killed at an event of the engine, and the commands that its user runs afterwards."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from support.lab_project import REPOSITORY, LabProject

TIMEOUT = 300
MAX_UPDATES = 6
_COMMAND = re.compile(r"`(pulumi [^`]*)`")


@dataclass(frozen=True)
class Outcome:
    """How a run of the engine or of the pipeline ended."""

    code: int
    text: str
    events: int
    """Number of the engine's events until the end."""


@dataclass(frozen=True)
class Recovery:
    """What a user had to do after a killed update, and the output of the update that succeeded."""

    commands: tuple[str, ...]
    text: str


class KillableStack:
    """A stack that the engine updates as a process of its own, without a preview."""

    def __init__(self, project: LabProject) -> None:
        self.project = project
        self._events = project.folder / "events.jsonl"
        self._output = project.folder / "output.txt"

    def update(self, at: int | None = None, then: Callable[[psutil.Process], None] | None = None, **variables: str
               ) -> Outcome:  # fmt: skip
        """Update the stack. When the engine has written `at` events, call `then` with its process."""
        self._events.unlink(missing_ok=True)
        self._events.touch()
        command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", self.project.stack_name]
        command += ["--cwd", str(self.project.folder), "--event-log", str(self._events)]
        with self._output.open("w") as output:
            engine = subprocess.Popen(
                command, cwd=REPOSITORY, env=self.project.environment() | {"PULUMI_DEBUG_COMMANDS": "true"} | variables,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                if at is not None and then is not None and self._wait_for_event(engine, at):
                    then(psutil.Process(engine.pid))
                code = engine.wait(timeout=TIMEOUT)
            finally:
                engine.kill()
                engine.wait()
        return Outcome(code, self._output.read_text(), self._count())

    def pipeline(self, operation: str) -> Outcome:
        """Run the pipeline, as the user does, with its messages in `text`."""
        command = (sys.executable, "-m", "pipeline", operation, "--stack", self.project.stack_name)
        done = self.project.run(*command, "--cwd", str(self.project.folder))
        return Outcome(done.returncode, done.stderr + done.stdout, 0)

    def converge(self) -> Recovery:
        """Update until it succeeds, and do after each failure what the messages say, as a user does."""
        steps: list[str] = []
        for _ in range(MAX_UPDATES):
            outcome = self.update()
            if outcome.code == 0:
                # The pipeline's message says so: the engine keeps the interrupted creation of a component.
                steps += self._run("pulumi refresh --clear-pending-creates") if self.pending() else []
                return Recovery(tuple(steps), outcome.text)
            steps += self._delete_existing(outcome.text) or self._follow(outcome.text)
        raise AssertionError(f"the stack does not converge after {steps}: {outcome.text}")

    def _delete_existing(self, text: str) -> list[str]:
        """Delete roles that a killed update created, as the pipeline's message says. They have no policies yet."""
        pending = [operation["resource"] for operation in self.pending() if operation["type"] == "creating"]
        roles = [each["inputs"]["name"] for each in pending if each["type"] == "aws:iam/role:Role"]
        existing = [role for role in roles if f"Role with name {role} already exists" in text]
        for role in existing:
            self.project.aws("iam", "delete-role", "--role-name", role)
        return [f"aws iam delete-role --role-name {role}" for role in existing]

    def _follow(self, text: str) -> list[str]:
        """Run the first `pulumi` command of each of the messages in `text`, and what its own message says.

        A message without a command means: fix the cause, and update again.
        """
        commands = [match.group(1) for match in map(_COMMAND.search, _messages(text)) if match]
        return [step for command in dict.fromkeys(commands) for step in self._run(command)]

    def _run(self, command: str) -> list[str]:
        options = ["--cwd", str(self.project.folder), "--stack", self.project.stack_name, "--non-interactive"]
        options += [] if "--yes" in command else ["--yes"]
        done = self.project.run(*shlex.split(command), *options)
        if done.returncode == 0:
            return [command]
        assert "`pulumi cancel`" in done.stderr, (command, done.stderr, done.stdout)
        return [*self._run("pulumi cancel"), *self._run(command)]

    def locks(self) -> list[Path]:
        return [path for path in (self.project.folder / "state").rglob("*.json") if "locks" in path.parts]

    def pending(self) -> list[dict[str, Any]]:
        """Return the pending operations of the state."""
        deployment = json.loads(self.project.pulumi("stack", "export"))["deployment"]
        pending: list[dict[str, Any]] = deployment.get("pending_operations") or []
        return pending

    def _count(self) -> int:
        return self._events.read_bytes().count(b"\n")

    def _wait_for_event(self, engine: subprocess.Popen[bytes], at: int) -> bool:
        while self._count() < at:
            if engine.poll() is not None:
                return False
            time.sleep(0.002)
        return True


def _messages(text: str) -> list[str]:
    """Return the messages in an output of the engine: each begins with `error:` or, in a message, with `fix:`."""
    return re.split(r"^\s*(?:error|fix): ", text, flags=re.MULTILINE)


def kill_group(engine: psutil.Process) -> None:
    """Kill the engine with its plugins and its program at once, as a machine that ends a job does."""
    family = [engine, *engine.children(recursive=True)]
    for process in family:
        process.suspend() if process.is_running() else None
    family = list({process.pid: process for process in (*family, *engine.children(recursive=True))}.values())
    _kill(family)


def kill_engine(engine: psutil.Process) -> None:
    """Kill the engine only: its plugins complete the calls that they make.

    They end when they notice; Python's language host looks for the engine every five minutes and is killed earlier.
    """
    children = engine.children(recursive=True)
    os.kill(engine.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=5)
    _kill(alive)


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
