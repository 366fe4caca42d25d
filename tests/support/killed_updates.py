"""Updates of a stack that are killed within, and the commands that its user runs afterwards."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from support.lab_project import REPOSITORY, LabProject

TIMEOUT = 1200
"""Seconds after which an update hangs. On a busy machine one takes a minute."""
MAX_UPDATES = 8
_EDITOR = Path(__file__).with_name("aws_auth_editor.py")
_COMMAND = re.compile(r"`((?:pulumi|aws|kubectl) [^`]*)`")
_MAPPED = re.compile(r"arn: '(arn:[^']+)'\s+rule: must be mapped once")
_EXISTING_ROLE = re.compile(r"EntityAlreadyExists: Role with name (\S+) already exists")
_EMPTY_ATTRIBUTES = "failed to load checkpoint: EOF"

Injection = Callable[[psutil.Process], bool]
"""Called with the engine's process again and again, until it returns whether the fault is injected."""


@dataclass(frozen=True)
class Outcome:
    """How a run of the engine ended."""

    code: int
    text: str
    events: int
    """Number of the engine's events until the end."""
    is_injected: bool = False
    """The fault was injected before the engine ended."""


@dataclass(frozen=True)
class Recovery:
    """What a user had to do after a killed update, and the outputs of the updates until one succeeded."""

    commands: tuple[str, ...]
    outputs: tuple[str, ...]


class KillableStack:
    """A stack that the engine updates as a process of its own, without a preview."""

    def __init__(self, project: LabProject, kubeconfig: str = "") -> None:
        self.project = project
        self._events = project.folder / "events.jsonl"
        self._output = project.folder / "output.txt"
        self._kubeconfig = project.folder / "kubeconfig"
        self._kubeconfig.write_text(kubeconfig)

    def update(self, inject: Injection | None = None, **variables: str) -> Outcome:
        """Update the stack, and inject a fault into the update."""
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
                is_injected = inject is not None and _until_injected(engine, inject)
                code = engine.wait(timeout=TIMEOUT)
            finally:
                engine.kill()
                engine.wait()
        return Outcome(code, self._output.read_text(), self._count(), is_injected)

    def at_event(self, number: int, act: Callable[[psutil.Process], object]) -> Injection:
        """Act when the engine has written that many events."""

        def inject(engine: psutil.Process) -> bool:
            is_due = self._count() >= number
            if is_due:
                act(engine)
            return is_due

        return inject

    def after_step(
        self,
        operation: str,
        type_: str,
        is_done: Callable[[dict[str, Any]], bool],
        act: Callable[[psutil.Process], object],
    ) -> Injection:
        """Act when a step is done and the engine does not know it yet: the engine is stopped while `is_done` looks."""

        size, inputs = 0, None

        def inject(engine: psutil.Process) -> bool:
            nonlocal size, inputs
            if inputs is None and (written := self._events.stat().st_size) > size:
                size, inputs = written, self._inputs_of_step(operation, type_)
            if inputs is None:
                return False
            engine.suspend()
            if is_done(inputs):
                act(engine)
                return True
            engine.resume()
            return False

        return inject

    def converge(self) -> Recovery:
        """Update until it succeeds, and do after each failure what the messages say, as a user does."""
        steps: list[str] = []
        outputs: list[str] = []
        for _ in range(MAX_UPDATES):
            outcome = self.update()
            outputs.append(outcome.text)
            if outcome.code == 0:
                # The pipeline's message says so: the engine keeps the interrupted creation of a component.
                steps += self._run("pulumi refresh --clear-pending-creates") if self.pending() else []
                return Recovery(tuple(steps), tuple(outputs))
            steps += self._repair_state(outcome.text)
            steps += [*self._delete_existing(outcome.text), *self._follow(outcome.text)]
        raise AssertionError("\n".join([f"the stack does not converge after {steps}", *outputs]))

    def _repair_state(self, text: str) -> list[str]:
        """Remove the empty file beside the state that a killed update left, as the pipeline's message says."""
        if _EMPTY_ATTRIBUTES not in text:
            return []
        attributes = self._state_file().with_suffix(".json.attrs")
        assert attributes.stat().st_size == 0, text
        attributes.unlink()
        return [f"rm {attributes.name}"]

    def _delete_existing(self, text: str) -> list[str]:
        """Delete roles that the state lacks, as the pipeline's message says. They have no policies yet."""
        existing = sorted(set(_EXISTING_ROLE.findall(text)))
        for role in existing:
            assert role not in [each.get("id") for each in self.resources()], text
            self.project.aws("iam", "delete-role", "--role-name", role)
        return [f"aws iam delete-role --role-name {role}" for role in existing]

    def _follow(self, text: str) -> list[str]:
        """Run the first command of each of the messages in `text`, and what its own message says.

        A message without a command means: fix the cause, and update again.
        """
        mapped = _MAPPED.search(text)
        editor = shlex.join([sys.executable, str(_EDITOR), mapped[1] if mapped else ""])
        commands = [match[1] for match in map(_COMMAND.search, _messages(text)) if match]
        return [step for command in dict.fromkeys(commands) for step in self._run(command, KUBE_EDITOR=editor)]

    def _run(self, command: str, **variables: str) -> list[str]:
        options = ["--cwd", str(self.project.folder), "--stack", self.project.stack_name, "--non-interactive"]
        options += [] if "--yes" in command else ["--yes"]
        own = options if command.startswith("pulumi ") else []
        done = self.project.run(*shlex.split(command), *own, KUBECONFIG=str(self._kubeconfig), **variables)
        if done.returncode == 0:
            return [command]
        assert "`pulumi cancel`" in done.stderr, (command, done.stderr, done.stdout)
        return [*self._run("pulumi cancel"), *self._run(command)]

    def forget_history(self) -> None:
        """Delete the copies of former states, of which each update adds two."""
        for name in ("backups", "history"):
            shutil.rmtree(self.project.folder / "state/.pulumi" / name, ignore_errors=True)

    def locks(self) -> list[Path]:
        return [path for path in (self.project.folder / "state").rglob("*.json") if "locks" in path.parts]

    def resources(self) -> list[dict[str, Any]]:
        """Return the resources of the state."""
        return list(self._state().get("resources") or [])

    def pending(self) -> list[dict[str, Any]]:
        """Return the pending operations of the state."""
        return list(self._state().get("pending_operations") or [])

    def _state(self) -> dict[str, Any]:
        """Return the state as the engine wrote it: `pulumi stack export` would start the engine for each look."""
        latest: dict[str, Any] = json.loads(self._state_file().read_text())["checkpoint"]["latest"]
        return latest

    def _state_file(self) -> Path:
        (file,) = (self.project.folder / "state/.pulumi/stacks").rglob(f"{self.project.stack_name}.json")
        return file

    def _count(self) -> int:
        return self._events.read_bytes().count(b"\n")

    def _inputs_of_step(self, operation: str, type_: str) -> dict[str, Any] | None:
        """Return the inputs of the first resource of a type for which the engine has begun this operation."""
        for line in self._events.read_text().splitlines(keepends=True):
            if "resourcePreEvent" not in line or type_ not in line or not line.endswith("\n"):
                continue
            step = json.loads(line)["resourcePreEvent"]["metadata"]
            if (step["op"], step["type"]) == (operation, type_):
                inputs: dict[str, Any] = (step["old"] if operation == "delete" else step["new"])["inputs"]
                return inputs
        return None


def _until_injected(engine: subprocess.Popen[bytes], inject: Injection) -> bool:
    process = psutil.Process(engine.pid)
    while engine.poll() is None:
        if inject(process):
            return True
        time.sleep(0.002)
    return False


def _messages(text: str) -> list[str]:
    """Return the messages in an output of the engine: each begins with `error:` or, in a message, with `fix:`."""
    _, *parts = re.split(r"^\s*(error|fix|warning): ", text, flags=re.MULTILINE)
    return [message for kind, message in zip(parts[::2], parts[1::2], strict=True) if kind != "warning"]


def kill_group(engine: psutil.Process) -> None:
    """Kill the engine with its plugins and its program at once, as a machine that ends a job does."""
    family = [engine, *engine.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
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
        with suppress(psutil.NoSuchProcess):
            process.kill()
