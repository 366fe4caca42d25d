"""Validation of the service's HTTP responses against botocore's model."""

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
    """Return all deviations of `value` from `shape`: unknown, missing or mistyped members, and invalid enum values."""
    kinds = _KINDS[shape.type_name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return [f"{path}: {value!r} is no {shape.type_name}"]
    if shape.type_name == "structure":
        unknown = [f"{path}.{name}: not in {shape.name}" for name in value if name not in shape.members]
        missing = [f"{path}.{name}: missing" for name in shape.required_members if name not in value]
        nested = [(shape.members[name], value[name], f"{path}.{name}") for name in shape.members if name in value]
        return unknown + missing + [problem for part in nested for problem in deviations(*part)]
    if shape.type_name == "list":
        return [problem for i, item in enumerate(value) for problem in deviations(shape.member, item, f"{path}[{i}]")]
    if shape.type_name == "map":
        return [problem for key in value for problem in deviations(shape.value, value[key], f"{path}[{key}]")]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{path}: {value!r} is not one of {shape.enum}"]
    return []


def sample(shape: Shape) -> Any:
    """Return a value with every member of `shape`, in the minimum size that the model allows."""
    minimum = max(1, shape.metadata.get("min", 1))
    samples: dict[str, Callable[[], Any]] = {
        "structure": lambda: {name: sample(member) for name, member in shape.members.items()},
        "list": lambda: [sample(shape.member)],
        "map": lambda: {sample(shape.key): sample(shape.value)},
        "boolean": lambda: True,
        "integer": lambda: minimum,
        "string": lambda: shape.enum[0] if shape.enum else "x" * minimum,
    }
    return samples[shape.type_name]()


FRAMEWORK_ERRORS = {
    (403, "AccessDeniedException"),
    (400, "SerializationException"),
    (400, "ValidationException"),
    (404, "UnknownOperationException"),
}
"""The errors of IAM authorization and of AWS's framework, which are in no service's model."""


class ResponseValidator:
    """Validates every response of its clients, and records the operations and errors."""

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
            if (http_response.status_code, code) in FRAMEWORK_ERRORS:
                return
            declared_errors = {shape.name: shape for shape in model.error_shapes}
            assert code in declared_errors, f"{model.name} does not declare {code}, only {sorted(declared_errors)}"
            assert http_response.status_code == declared_errors[code].metadata["error"]["httpStatusCode"]
            assert body["message"], "SDKs read the member `message` of the model"
            extra = {"__type", "Message"}  # moto adds these members for every service
            problems = deviations(declared_errors[code], {k: v for k, v in body.items() if k not in extra}, code)
        assert not problems, "\n".join(problems)
