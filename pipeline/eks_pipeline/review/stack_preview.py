"""What a preview, or the drift of a stack, shows to a reviewer, as data: resources, access and policy findings.

`preview.json` of a run has it for all stacks; `up --reviewed` reads it. Values that are secrets are `[secret]`, and
values that only the update knows are `[unknown]`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from eks_access.findings import Finding
from eks_access.questions.diff import Difference
from eks_access.questions.drift.unmanaged import UnmanagedAccess
from eks_pipeline.errors import UsageError
from eks_pipeline.report import Operation, PolicyFinding

VERSION = 1
"""Version of the format."""
SECRET = "[secret]"  # noqa: S105 - stands in place of a secret
UNKNOWN = "[unknown]"


@dataclass(frozen=True)
class PlannedStep:
    """A step that the update will take on a resource."""

    urn: str
    type: str
    operation: str
    properties: tuple[str, ...] = ()
    """Paths of the properties that differ."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """Inputs after the update."""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class ClusterAccess:
    """How access to one cluster, and of its workloads to AWS, changes."""

    cluster: str
    """Name of the cluster; empty for a stack without one."""
    difference: Difference | None = None
    not_evaluated: str = ""
    """Why there is no difference."""
    unmanaged: tuple[UnmanagedAccess, ...] = ()
    """Of drift: access that is in no state."""
    expired: tuple[Finding, ...] = ()
    """Of drift: access entries after their last day."""
    restored: Difference | None = None
    """Of drift: what an update changes that brings the declared access back; None if it changes none."""

    def is_drift(self, *, allow_not_evaluated: bool = False) -> bool:
        """Return whether the access differs, or could not be compared; in all parts unless `allow_not_evaluated`."""
        found = self.difference
        if found is None or (found.not_evaluated and not allow_not_evaluated):
            return True
        return bool(found.changes or found.lockouts or self.unmanaged or self.expired)


@dataclass(frozen=True)
class StackPreview:
    """The preview of one stack."""

    stack: str
    steps: tuple[PlannedStep, ...] = ()
    unchanged: int = 0
    """Number of resources that the update does not change."""
    access: tuple[ClusterAccess, ...] = ()
    policies: tuple[PolicyFinding, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
    """Digests of what decides the update: the program, the settings, the policy packs."""


@dataclass(frozen=True)
class FailedPreview:
    """The preview of a stack that failed or did not run."""

    reasons: tuple[str, ...]
    policies: tuple[PolicyFinding, ...] = ()
    """What policy packs reported before the end. A mandatory violation fails the preview."""


@dataclass(frozen=True)
class OtherStack:
    """A stack of a project of the fleet that the fleet file does not have."""

    stack: str
    """`PROJECT/STACK`, with the organization before it where it is not that of the user."""
    resources: int | None = None
    """The number of resources in its state; None if the backend does not have the number."""
    backend: str = ""
    """URL of the backend without credentials; empty for that of `pulumi login`."""


@dataclass(frozen=True)
class OtherStacks:
    """Stacks that the fleet file does not have. Their access is not evaluated."""

    stacks: tuple[OtherStack, ...] = ()
    """Stacks with resources, without those that `ignored_stacks` acknowledges."""
    not_listed: tuple[str, ...] = ()
    """Projects whose stacks could not be listed, with the reason."""

    @property
    def is_incomplete(self) -> bool:
        """Whether a stack is outside of the fleet, or may be."""
        return bool(self.stacks or self.not_listed)


@dataclass(frozen=True)
class FleetPreview:
    """The previews of all stacks of a run."""

    version: int = VERSION
    operation: Operation = Operation.PREVIEW
    """`preview`, or `drift`: the differences are then from the states to the living clusters."""
    stacks: tuple[StackPreview, ...] = ()
    failed: dict[str, FailedPreview] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """Stacks of the fleet that `--stack` does not select."""
    other_stacks: OtherStacks = OtherStacks()
    """Empty with `--stack`: no stacks are listed then."""

    def stack(self, name: str) -> StackPreview | None:
        return next((each for each in self.stacks if each.stack == name), None)


def write(preview: StackPreview | FleetPreview, file: Path) -> None:
    """Write a preview as JSON."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(preview), indent=2) + b"\n")


def read_stack(file: Path) -> StackPreview:
    """Return the preview of one stack that `write` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=StackPreview)


def read_fleet(file: Path) -> FleetPreview:
    """Return the previews of a file of `preview`; raise `UsageError` for another file."""
    fix = "pass the file that `eks-pipeline preview --save FILE` wrote"
    try:
        preview = msgspec.json.decode(file.read_bytes(), type=FleetPreview)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"reviewed preview {file} must be a preview of eks-pipeline: {error}\n  fix: {fix}") from error
    if preview.operation is not Operation.PREVIEW:
        raise UsageError(f"reviewed preview {file} must be a preview, and is {preview.operation}\n  fix: {fix}")
    if preview.version != VERSION:
        rule = f"must have version {VERSION}, and has {preview.version}"
        raise UsageError(f"reviewed preview {file} {rule}\n  fix: preview and review again")
    return preview


def schema() -> dict[str, Any]:
    """Return the JSON schema of `FleetPreview`."""
    return msgspec.json.schema(FleetPreview)
