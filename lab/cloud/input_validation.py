r"""Validation of an operation's input against botocore's model, with the messages of AWS's services.

AWS validates each member on the server before the operation runs. The constraints are in the model: required members,
`min` and `max` (of a number's value, and of the length of a string, list or map), `pattern` and `enum`. A client can
leave this validation to the server, so the lab must not rely on the client's own.

    message = find_input_error("sts", "AssumeRole", params)

Patterns of the models are Java's: they match the whole value, and `\w` and `\d` are ASCII.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from moto.core.utils import get_service_model

_UNICODE_CLASSES = {r"\p{L}": "a-zA-Z", r"\p{Z}": " ", r"\p{N}": "0-9"}
"""The classes of Unicode that the models use, which `re` lacks, and the ASCII characters that represent each."""
_REPRESENTATIVES = {"L": "a", "Z": " ", "N": "0"}
_OTHER = "\0"
"""Represents a non-ASCII character of any other class. No pattern with a class of Unicode allows it."""


@dataclass(frozen=True)
class Violation:
    """A member of the input that does not satisfy a constraint of the model."""

    path: str
    """AWS's path of the member: lower camel case, with one-based indexes (`tags.1.member.key`)."""
    value: Any
    constraint: str
    is_sensitive: bool = False

    def __str__(self) -> str:
        value = "" if self.is_sensitive else " null" if self.value is None else f" '{_text(self.value)}'"
        return f"Value{value} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def find_input_error(service: str, operation: str, params: Mapping[str, Any]) -> str | None:
    """Return AWS's message for an operation's invalid input, or None if the input is valid.

    Args:
        service: Name of the service in boto3.
        operation: Name of the operation in botocore's model.
        params: The parsed input, by member name.
    """
    violations = find_violations(params, get_service_model(service).operation_model(operation).input_shape)
    return describe(violations) if violations else None


def find_violations(params: Mapping[str, Any], shape: StructureShape | None) -> list[Violation]:
    """Return all violations of the input `params`, whose keys are the member names of the input shape."""
    return [] if shape is None else list(_check_structure(params, shape, ""))


def describe(violations: list[Violation]) -> str:
    """Return AWS's message, such as `1 validation error detected: Value 'a b' at 'roleName' failed to satisfy …`."""
    plural = "" if len(violations) == 1 else "s"
    return f"{len(violations)} validation error{plural} detected: {'; '.join(map(str, violations))}"


def _check_structure(value: Mapping[str, Any], shape: StructureShape, path: str) -> Iterator[Violation]:
    prefix = f"{path}." if path else ""
    for name, member in shape.members.items():
        member_path = f"{prefix}{name[0].lower()}{name[1:]}"
        item = value.get(name)
        if item is not None:
            yield from _check(item, member, member_path)
        elif name in shape.required_members:
            yield Violation(member_path, None, "Member must not be null")


def _check(value: Any, shape: Shape, path: str) -> Iterator[Violation]:
    constraints = [*_unsatisfied_bounds(value, shape), *_unsatisfied_text(value, shape)]
    is_sensitive = bool(shape.metadata.get("sensitive"))
    yield from (Violation(path, value, constraint, is_sensitive) for constraint in constraints)
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        yield from _check_structure(value, shape, path)
    elif isinstance(shape, ListShape) and isinstance(value, list | tuple):
        for index, item in enumerate(value, 1):
            yield from _check(item, shape.member, f"{path}.{index}.member")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _check(key, shape.key, f"{path}.{key}.key")
            yield from _check(item, shape.value, f"{path}.{key}.member")


def _unsatisfied_bounds(value: Any, shape: Shape) -> Iterator[str]:
    if isinstance(value, bool):
        return
    is_number = isinstance(value, int | float)
    if not is_number and not isinstance(value, str | bytes | list | tuple | Mapping):
        return
    size, measure = (value, "value") if is_number else (len(value), "length")
    minimum, maximum = shape.metadata.get("min"), shape.metadata.get("max")
    if minimum is not None and size < minimum:
        yield f"Member must have {measure} greater than or equal to {minimum}"
    if maximum is not None and size > maximum:
        yield f"Member must have {measure} less than or equal to {maximum}"


def _unsatisfied_text(value: Any, shape: Shape) -> Iterator[str]:
    if not isinstance(shape, StringShape) or not isinstance(value, str):
        return
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not matches_pattern(pattern, value):
        yield f"Member must satisfy regular expression pattern: {pattern}"
    if shape.enum and value not in shape.enum:
        yield f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def matches_pattern(pattern: str, value: str) -> bool:
    """Return whether the whole `value` matches a model's pattern."""
    has_unicode_class = any(name in pattern for name in _UNICODE_CLASSES)
    text = "".join(map(_representative, value)) if has_unicode_class else value
    return _compile(pattern).fullmatch(text) is not None


@lru_cache(maxsize=512)
def _compile(pattern: str) -> re.Pattern[str]:
    for name, characters in _UNICODE_CLASSES.items():
        pattern = pattern.replace(name, characters)
    return re.compile(pattern, re.ASCII)


def _representative(character: str) -> str:
    return character if character.isascii() else _REPRESENTATIVES.get(unicodedata.category(character)[0], _OTHER)


def _text(value: Any) -> str:
    """Return a value as AWS prints it. Lists and structures have their members in brackets."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}={_text(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
