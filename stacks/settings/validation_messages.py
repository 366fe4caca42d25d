"""Converts pydantic's validation errors into problems for users who write YAML: key, value, rule and fix."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from eks_identity import Problem
from stacks.settings.environment import Settings

Keys = tuple[str | int, ...]

_RULES = {
    "extra_forbidden": "must be a known setting",
    "missing": "must be set",
    "string_type": "must be text; YAML reads numbers, dates, yes, no, true and false as text only in quotes",
    "bool_type": "must be true or false, without quotes",
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes",
    "list_type": "must be a list",
    "dict_type": "must be a map of keys and values",
    "model_type": "must be a map of keys and values",
    "too_short": "must have at least one entry",
    "string_pattern_mismatch": "must be 12 digits, in quotes: without quotes YAML reads a number without leading zeros",
}


def find_problems(errors: Iterable[ErrorDetails], settings: Mapping[str, Any], project: str) -> Iterator[Problem]:
    """Yield one problem for each key with errors.

    A value with several allowed types has errors of each type; only those of the deepest keys are reported.
    """
    errors_by_keys: dict[Keys, list[ErrorDetails]] = {}
    for error in errors:
        errors_by_keys.setdefault(_keys_in_file(error, settings), []).append(error)
    for keys, key_errors in errors_by_keys.items():
        if not any(len(other) > len(keys) and other[: len(keys)] == keys for other in errors_by_keys):
            rule = ", or ".join(dict.fromkeys(map(_rule, key_errors)))
            value = None if key_errors[0]["type"] == "missing" else key_errors[0]["input"]
            yield Problem(format_path(keys), rule, value, _fix(key_errors[0], keys, project))


def find_empty_values(settings: object, keys: Keys = ()) -> Iterator[Problem]:
    """Yield a problem for each key without a value, which YAML reads as null."""
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(settings, Mapping):
        children = settings.items()
    elif isinstance(settings, list):
        children = enumerate(settings)
    for key, value in children:
        if value is None:
            fix = "set a value ({} for an empty map), or remove the key"
            yield Problem(format_path((*keys, key)), "must have a value", None, fix)
        yield from find_empty_values(value, (*keys, key))


def format_path(keys: Keys) -> str:
    """Return keys in the syntax of `pulumi config --path`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def _keys_in_file(error: ErrorDetails, value: Any) -> Keys:
    """Return the keys of the error without the names of types that pydantic adds for unions."""
    keys: list[str | int] = []
    for index, part in enumerate(error["loc"]):
        in_file = part in value if isinstance(value, Mapping) else isinstance(value, list) and isinstance(part, int)
        if in_file:
            value = value[part]
        if in_file or (error["type"] == "missing" and index == len(error["loc"]) - 1):
            keys.append(part)
    return tuple(keys)


def _rule(error: ErrorDetails) -> str:
    if error["type"] == "literal_error":
        return f"must be one of {error['ctx']['expected']}"
    return _RULES.get(error["type"], error["msg"].replace("Input should", "must", 1))


def _fix(error: ErrorDetails, keys: Keys, project: str) -> str:
    kind, key = error["type"], f"'{project}:{format_path(keys)}'"
    set_command = f"run `pulumi config set --path {key} VALUE`"
    match kind:
        case "settings":
            return str(error["ctx"]["fix"])
        case "extra_forbidden":
            names = _field_names(error["loc"][:-1])
            return _suggest(keys[-1], names, f"run `pulumi config rm --path {key}`, or correct its name")
        case "literal_error":
            return _suggest(
                error["input"], error["ctx"]["expected"].split("'")[1::2], f"{set_command} with one of those"
            )
        case "model_type" if isinstance(error["input"], str):
            return f"set keys: {', '.join(_field_names(error['loc'])[:5])} …"
    return _conversion(kind, error["input"]) or set_command


def _suggest(value: object, names: list[str], default: str) -> str:
    matches = difflib.get_close_matches(str(value), names, n=1, cutoff=0.7)
    return f"did you mean {matches[0]}?" if matches else default


def _conversion(kind: str, value: object) -> str | None:
    """Return a fix that writes the value in the required type, if it can be converted."""
    fix = None
    match kind, value:
        case "string_type", bool() | int() | float():
            fix = f'write "{str(value).lower()}"'
        case "list_type", str() | int():
            fix = f"write [{value}]"
        case "list_type", dict():
            fix = "put a dash in front of each entry"
        case "int_type" | "float_type", str() if value.isdecimal():
            fix = f"write {value}"
        case "bool_type", str() if value.lower() in _BOOLEANS:
            fix = f"write {_BOOLEANS[value.lower()]}"
        case "dict_type" | "model_type", list():
            fix = "replace the dash of each entry with a key"
    return fix


_BOOLEANS = dict.fromkeys(("true", "yes", "on"), "true") | dict.fromkeys(("false", "no", "off"), "false")


def _field_names(keys: Iterable[str | int]) -> list[str]:
    """Return the names of the settings that are allowed under `keys`."""
    models: list[Any] = [Settings]
    for key in keys:
        models = [inner for model in models for inner in _models_at(model, key)] or models
    return [name for model in models for name in getattr(model, "model_fields", ())]


def _models_at(model: Any, key: str | int) -> Iterator[Any]:
    """Yield the models that `model` allows under `key`."""
    if isinstance(model, type) and issubclass(model, BaseModel) and key in model.model_fields:
        yield from _models_in(model.model_fields[str(key)].annotation)


def _models_in(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in typing.get_args(hint):
        yield from _models_in(inner)
