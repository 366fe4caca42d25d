"""Failures of the engine that this package explains: a held lock, and a backend or key that the caller may not use."""

from __future__ import annotations

import json
import re
import shlex

from pulumi import automation as auto
from pulumi.automation import errors as engine_errors

from eks_pipeline.errors import BackendAccessError, PipelineError, StackLockedError
from eks_pipeline.stack import lock
from eks_pipeline.stack.job import Job

_DENIED = re.compile(
    r"User: (?P<caller>\S+) is not authorized to perform: (?P<action>\w+:\w+) on resource: \"?(?P<resource>[^\s\"]+)"
)
_OF_SECRETS = re.compile(r"secrets \(code=\w+\): operation error KMS")
_OF_STATE = re.compile(r"operation error S3.*(?:\.pulumi/|PermissionDenied)|(?:\.pulumi/|PermissionDenied).*error S3")
"""The engine's own calls. A call of a provider that AWS denies has neither form."""


def explain(error: auto.CommandError, job: Job) -> PipelineError | None:
    """Return the failure with its cause and fix, or None for one that this package does not know."""
    text = str(error)
    if isinstance(error, engine_errors.ConcurrentUpdateError):
        return StackLockedError(lock.explain(job.name, lock.read_holders(text), cancel_command(job)))
    for line in text.splitlines():
        denied = _DENIED.search(line)
        if denied is None:
            continue
        if _OF_SECRETS.search(line):
            what = f"the key that encrypts the secrets of stack {job.name!r}"
            return BackendAccessError(_denial(denied, what, "key"))
        if _OF_STATE.search(line):
            return BackendAccessError(_denial(denied, f"the backend of stack {job.name!r}", "bucket"))
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


def cancel_command(job: Job) -> str:
    """Return the command that removes the lock of a stack, for a shell in any folder."""
    backend = job.environment.get("PULUMI_BACKEND_URL")
    variable = f"PULUMI_BACKEND_URL={shlex.quote(backend)} " if backend else ""
    return f"{variable}pulumi cancel --yes -C {shlex.quote(str(job.project))} -s {shlex.quote(job.stack)}"


def _denial(denied: re.Match[str], what: str, kind: str) -> str:
    return (
        f"{denied['caller']} must be allowed {denied['action']} on {denied['resource']}, {what}\n"
        f"  fix: allow it in the policies of that principal, and in the policy of a {kind} in another account"
    )
