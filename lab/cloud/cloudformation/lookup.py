"""Lookup of the stack that a call names. The authorization and the operation use the same function."""

from __future__ import annotations

from lab.cloud.api_call import ApiCall
from lab.cloud.cloudformation.records import StackRecord
from lab.cloud.cloudformation.store import store


def find_stack(call: ApiCall) -> StackRecord | None:
    """Return the stack of a call: by its change set's ARN, its name or ARN, or a resource's physical ID."""
    change_set = str(call.params.get("ChangeSetName") or "")
    if change_set.startswith("arn:"):
        found = store.find_change_set(change_set)
        return found[0] if found else None
    name = call.params.get("StackName")
    if name:
        return store.find_stack(call.account, call.region, str(name))
    physical_id = call.params.get("PhysicalResourceId")
    return store.find_by_physical_id(call.account, call.region, str(physical_id)) if physical_id else None
