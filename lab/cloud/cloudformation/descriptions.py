"""Stacks, resources, events and change sets as the API returns them."""

from __future__ import annotations

import json
from typing import Any

from lab.cloud.cloudformation import parameters
from lab.cloud.cloudformation.records import ChangeSetRecord, Event, Output, ResourceRecord, StackRecord, StackSettings

Description = dict[str, Any]


def describe_stack(stack: StackRecord) -> Description:
    """Return the `Stack` of DescribeStacks."""
    settings = stack.settings
    return _without_none(
        {
            **summarize_stack(stack, with_template_description=False),
            "ChangeSetId": stack.executed_change_set,
            "Description": settings.template.description,
            "Parameters": parameters.describe(settings.template.parameters, settings.parameters),
            "RollbackConfiguration": {},
            "DisableRollback": settings.disable_rollback,
            "NotificationARNs": [],
            "TimeoutInMinutes": settings.timeout_in_minutes,
            "Capabilities": list(settings.capabilities),
            "Outputs": [describe_output(output) for output in list(stack.outputs)],
            "RoleARN": settings.role_arn,
            "Tags": describe_tags(settings),
            "EnableTerminationProtection": stack.termination_protection,
        }
    )


def summarize_stack(stack: StackRecord, *, with_template_description: bool = True) -> Description:
    """Return the `StackSummary` of ListStacks."""
    description = stack.settings.template.description if with_template_description else None
    return _without_none(
        {
            "StackId": stack.arn,
            "StackName": stack.name,
            "TemplateDescription": description,
            "CreationTime": stack.created_at,
            "LastUpdatedTime": stack.updated_at,
            "DeletionTime": stack.deleted_at,
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def describe_output(output: Output) -> Description:
    """Return the `Output` of a stack."""
    return _without_none(
        {
            "OutputKey": output.key,
            "OutputValue": output.value,
            "Description": output.description,
            "ExportName": output.export,
        }
    )


def describe_tags(settings: StackSettings) -> list[Description]:
    """Return the `Tags` of a stack."""
    return [{"Key": key, "Value": value} for key, value in settings.tags.items()]


def describe_resource(stack: StackRecord, record: ResourceRecord, *, time_member: str) -> Description:
    """Return a resource. The operations differ in the name of the time's member."""
    return _without_none(
        {
            "StackName": stack.name,
            "StackId": stack.arn,
            "LogicalResourceId": record.logical_id,
            "PhysicalResourceId": record.physical_id or None,
            "ResourceType": record.type_name,
            time_member: record.updated_at,
            "ResourceStatus": record.status,
            "ResourceStatusReason": record.reason,
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    )


def describe_event(stack: StackRecord, event: Event) -> Description:
    """Return the `StackEvent` of DescribeStackEvents."""
    return _without_none(
        {
            "StackId": stack.arn,
            "EventId": event.id,
            "StackName": stack.name,
            "LogicalResourceId": event.logical_id,
            "PhysicalResourceId": event.physical_id,
            "ResourceType": event.type_name,
            "Timestamp": event.time,
            "ResourceStatus": event.status,
            "ResourceStatusReason": event.reason,
            "ResourceProperties": None if event.properties is None else json.dumps(event.properties),
            "ClientRequestToken": event.token,
        }
    )


def summarize_change_set(stack: StackRecord, change_set: ChangeSetRecord) -> Description:
    """Return the `ChangeSetSummary` of ListChangeSets."""
    return _without_none(
        {
            "StackId": stack.arn,
            "StackName": stack.name,
            "ChangeSetId": change_set.arn,
            "ChangeSetName": change_set.name,
            "ExecutionStatus": change_set.execution_status,
            "Status": change_set.status,
            "StatusReason": change_set.reason,
            "CreationTime": change_set.created_at,
            "Description": change_set.description,
            "IncludeNestedStacks": False,
            "ImportExistingResources": False,
        }
    )


def describe_change_set(stack: StackRecord, change_set: ChangeSetRecord) -> Description:
    """Return the output of DescribeChangeSet, without its changes."""
    settings = change_set.settings
    return {
        **summarize_change_set(stack, change_set),
        "Parameters": parameters.describe(settings.template.parameters, settings.parameters),
        "NotificationARNs": [],
        "RollbackConfiguration": {},
        "Capabilities": list(settings.capabilities),
        "Tags": describe_tags(settings),
        "OnStackFailure": settings.on_failure,
    }


def _without_none(description: Description) -> Description:
    return {name: value for name, value in description.items() if value is not None}
