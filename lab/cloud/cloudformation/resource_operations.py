"""Operations on one resource of a stack: creation, update in place, and deletion, with their events."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from typing import Any

from lab.cloud.cloudformation.calls import Calls, is_missing, resource_failure
from lab.cloud.cloudformation.errors import ResourceFailure
from lab.cloud.cloudformation.records import ResourceRecord, StackRecord
from lab.cloud.cloudformation.resource_types import RESOURCE_TYPES, NewResource
from lab.cloud.gate import CallError

_log = logging.getLogger(__name__)


def create(stack: StackRecord, record: ResourceRecord, calls: Calls) -> None:
    """Create a resource with the record's properties. The record has the calls that succeeded if creation fails.

    Raises:
        ResourceFailure: the resource was not created, or only in part.
    """
    resource_type = RESOURCE_TYPES[record.type_name]
    recording = calls.recording()
    stack.set_resource_status(record, "CREATE_IN_PROGRESS")
    try:
        resource = NewResource(stack.name, record.logical_id, record.properties)
        record.physical_id = resource_type.create(recording, resource)
        stack.set_resource_status(record, "CREATE_IN_PROGRESS", "Resource creation Initiated")
        created_with = {name: record.properties.get(name) for name in resource_type.created_with}
        created = {name: value for name, value in created_with.items() if value is not None}
        resource_type.apply(recording, record.physical_id, created, record.properties)
        record.attributes = resource_type.attributes(recording, record.physical_id, record.properties)
    except Exception as error:
        record.partial_calls = list(recording.completed)
        failure = _failure(error)
        stack.set_resource_status(record, "CREATE_FAILED", str(failure))
        raise failure from error
    stack.set_resource_status(record, "CREATE_COMPLETE")


def update(stack: StackRecord, record: ResourceRecord, old_properties: Mapping[str, Any], calls: Calls) -> None:
    """Change a resource from the old properties to those of the record.

    Raises:
        ResourceFailure: the resource was not changed, or only in part.
    """
    resource_type = RESOURCE_TYPES[record.type_name]
    stack.set_resource_status(record, "UPDATE_IN_PROGRESS")
    try:
        resource_type.apply(calls, record.physical_id, old_properties, record.properties)
        record.attributes = resource_type.attributes(calls, record.physical_id, record.properties)
    except Exception as error:
        failure = _failure(error)
        stack.set_resource_status(record, "UPDATE_FAILED", str(failure))
        raise failure from error
    stack.set_resource_status(record, "UPDATE_COMPLETE")


def delete(stack: StackRecord, record: ResourceRecord, calls: Calls) -> bool:
    """Delete a resource, and return whether it is gone. A resource that was never created has one event."""
    if not record.physical_id:
        stack.set_resource_status(record, "DELETE_COMPLETE")
        return True
    stack.set_resource_status(record, "DELETE_IN_PROGRESS")
    try:
        undoing = calls.undoing(record.partial_calls)
        RESOURCE_TYPES[record.type_name].delete(undoing, record.physical_id, record.properties)
    except Exception as error:  # noqa: BLE001 - the event has the reason
        if not (isinstance(error, CallError) and is_missing(error)):
            stack.set_resource_status(record, "DELETE_FAILED", str(_failure(error)))
            return False
    stack.set_resource_status(record, "DELETE_COMPLETE")
    return True


def in_deletion_order(records: Iterable[ResourceRecord]) -> list[ResourceRecord]:
    """Return resources so that each one comes before those on which it depends."""
    by_name = {record.logical_id: record for record in records}
    graph = {name: [other for other in record.dependencies if other in by_name] for name, record in by_name.items()}
    return [by_name[name] for name in reversed(list(TopologicalSorter(graph).static_order()))]


def _failure(error: Exception) -> ResourceFailure:
    if isinstance(error, ResourceFailure):
        return error
    if isinstance(error, CallError):
        return resource_failure(error)
    _log.error("A resource handler failed", exc_info=error)
    return ResourceFailure(f"Internal failure of the lab: {error!r}")
