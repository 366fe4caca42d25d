"""Failures of the engine that this package explains: a held lock, a denied backend or key, and an unreadable state."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

from pulumi import automation as auto
from pulumi.automation import errors as engine_errors

from eks_pipeline.errors import BackendAccessError, PipelineError, StackLockedError, StateFileError
from eks_pipeline.fleet.state_location import BACKEND
from eks_pipeline.report import Operation
from eks_pipeline.stack import lock
from eks_pipeline.stack.job import Job

_DENIED = re.compile(
    r"User: (?P<caller>\S+) is not authorized to perform: (?P<action>\w+:\w+) on resource: \"?(?P<resource>[^\s\"]+)"
)
_OF_SECRETS = re.compile(r"secrets \(code=\w+\): operation error KMS")
_OF_STATE = re.compile(r"operation error S3.*(?:\.pulumi/|PermissionDenied)|(?:\.pulumi/|PermissionDenied).*error S3")
"""The engine's own calls. A call of a provider that AWS denies has neither form."""

_LOCK_REMAINS = "there was a problem deleting the lock at "
"""Part of a line that the engine prints to standard error. Its exit code is that of the update."""
_EMPTY_ATTRIBUTES = "failed to load checkpoint: EOF"
"""The engine's error if the `.attrs` file beside the state is empty. gocloud.dev, with which the engine writes a file
backend, replaces the state at once, and that file in two steps."""


def explain(error: auto.CommandError, job: Job) -> PipelineError | None:
    """Return the failure with its cause and fix, or None for one that this package does not know."""
    text = str(error)
    if isinstance(error, engine_errors.ConcurrentUpdateError):
        return StackLockedError(lock.explain(job.name, lock.read_holders(text), cancel_command(job)))
    if _EMPTY_ATTRIBUTES in text:
        return StateFileError(
            f"the state of stack {job.name!r} cannot be read: a killed update left {_attributes_file(job)} empty\n"
            f"  fix: remove that file, without which the engine reads the state, which is complete: run "
            f"`rm {shlex.quote(str(_attributes_file(job)))}`, and run this again"
        )
    for line in text.splitlines():
        denied = _DENIED.search(line)
        if denied is None:
            continue
        if _OF_SECRETS.search(line):
            return BackendAccessError(_key_denial(denied, job))
        if _OF_STATE.search(line):
            return BackendAccessError(_state_denial(denied, job))
    return None


def engine_text(error: auto.CommandError) -> str:
    """Return what the engine printed of a failure without events: its errors, and its diagnostics as JSON has them.

    The engine does not report a policy pack that fails to start, a wrong passphrase or a backend without network as
    events.
    """
    stdout, _, stderr = str(error).partition("\n stdout: ")[2].rpartition("\n stderr: ")
    try:
        messages = [str(each["message"]) for each in json.loads(stdout).get("diagnostics", ())]
    except (ValueError, AttributeError, KeyError, TypeError):
        messages = [stdout]
    return "\n".join(filter(None, (stderr.strip(), "".join(messages).strip())))


def explain_remaining_lock(text: str, job: Job) -> str | None:
    """Return why the lock of a stack remains after a command that printed `text`, and the fix; None if it does not."""
    line = next((line for line in text.splitlines() if _LOCK_REMAINS in line), None)
    if line is None:
        return None
    denied = _DENIED.search(line)
    cause = line.partition(_LOCK_REMAINS)[2] if denied is None else _denial(denied, _backend(job), "bucket")
    return f"the lock of stack {job.name!r} remains: {cause}\n  fix: then run `{cancel_command(job)}`"


def cancel_command(job: Job) -> str:
    """Return the command that removes the lock of a stack, for a shell in any folder."""
    backend = job.environment.get(BACKEND)
    variable = f"{BACKEND}={shlex.quote(backend)} " if backend else ""
    return f"{variable}pulumi cancel --yes -C {shlex.quote(str(job.project))} -s {shlex.quote(job.stack)}"


def _key_denial(denied: re.Match[str], job: Job) -> str:
    """Return the error of a denied call of KMS. The engine encrypts nothing but new data keys."""
    if job.operation is Operation.PREVIEW and denied["action"] == "kms:Encrypt":
        return (
            f"the settings of stack {job.name!r} have no encryptedkey, and {denied['caller']} must be allowed "
            f"{denied['action']} on {denied['resource']} to create it\n"
            "  fix: run `eks-pipeline refresh` for the stack once, as a principal that updates it, and commit the "
            "encryptedkey that it adds to the settings file"
        )
    return _denial(denied, f"the key that encrypts the secrets of stack {job.name!r}", "key")


def _state_denial(denied: re.Match[str], job: Job) -> str:
    if job.operation is Operation.PREVIEW and denied["action"] == "s3:PutObject":
        return (
            f"stack {job.name!r} does not exist, and {denied['caller']} must be allowed {denied['action']} on "
            f"{denied['resource']} to create it\n"
            "  fix: run `eks-pipeline refresh` for it once, as a principal that updates it"
        )
    return _denial(denied, _backend(job), "bucket")


def _backend(job: Job) -> str:
    return f"the backend of stack {job.name!r}"


def _attributes_file(job: Job) -> Path:
    """Return the path of the file with the attributes of the state, below the backend's folder if that is known."""
    backend = job.environment.get(BACKEND) or os.environ.get(BACKEND, "")
    file = f"{job.stack.rpartition('/')[2]}.json.attrs"
    if backend.startswith("file://"):
        stacks = job.project / Path(backend.removeprefix("file://").partition("?")[0]).expanduser() / ".pulumi/stacks"
        for found in stacks.rglob(file):
            if not found.stat().st_size:
                return found
    return Path(".pulumi/stacks/PROJECT", file)


def _denial(denied: re.Match[str], what: str, kind: str) -> str:
    return (
        f"{denied['caller']} must be allowed {denied['action']} on {denied['resource']}, {what}\n"
        f"  fix: allow it in the policies of that principal, and in the policy of a {kind} in another account"
    )
