"""Pulumi's wire format, read without side effects. Pulumi's own reader fetches the resource of each reference."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the signature of secrets in Pulumi's protocol
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


def resource_reference(urn: str, id_: str) -> dict[str, str]:
    """Return a reference to a resource."""
    return {SIGNATURE: RESOURCE, "urn": urn, "id": id_}


def read_properties(struct: struct_pb2.Struct, *, keep_unknowns: bool = False) -> dict[str, Any]:
    """Return properties as plain values, secrets decrypted. Unknown values are omitted or `rpc.UNKNOWN`."""
    properties: dict[str, Any] = _plain(json_format.MessageToDict(struct), keep_unknowns=keep_unknowns)
    return properties


def mark_secrets(state: Any, inputs: Any) -> Any:
    """Mark the values in `state` whose names are secrets in `inputs`, as the engine does."""
    if isinstance(inputs, dict) and inputs.get(SIGNATURE) == SECRET:
        return {SIGNATURE: SECRET, "value": state}
    if isinstance(inputs, dict) and isinstance(state, dict):
        return {key: mark_secrets(value, inputs.get(key)) for key, value in state.items()}
    if isinstance(inputs, list) and isinstance(state, list) and len(inputs) == len(state):
        return [mark_secrets(value, input_) for value, input_ in zip(state, inputs, strict=True)]
    return state


def without_secrets(value: Any) -> Any:
    """Return `value` with None in place of every secret."""
    if isinstance(value, struct_pb2.Struct):
        return without_secrets(json_format.MessageToDict(value))
    if isinstance(value, dict):
        return None if value.get(SIGNATURE) == SECRET else {key: without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any, *, keep_unknowns: bool) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return _plain(value.get("value"), keep_unknowns=keep_unknowns)
        items = {key: _plain(item, keep_unknowns=keep_unknowns) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not None and (keep_unknowns or not _unknown(item))}
    if isinstance(value, list):
        return [_plain(item, keep_unknowns=keep_unknowns) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _unknown(value: Any) -> bool:
    return isinstance(value, str) and value == rpc.UNKNOWN
