"""Strict reading of rest-json requests by botocore's model, as EKS and EKS Auth read them.

    match_operation(model, method, raw_path)      → the operation, and the values in the path
    read_input(operation, labels, query, body)    → the input members, with the types of the model

A request is read once. Authorization and the operation use the same input. Like AWS's services, the reader ignores
unknown members and members that are null. It rejects every value of another type than the model's.

Source: Smithy's specification of `aws.restJson1` and its tests for malformed requests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape
from moto.core.model import OperationModel, ServiceModel
from werkzeug.datastructures import MultiDict

_INT32 = range(-(2**31), 2**31)


class SerializationError(ValueError):
    """The request is not JSON, or a value has another type than the model's. AWS answers SerializationException."""


@dataclass(frozen=True)
class OperationMatch:
    """The operation of a request, and the decoded values of the labels in its URI."""

    operation: OperationModel
    labels: Mapping[str, str]


def match_operation(model: ServiceModel, method: str, raw_path: str) -> OperationMatch | None:
    """Return the operation of the method and the path. `raw_path` is percent-encoded.

    Clients encode the slashes of an ARN in a label. Some do not, so that an ARN also matches with slashes.

    Raises:
        SerializationError: a value in the path is not UTF-8.
    """
    for is_greedy in (False, True):
        for operation_name, operation_method, uri in _list_uris(model):
            match = _compile_uri(uri, is_greedy=is_greedy).fullmatch(raw_path.rstrip("/"))
            if match is not None and method == operation_method:
                labels = {name: _decode(value) for name, value in match.groupdict().items()}
                return OperationMatch(model.operation_model(operation_name), labels)
    return None


@cache
def _list_uris(model: ServiceModel) -> tuple[tuple[str, str, str], ...]:
    operations = [model.operation_model(name) for name in model.operation_names]
    return tuple((operation.name, operation.http["method"], operation.http["requestUri"]) for operation in operations)


@cache
def _compile_uri(uri: str, *, is_greedy: bool) -> re.Pattern[str]:
    def label_pattern(match: re.Match[str]) -> str:
        name = match[1]
        return f"(?P<{name}>{'(?s:.+)' if is_greedy and name.endswith('Arn') else '[^/]+'})"

    return re.compile(re.sub(r"{(\w+)}", label_pattern, uri))


def _decode(value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise SerializationError(f"The path has a value that is not UTF-8: {value}") from None


def read_input(
    operation: OperationModel, labels: Mapping[str, str], query: MultiDict[str, str], body: bytes
) -> dict[str, Any]:
    """Return the input members of a request by their names in the model.

    Raises:
        SerializationError: the body is not a JSON object, or a value has another type than the model's.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    members = dict(shape.members)
    body_members = {name: member for name, member in members.items() if "location" not in member.serialization}
    document = _parse_body(body) if body_members else {}
    params: dict[str, Any] = {}
    for name, member in members.items():
        location, wire_name = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri" and wire_name in labels:
            params[name] = labels[wire_name]
        elif location == "querystring" and wire_name in query:
            params[name] = _read_query(member, wire_name, query.getlist(wire_name))
        elif location is None and document.get(wire_name) is not None:
            params[name] = _read(member, document[wire_name], name)
    return params


def _parse_body(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        document = json.loads(body.decode(), parse_constant=_reject_constant)
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise SerializationError("The request body is not valid JSON") from None
    if not isinstance(document, dict):
        raise SerializationError(f"The request body must be a JSON object, not {_kind(document)}")
    return document


def _reject_constant(name: str) -> None:
    raise ValueError(name)


def _read_query(shape: Shape, name: str, values: list[str]) -> Any:
    if isinstance(shape, ListShape):
        return list(values)
    if len(values) > 1:
        raise SerializationError(f"The query has {name} more than once")
    (value,) = values
    if shape.type_name == "boolean":
        if value not in {"true", "false"}:
            raise SerializationError(f"{name}: STRING_VALUE can not be converted to a Boolean")
        return value == "true"
    if shape.type_name == "integer":
        if not re.fullmatch(r"[+-]?\d{1,18}", value, re.ASCII):
            raise SerializationError(f"{name}: STRING_VALUE can not be converted to an Integer")
        return _read_integer(shape, int(value), name)
    return value


def _read(shape: Shape, value: Any, path: str) -> Any:
    reader = _READERS.get(shape.type_name)
    if reader is None:
        raise NotImplementedError(f"{path} has the type {shape.type_name}, which no operation of EKS has")
    return reader(shape, value, path)


def _read_structure(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    assert isinstance(shape, StructureShape)
    document = _require(dict, value, path, "a structure")
    values = {name: document.get(member.serialization.get("name", name)) for name, member in shape.members.items()}
    return {
        name: _read(shape.members[name], item, f"{path}.{name}") for name, item in values.items() if item is not None
    }


def _read_list(shape: Shape, value: Any, path: str) -> list[Any]:
    assert isinstance(shape, ListShape)
    items = _require(list, value, path, "a list")
    return [_read(shape.member, item, f"{path}[{index}]") for index, item in enumerate(items)]


def _read_map(shape: Shape, value: Any, path: str) -> dict[str, Any]:
    assert isinstance(shape, MapShape)
    items = _require(dict, value, path, "a map")
    return {key: _read(shape.value, item, f"{path}.{key}") for key, item in items.items()}


def _read_integer(_shape: Shape, value: Any, path: str) -> int:
    integer: int = _require(int, value, path, "an Integer")
    if integer not in _INT32:
        raise SerializationError(f"{path}: the value is not a 32-bit integer")
    return integer


def _read_string(_shape: Shape, value: Any, path: str) -> str:
    text: str = _require(str, value, path, "a String")
    return text


def _read_boolean(_shape: Shape, value: Any, path: str) -> bool:
    boolean: bool = _require(bool, value, path, "a Boolean")
    return boolean


_READERS: dict[str, Callable[[Shape, Any, str], Any]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
    "integer": _read_integer,
    "string": _read_string,
    "boolean": _read_boolean,
}


def _require(kind: type, value: Any, path: str, target: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise SerializationError(f"{path}: {_kind(value)} can not be converted to {target}")
    return value


def _kind(value: Any) -> str:
    """Return the name of the value's JSON token, which AWS's messages have."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    kinds = {dict: "START_OBJECT", list: "START_ARRAY", str: "STRING_VALUE", type(None): "NULL_VALUE"}
    return kinds.get(type(value), "NUMBER_VALUE")
