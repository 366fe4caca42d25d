"""What pydantic finds wrong with settings, as a person who writes YAML is told: key, value, rule and fix."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from eks_identity import Problem
from stacks.settings.environment import Settings
from stacks.settings.models_from_args import Deferred

Keys = tuple[str | int, ...]

_RULES = {
    "extra_forbidden": "a setting that there is",
    "missing": "a setting that is required here",
    "string_type": "text; in YAML a number, a date, yes, no, true and false are text in quotes alone",
    "bool_type": "true or false, without quotes",
    "int_type": "a whole number, without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number, without quotes",
    "list_type": "a list",
    "dict_type": "a map of keys and values",
    "model_type": "a map of keys and values",
    "too_short": "at least one entry",
    "string_pattern_mismatch": "12 digits, in quotes: without them YAML reads a number, and takes zeros in front away",
}


def problems(errors: Iterable[ErrorDetails], given: Mapping[str, Any], project: str) -> Iterator[Problem]:
    """Each of the errors by the key that was written; of a value with several types, by the one that comes closest."""
    found: dict[Keys, list[ErrorDetails]] = {}
    for error in errors:
        found.setdefault(_written(error, given), []).append(error)
    for keys, alike in found.items():
        if not any(len(other) > len(keys) and other[: len(keys)] == keys for other in found):
            rule = ", or ".join(dict.fromkeys(map(_rule, alike)))
            value = None if alike[0]["type"] == "missing" else alike[0]["input"]
            yield Problem(path(keys), rule, value, _fix(alike[0], keys, project))


def empty(given: object, keys: Keys = ()) -> Iterator[Problem]:
    """The keys with nothing behind them: YAML's null, which says neither a value nor that there is none."""
    inner = given.items() if isinstance(given, Mapping) else enumerate(given) if isinstance(given, list) else ()
    for key, value in inner:
        if value is None:
            fix = "write its value ({} for a map with nothing in it), or take the key out"
            yield Problem(path((*keys, key)), "a value behind the key", None, fix)
        yield from empty(value, (*keys, key))


def path(keys: Keys) -> str:
    """Keys as `pulumi config --path` takes them."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def _written(error: ErrorDetails, given: Any) -> Keys:
    """The keys to the error without the names of types, which pydantic puts in where there are several to choose."""
    keys: list[str | int] = []
    for index, part in enumerate(error["loc"]):
        inside = part in given if isinstance(given, Mapping) else isinstance(given, list) and isinstance(part, int)
        if inside:
            given = given[part]
        if inside or (error["type"] == "missing" and index == len(error["loc"]) - 1):
            keys.append(part)
    return tuple(keys)


def _rule(error: ErrorDetails) -> str:
    if error["type"] == "literal_error":
        return f"one of {error['ctx']['expected']}"
    return _RULES.get(error["type"], error["msg"])


def _fix(error: ErrorDetails, keys: Keys, project: str) -> str:
    kind, key = error["type"], f"'{project}:{path(keys)}'"
    set_it = f"`pulumi config set --path {key} VALUE`"
    match kind:
        case "settings":
            return str(error["ctx"]["fix"])
        case "extra_forbidden":
            return _nearest(keys[-1], _names(error["loc"][:-1]), f"`pulumi config rm --path {key}`, or mend its name")
        case "literal_error":
            return _nearest(error["input"], error["ctx"]["expected"].split("'")[1::2], f"{set_it} with one of those")
        case "model_type" if isinstance(error["input"], str):
            return f"give it keys: {', '.join(_names(error['loc'])[:5])} …"
    return _rewritten(kind, error["input"]) or set_it


def _nearest(word: object, known: list[str], otherwise: str) -> str:
    near = difflib.get_close_matches(str(word), known, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else otherwise


def _rewritten(kind: str, value: object) -> str | None:
    """How the value is written where it is nearly of the type that is wanted."""
    wanted = None
    match kind, value:
        case "string_type", bool() | int() | float():
            wanted = f'write "{str(value).lower()}"'
        case "list_type", str() | int():
            wanted = f"write [{value}]"
        case "list_type", dict():
            wanted = "put a dash in front of each entry"
        case "int_type" | "float_type", str() if value.isdecimal():
            wanted = f"write {value}"
        case "bool_type", str() if value.lower() in _SAID:
            wanted = f"write {_SAID[value.lower()]}"
        case "dict_type" | "model_type", list():
            wanted = "give each entry a key of its own in place of the dash"
    return wanted


_SAID = dict.fromkeys(("true", "yes", "on"), "true") | dict.fromkeys(("false", "no", "off"), "false")


def _names(keys: Iterable[str | int]) -> list[str]:
    """The settings that there are at a place."""
    kinds: list[Any] = [Settings]
    for key in keys:
        kinds = [inner for kind in kinds for inner in _below(kind, key)] or kinds
    return [name for kind in kinds for name in getattr(kind, "model_fields", ())]


def _below(kind: Any, key: str | int) -> Iterator[Any]:
    """The models that may stand below `key` of a model."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and key in kind.model_fields:
        yield from _models(kind.model_fields[str(key)].annotation)


def _models(hint: Any) -> Iterator[Any]:
    if isinstance(hint, Deferred):
        yield hint.model()
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield hint
    for inner in typing.get_args(hint):
        yield from _models(inner)
