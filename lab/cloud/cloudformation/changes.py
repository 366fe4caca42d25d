"""The changes that an operation makes to a stack: which resources it adds, modifies, replaces and removes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.cloud.cloudformation.errors import ResourceFailure, ValidationError
from lab.cloud.cloudformation.evaluation import Evaluation
from lab.cloud.cloudformation.records import ResourceRecord, StackRecord, StackSettings
from lab.cloud.cloudformation.resource_schemas import load_schema

Action = Literal["Add", "Modify", "Remove"]


@dataclass(frozen=True)
class ResourceChange:
    """A change of one resource."""

    action: Action
    logical_id: str
    type_name: str
    physical_id: str = ""
    changed: frozenset[str] = frozenset()
    """The properties that differ."""
    is_replacement: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the `Change` of DescribeChangeSet."""
        change: dict[str, Any] = {
            "Action": self.action,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.type_name,
            "Scope": [],
            "Details": [],
        }
        if self.physical_id:
            change["PhysicalResourceId"] = self.physical_id
        if self.action == "Modify":
            change["Replacement"] = str(self.is_replacement)
            change["Scope"] = ["Tags" if name == "Tags" else "Properties" for name in sorted(self.changed)]
            change["Scope"] = list(dict.fromkeys(change["Scope"]))
            change["Details"] = [self._detail(name) for name in sorted(self.changed)]
        return {"Type": "Resource", "ResourceChange": change}

    def _detail(self, name: str) -> dict[str, Any]:
        recreation = "Always" if name in load_schema(self.type_name).create_only else "Never"
        target = {"Attribute": "Tags"} if name == "Tags" else {"Attribute": "Properties", "Name": name}
        target["RequiresRecreation"] = recreation
        return {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


def list_changes(stack: StackRecord, settings: StackSettings) -> list[ResourceChange]:
    """Return the changes between a stack and what an operation deploys.

    Raises:
        ValidationError: the template cannot be evaluated, or changes the type of a resource.
    """
    evaluation = Evaluation(stack, settings, is_preview=True)
    changes = []
    for logical_id in evaluation.order:
        type_name = settings.template.resources[logical_id].type_name
        record = stack.resources.get(logical_id)
        if record is not None and record.type_name != type_name:
            raise ValidationError(
                "Update of resource type is not permitted. The new template modifies resource type of the following "
                f"resources: [{logical_id}]"
            )
        try:
            properties = evaluation.properties(logical_id)
        except ResourceFailure as failure:
            raise ValidationError(str(failure)) from failure
        change = ResourceChange("Add", logical_id, type_name) if record is None else compare(record, properties)
        if change is not None:
            changes.append(change)
            if change.is_replacement:
                evaluation.replaced.add(logical_id)
    removed = [record for name, record in stack.resources.items() if name not in evaluation.order]
    return changes + [
        ResourceChange("Remove", entry.logical_id, entry.type_name, entry.physical_id) for entry in removed
    ]


def compare(record: ResourceRecord, properties: Mapping[str, Any]) -> ResourceChange | None:
    """Return the change of an existing resource to new properties, or None if they are equal."""
    names = set(record.properties) | set(properties)
    changed = frozenset(name for name in names if record.properties.get(name) != properties.get(name))
    if not changed:
        return None
    is_replacement = bool(changed & load_schema(record.type_name).create_only)
    return ResourceChange("Modify", record.logical_id, record.type_name, record.physical_id, changed, is_replacement)


def has_changes(stack: StackRecord, settings: StackSettings) -> bool:
    """Return whether an operation changes a resource, an output or a tag of a stack."""
    if list_changes(stack, settings) or stack.settings.tags != settings.tags:
        return True
    try:
        outputs = Evaluation(stack, settings, is_preview=True).outputs()
    except ResourceFailure as failure:
        raise ValidationError(str(failure)) from failure
    metadata = {name: entry.metadata for name, entry in settings.template.resources.items()}
    return outputs != stack.outputs or any(metadata[name] != entry.metadata for name, entry in stack.resources.items())
