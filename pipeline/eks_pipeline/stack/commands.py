"""The engine's commands on one stack.

No command selects the stack. `pulumi stack select`, which the Automation API runs, writes a file that all stacks of a
project share (https://github.com/pulumi/pulumi/issues/8186): two processes would change each other's stack.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from pulumi import automation as auto
from pulumi.automation import errors as engine_errors

from eks_pipeline.errors import MissingEngineError, OperationFailedError
from eks_pipeline.fleet import settings_file
from eks_pipeline.stack import failures, lock
from eks_pipeline.stack.engine import CancellableEngine
from eks_pipeline.stack.engine_output import EngineEvent, PreviewOutput
from eks_pipeline.stack.job import Job

OnEvent = Callable[[EngineEvent], object]

_VARIABLES = {"PULUMI_DEBUG_COMMANDS": "true"}
"""The engine has the option `--event-log` only with this variable, as the Automation API sets it."""
_EXPERIMENTAL = {"PULUMI_EXPERIMENTAL": "true"}
"""The engine has the option `--plan` only with this variable."""
_POLL_SECONDS = 0.05
_LOCK_ATTEMPTS = 4
_RACE_SECONDS = (1.0, 4.0)
"""Pause after a race for the lock; its random length decides who is first the next time."""


class StackCommands:
    """The engine's commands on the stack of a job. Each raises the Automation API's `CommandError` if it fails."""

    def __init__(self, job: Job, engine: CancellableEngine) -> None:
        self._job = job
        self._engine = engine
        self._log = job.folder / "events.jsonl"

    def export(self) -> dict[str, Any]:
        """Return the exported state of the stack, with encrypted secrets. Creates the stack on first use."""
        try:
            return self._export()
        except engine_errors.StackNotFoundError:
            self._create()
            return self._export()

    def with_settings(self, file: Path, *, refresh: bool = False) -> StackCommands:
        """Return the commands with another settings file."""
        options = msgspec.structs.replace(self._job.options, refresh=refresh)
        return StackCommands(msgspec.structs.replace(self._job, config_file=file, options=options), self._engine)

    def set_settings(self, values: Mapping[str, str]) -> None:
        """Change values of the settings file by their paths. The engine keeps its comments."""
        for path, value in values.items():
            self._run("config", "set", "--path", "--plaintext", *self._config_file(), path, value)

    def read_state(self) -> dict[str, Any]:
        """Return the exported state of an existing stack. Changes nothing."""
        return self._export()

    def preview(self, on_event: OnEvent, save_plan: Path | None = None) -> PreviewOutput:
        """Preview an update."""
        events: list[EngineEvent] = []

        def note(event: EngineEvent) -> None:
            events.append(event)
            on_event(event)

        options = ["--json", "--show-sames", "--show-reads", *self._refresh(), *self._policy_packs()]
        variables = {}
        if save_plan is not None:
            save_plan.parent.mkdir(parents=True, exist_ok=True)
            options += ["--save-plan", str(save_plan)]
            variables = _EXPERIMENTAL
        output = self._run_with_events(["preview", *options, *self._config_file()], note, variables)
        return PreviewOutput(json.loads(output.stdout), events)

    def up(self, on_event: OnEvent, plan: Path | None = None) -> None:
        """Update the stack without a preview."""
        options = ["--yes", "--skip-preview", *self._refresh(), *self._policy_packs(), *self._config_file()]
        options += [] if plan is None else ["--plan", str(plan)]
        self._run_with_lock(["up", *options], on_event, {} if plan is None else _EXPERIMENTAL)

    def destroy(self, on_event: OnEvent) -> None:
        """Delete all resources of the stack."""
        self._run_with_lock(["destroy", "--yes", "--skip-preview", *self._config_file()], on_event)

    def refresh(self, on_event: OnEvent) -> None:
        """Update the state from the resources that exist."""
        self._run_with_lock(["refresh", "--yes", "--skip-preview", *self._config_file()], on_event)

    def outputs(self, *, show_secrets: bool) -> dict[str, Any]:
        """Return the stack outputs as the engine prints them: `[secret]` for secrets, nested ones included.

        The Automation API hides an output only if all of it is secret.
        """
        options = ["--show-secrets"] if show_secrets else []
        outputs: dict[str, Any] = json.loads(self._run("stack", "output", "--json", *options))
        return dict(sorted(outputs.items()))

    def _export(self) -> dict[str, Any]:
        exported: dict[str, Any] = json.loads(self._run("stack", "export"))
        return exported

    def _create(self) -> None:
        """Create the stack with the secrets provider of its settings, which `stack init` itself ignores."""
        provider = settings_file.secrets_provider(self._job.settings)
        options = [] if provider is None else ["--secrets-provider", provider]
        with suppress(engine_errors.StackAlreadyExistsError):  # another run has just created it
            self._retry_races(lambda: self._run("stack", "init", "--no-select", *options))

    def _config_file(self) -> list[str]:
        return [] if self._job.config_file is None else ["--config-file", str(self._job.config_file)]

    def _refresh(self) -> list[str]:
        return ["--refresh"] if self._job.options.refresh else []

    def _policy_packs(self) -> list[str]:
        return [option for pack in self._job.options.policy_packs for option in ("--policy-pack", str(pack))]

    def _run(self, *arguments: str) -> str:
        return self._execute(*arguments).stdout

    def _execute(self, *arguments: str, variables: Mapping[str, str] | None = None) -> auto.CommandResult:
        command = [*arguments, "--stack", self._job.stack]
        environment = {**self._job.environment, **_VARIABLES, **(variables or {})}
        return self._engine.run(command, str(self._job.project), environment)

    def _run_with_lock(
        self, arguments: Sequence[str], on_event: OnEvent, variables: Mapping[str, str] | None = None
    ) -> None:
        """Run a command that takes the lock of the stack. A lock that it could not remove is a warning."""

        def run() -> None:
            result = self._run_with_events(arguments, on_event, variables)
            if (text := failures.explain_remaining_lock(result.stderr, self._job)) is not None:
                on_event({"diagnosticEvent": {"severity": "warning", "message": text}})

        self._retry_races(run)

    def _retry_races(self, run: Callable[[], object]) -> None:
        """Run a command again that lost the lock to one that started at the same time: both may have given up."""
        for attempt in range(1, _LOCK_ATTEMPTS + 1):
            started = datetime.now(UTC)
            try:
                run()
            except engine_errors.ConcurrentUpdateError as error:
                if attempt == _LOCK_ATTEMPTS or not lock.is_race(lock.read_holders(str(error)), started):
                    raise
                time.sleep(random.uniform(*_RACE_SECONDS))  # noqa: S311 - decides no secret
            else:
                return

    def _run_with_events(
        self, arguments: Sequence[str], on_event: OnEvent, variables: Mapping[str, str] | None = None
    ) -> auto.CommandResult:
        """Run a command and call `on_event` for each event while it runs."""
        self._log.write_text("")
        with _LogReader(self._log, on_event):
            return self._execute(*arguments, "--event-log", str(self._log), variables=variables)


class _LogReader:
    """Reads the engine's event log while the engine writes it."""

    def __init__(self, log: Path, on_event: OnEvent) -> None:
        self._log, self._on_event = log, on_event
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._read_all, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Raise `OperationFailedError` if events are missing, unless the command itself has failed."""
        self._ended.set()
        self._thread.join()
        if self._error is not None and kind is None:
            raise OperationFailedError(
                f"the engine's event log {self._log} cannot be read, so policy findings may be missing: {self._error!r}"
                "\n  fix: check the space on that disk, and run the same operation again"
            ) from self._error

    def _read_all(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - an exception of a thread would be lost
            self._error = error

    def _read(self) -> None:
        with self._log.open(encoding="utf-8") as stream:
            part = ""
            while True:
                is_last = self._ended.is_set()  # before the read: nothing is written after it
                for line in stream:
                    part += line
                    if part.endswith("\n"):
                        self._on_event(json.loads(part))
                        part = ""
                if is_last:
                    return
                self._ended.wait(_POLL_SECONDS)


def create_engine() -> CancellableEngine:
    """Return the engine of PATH; raise `MissingEngineError` if there is none, or if it is too old."""
    try:
        return CancellableEngine()
    except FileNotFoundError as error:
        raise MissingEngineError(
            'no `pulumi` on PATH\n  fix: install Pulumi, or in a shell for the lab run: eval "$(python -m lab env)"'
        ) from error
    except auto.InvalidVersionError as error:
        raise MissingEngineError(f"{error}\n  fix: install a newer Pulumi") from error


def private_folder(folder: Path) -> Path:
    """Create a folder that only its owner reads: previews name what a stack contains."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)  # noqa: PTH101
    return folder
