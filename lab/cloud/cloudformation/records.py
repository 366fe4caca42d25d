"""Records of stacks, their resources, events and change sets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lab.cloud.cloudformation.calls import CompletedCall
from lab.cloud.cloudformation.templates import Template

STACK_TYPE = "AWS::CloudFormation::Stack"


def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class StackSettings:
    """The template and the settings that a stack operation deploys."""

    template: Template
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    capabilities: tuple[str, ...]
    role_arn: str | None
    disable_rollback: bool = False
    on_failure: str = "ROLLBACK"
    retain_except_on_create: bool = False
    token: str | None = None
    timeout_in_minutes: int | None = None


@dataclass
class ResourceRecord:
    """A resource of a stack, with its evaluated properties. Its physical ID is empty until the resource exists."""

    logical_id: str
    type_name: str
    physical_id: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    metadata: Any = None
    partial_calls: list[CompletedCall] | None = None
    """The calls that succeeded, if the creation failed."""
    status: str = ""
    reason: str | None = None
    updated_at: datetime = field(default_factory=now)


@dataclass(frozen=True)
class Event:
    """An event of a stack or of one of its resources."""

    logical_id: str
    physical_id: str
    type_name: str
    status: str
    reason: str | None
    token: str | None
    properties: Mapping[str, Any] | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=now)


@dataclass(frozen=True)
class Output:
    """An output of a stack."""

    key: str
    value: str
    description: str | None
    export: str | None


@dataclass
class ChangeSetRecord:
    """A change set of a stack."""

    name: str
    arn: str
    kind: str
    settings: StackSettings
    changes: list[dict[str, Any]]
    description: str | None
    status: str
    execution_status: str
    token: str | None = None
    reason: str | None = None
    created_at: datetime = field(default_factory=now)


@dataclass
class StackRecord:
    """A stack. Its settings are those of the last successful operation, or of the creation."""

    name: str
    arn: str
    settings: StackSettings
    status: str
    reason: str | None = None
    termination_protection: bool = False
    created_at: datetime = field(default_factory=now)
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    resources: dict[str, ResourceRecord] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    change_sets: dict[str, ChangeSetRecord] = field(default_factory=dict)
    executed_change_set: str | None = None
    operation_token: str | None = None

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    @property
    def is_in_progress(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Set the stack's status and add its event."""
        self.events.append(Event(self.name, self.arn, STACK_TYPE, status, reason, self.operation_token))
        self.status, self.reason = status, reason

    def set_resource_status(self, resource: ResourceRecord, status: str, reason: str | None = None) -> None:
        """Set a resource's status and add its event."""
        resource.status, resource.reason, resource.updated_at = status, reason, now()
        self.events.append(
            Event(
                resource.logical_id,
                resource.physical_id,
                resource.type_name,
                status,
                reason,
                self.operation_token,
                resource.properties,
            )
        )
