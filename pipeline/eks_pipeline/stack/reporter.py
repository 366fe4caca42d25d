"""Adds each event of the engine to a report, and sends it on as an event of the run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from eks_pipeline.events import Diagnostic, Event, ResourceStep, StackStatus
from eks_pipeline.report import Change, PolicyFinding, StackReport
from eks_pipeline.stack.engine_output import EngineEvent

_PROGRAM_EXITED = "an unhandled error occurred: program exited with non-zero exit code"
"""The message that the engine adds when a program fails."""
_PROGRAM_CANCELLED = ("Program failed with an unhandled exception:", "Exception: context canceled")
"""Begin and end of the traceback of a Python program that the engine cancels after another error."""
_PENDING = "pending operations from previous deployment"
"""Words of the engine's warning of operations that a killed update did not end."""
_AFTER_PENDING = (
    "fix: run this again; if it fails because one of them exists, delete that one, which no completed update uses, or "
    "run `pulumi import TYPE NAME ID` for it, with `--parent COMPONENT=URN` if a component declares it, and run this "
    "again; if the warning stays after an update that succeeded, run `pulumi refresh "
    "--clear-pending-creates`; an object with a generated name may exist in addition: look for it"
)
_EXISTING_ROLE = re.compile(r"EntityAlreadyExists: Role with name (\S+) already exists")
"""IAM's error of a role that exists, also if a killed update created it, or AWS's response to its creation was lost."""
_UNAUTHORIZED = "the server has asked for the client to provide credentials"
"""The Kubernetes provider's error if the API server rejects a token: it does not say that credentials have expired."""
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_UNREPORTED_STEPS = {"same", "read", "read-discard", "discard", "create-replacement", "delete-replaced"}


class EventReporter:
    """Adds events of the engine to a report."""

    def __init__(self, report: StackReport, send: Callable[[Event], object]) -> None:
        self._report = report
        self._send = send

    def on_event(self, event: EngineEvent) -> None:
        """Add the event to the report and send it on."""
        if step := event.get("resourcePreEvent"):
            self._step(step["metadata"])
        elif step := event.get("resOpFailedEvent"):
            change = Change(step["metadata"]["urn"], step["metadata"]["type"], step["metadata"]["op"])
            self._send(ResourceStep(stack=self._report.stack, change=change, failed=True))
        elif diagnostic := event.get("diagnosticEvent"):
            if diagnostic["severity"] in {"error", "warning"}:
                self._diagnostic(diagnostic["severity"], diagnostic["message"])
        elif policy := event.get("policyEvent"):
            self._policy(policy)
        elif summary := event.get("summaryEvent"):
            self._report.summary = dict(summary["resourceChanges"])

    def on_preview_event(self, event: EngineEvent) -> None:
        """Report failures and diagnostics of the preview before an update, but not its steps, which change nothing."""
        if not event.get("resourcePreEvent") and not event.get("summaryEvent"):
            self.on_event(event)

    def status(self, text: str) -> None:
        """Send what the operation does now."""
        self._send(StackStatus(stack=self._report.stack, text=text))

    def _step(self, step: Mapping[str, Any]) -> None:
        if step["op"] in _UNREPORTED_STEPS or is_internal(step["type"], step["urn"]):
            return
        properties = sorted(step.get("detailedDiff") or step.get("diffs") or [])
        change = Change(step["urn"], step["type"], step["op"], properties)
        self._report.changes.append(change)
        self._send(ResourceStep(stack=self._report.stack, change=change))

    def _policy(self, event: Mapping[str, Any]) -> None:
        """Add a violation, which the update reports again after its preview."""
        finding = PolicyFinding(
            policy=event["policyName"],
            enforcement=event["enforcementLevel"],
            message=plain(event["message"]),
            urn=event.get("resourceUrn", ""),
            pack=event.get("policyPackName", ""),
        )
        if finding not in self._report.policies:
            self._report.policies.append(finding)
        self._diagnostic(finding.enforcement, event["message"])

    def _diagnostic(self, severity: str, message: str) -> None:
        text = plain(message)
        text += f"\n  {_AFTER_PENDING}" if _PENDING in text else ""
        if existing := _EXISTING_ROLE.search(text):
            text += (
                "\n  fix: if an interrupted update of this stack, or a call whose response was lost, created the role, "
                f"delete it: run `aws iam delete-role --role-name {existing[1]}`, and run this again; if not, choose "
                "another name"
            )
        if _UNAUTHORIZED in text:
            text += (
                "\n  fix: renew the AWS credentials if they expired, and run this again; if they did not, give their "
                "principal access to the cluster"
            )
        line = f"{severity}: {text}"
        if line in self._report.diagnostics:
            return  # the update repeats warnings of its preview
        if text.startswith(_PROGRAM_CANCELLED[0]) and text.endswith(_PROGRAM_CANCELLED[1]):
            return
        if text and not (self._report.diagnostics and text.startswith(_PROGRAM_EXITED)):
            self._report.diagnostics.append(line)
            self._send(Diagnostic(stack=self._report.stack, severity=severity, message=text))


def is_internal(kind: str, urn: str) -> bool:
    """Return whether a resource is the stack itself or a default provider, which the engine adds."""
    default_provider = kind.startswith("pulumi:providers:") and urn.rpartition("::")[2].startswith("default")
    return kind == "pulumi:pulumi:Stack" or default_provider


def plain(message: str) -> str:
    """Return `message` without the engine's color tags, such as `<{%reset%}>`, and without ANSI colors."""
    text, *parts = message.split("<{%")
    without_tags = text + "".join(part.partition("%}>")[2] for part in parts)
    return _ANSI.sub("", without_tags).strip()
