"""Holds answers of the service against botocore's model of it, as they came over the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.model import OperationModel, Shape

_KINDS: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float),
}


def deviations(shape: Shape, value: Any, path: str) -> list[str]:
    """Every place where `value` is not what `shape` says: unknown, missing or mistyped members, values of no enum."""
    kinds = _KINDS[shape.type_name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return [f"{path}: {value!r} is no {shape.type_name}"]
    if shape.type_name == "structure":
        unknown = [f"{path}.{name}: not in {shape.name}" for name in value if name not in shape.members]
        missing = [f"{path}.{name}: missing" for name in shape.required_members if name not in value]
        inside = [(shape.members[name], value[name], f"{path}.{name}") for name in shape.members if name in value]
        return unknown + missing + [problem for part in inside for problem in deviations(*part)]
    if shape.type_name == "list":
        return [problem for i, item in enumerate(value) for problem in deviations(shape.member, item, f"{path}[{i}]")]
    if shape.type_name == "map":
        return [problem for key in value for problem in deviations(shape.value, value[key], f"{path}[{key}]")]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path}: {value!r} is not one of {shape.enum}"]
    return []


def sample(shape: Shape) -> Any:
    """A value with every member that `shape` documents, at the least size that it allows."""
    least = max(1, shape.metadata.get("min", 1))
    samples: dict[str, Callable[[], Any]] = {
        "structure": lambda: {name: sample(member) for name, member in shape.members.items()},
        "list": lambda: [sample(shape.member)],
        "map": lambda: {sample(shape.key): sample(shape.value)},
        "boolean": lambda: True,
        "integer": lambda: least,
        "string": lambda: shape.enum[0] if shape.enum else "x" * least,
    }
    return samples[shape.type_name]()


IAM_DENIAL = (403, "AccessDeniedException")
"""What IAM answers in the name of every service; it is in no service's model."""


class Watch:
    """Sees every answer that a client gets, and remembers which operations and errors it saw."""

    def __init__(self) -> None:
        self.operations: set[str] = set()
        self.errors: set[tuple[str, str]] = set()

    def attach(self, client: Any) -> Any:
        client.meta.events.register(f"after-call.{client.meta.service_model.service_id.hyphenize()}", self._check)
        return client

    def _check(self, http_response: Any, model: OperationModel, **_: Any) -> None:
        body = json.loads(http_response.content or b"{}")
        if http_response.status_code < 300:
            self.operations.add(model.name)
            assert model.output_shape is not None
            problems = deviations(model.output_shape, body, model.name)
        else:
            code = http_response.headers["x-amzn-ErrorType"].split("#")[-1].split(":")[0]
            self.errors.add((model.name, code))
            if (http_response.status_code, code) == IAM_DENIAL:
                return
            declared_errors = {shape.name: shape for shape in model.error_shapes}
            assert code in declared_errors, f"{model.name} does not declare {code}, only {sorted(declared_errors)}"
            assert http_response.status_code == declared_errors[code].metadata["error"]["httpStatusCode"]
            assert body["message"], "SDKs in every language read the member of the model"
            extra = {"__type", "Message"}  # moto adds these for every service
            problems = deviations(declared_errors[code], {k: v for k, v in body.items() if k not in extra}, code)
        assert not problems, "\n".join(problems)
