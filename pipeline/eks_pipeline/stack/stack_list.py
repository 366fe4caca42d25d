"""The stacks that a backend has of a project. The command runs this itself, without the SDK of Pulumi."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from eks_pipeline.errors import OperationFailedError
from eks_pipeline.stack.reporter import plain

_MOST_SECONDS = 120
_MOST_CHARACTERS = 500


class ListedStack(msgspec.Struct, frozen=True, rename="camel"):
    """A stack, as `pulumi stack ls --json` has it."""

    name: str
    """Without organization and project where they are those of the user and of the folder."""
    resource_count: int | None = None
    """None if the backend does not have the number."""
    last_update: str = ""
    """Empty for a stack that was never updated, and while an update runs."""
    update_in_progress: bool = False

    @property
    def has_resources(self) -> bool:
        """Whether the stack has resources, or may have some."""
        is_updated = bool(self.last_update) if self.resource_count is None else self.resource_count > 0
        return is_updated or self.update_in_progress


def list_stacks(folder: Path, project: str, environment: Mapping[str, str]) -> list[ListedStack]:
    """Return the stacks of a project, from its folder. Raises `OperationFailedError`."""
    command = ["pulumi", "--non-interactive", "stack", "ls", "--json", "--project", project]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_MOST_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperationFailedError(f"`pulumi stack ls` failed: {error}") from error
    if done.returncode != 0:
        text = plain(done.stderr)[-_MOST_CHARACTERS:] or f"exit code {done.returncode}"
        raise OperationFailedError(f"`pulumi stack ls` failed: {text}")
    try:
        return msgspec.json.decode(done.stdout, type=list[ListedStack])
    except msgspec.MsgspecError as error:
        raise OperationFailedError(f"`pulumi stack ls` printed what cannot be read: {error}") from error
