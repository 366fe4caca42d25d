"""The command `pulumi`, run in a project's folder."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eks_access.errors import SourceError
from eks_access.sources.levels import too_many_levels

_INSTALL = "install Pulumi (https://www.pulumi.com/docs/install), or pass a file instead"


def run_pulumi(
    arguments: list[str], cwd: Path | None, stack: str | None, variables: Mapping[str, str] | None = None
) -> Any:
    """Run a command of Pulumi that prints JSON, and return that. Raises `SourceError` with Pulumi's error."""
    command = ["pulumi", *arguments, "--non-interactive"]
    command += [] if stack is None else ["--stack", stack]
    command += [] if cwd is None else ["--cwd", str(cwd)]
    try:
        done = subprocess.run(
            command, env={**os.environ, **(variables or {})}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise SourceError(f"`pulumi` cannot be run: {error.strerror}", _INSTALL) from error
    try:
        document = json.loads(done.stdout)
    except json.JSONDecodeError:
        document = None
    except RecursionError as error:
        raise too_many_levels(f"the output of `pulumi {' '.join(arguments[:2])}`") from error
    if done.returncode or not isinstance(document, dict):
        what = f"`pulumi {' '.join(arguments[:2])}`"
        raise SourceError(f"{what} failed: {_reason(done.stderr, document)}", f"run `{' '.join(command)}`")
    return document


def _reason(stderr: str, document: Any) -> str:
    """Return the errors that Pulumi reports in its JSON, else the end of its error output."""
    diagnostics = document.get("diagnostics") or [] if isinstance(document, dict) else []
    errors = [str(each.get("message", "")).strip() for each in diagnostics if each.get("severity") == "error"]
    return "; ".join(filter(None, errors)) or stderr.strip()[-1000:] or "it printed no JSON"
