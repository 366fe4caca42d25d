"""Pulumi's wire format, read without acting on it: Pulumi's own reader goes and fetches what a reference refers to."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark of a secret in Pulumi's protocol
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


def reference(urn: str, id_: str) -> dict[str, str]:
    """What refers to a resource."""
    return {SIGNATURE: RESOURCE, "urn": urn, "id": id_}


def read(struct: struct_pb2.Struct, *, keep_unknowns: bool = False) -> dict[str, Any]:
    """Properties as plain values, secrets in the clear; what is unknown is left out, or is `rpc.UNKNOWN`."""
    found: dict[str, Any] = _plain(json_format.MessageToDict(struct), keep_unknowns=keep_unknowns)
    return found


def marked(state: Any, inputs: Any) -> Any:
    """`state` with what was secret in `inputs` a secret again, under the same names: as the engine does."""
    if isinstance(inputs, dict) and inputs.get(SIGNATURE) == SECRET:
        return {SIGNATURE: SECRET, "value": state}
    if isinstance(inputs, dict) and isinstance(state, dict):
        return {key: marked(value, inputs.get(key)) for key, value in state.items()}
    if isinstance(inputs, list) and isinstance(state, list) and len(inputs) == len(state):
        return [marked(value, given) for value, given in zip(state, inputs, strict=True)]
    return state


def in_the_clear(value: Any) -> Any:
    """The same with every secret replaced by None."""
    if isinstance(value, struct_pb2.Struct):
        return in_the_clear(json_format.MessageToDict(value))
    if isinstance(value, dict):
        return None if value.get(SIGNATURE) == SECRET else {key: in_the_clear(item) for key, item in value.items()}
    return [in_the_clear(item) for item in value] if isinstance(value, list) else value


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
