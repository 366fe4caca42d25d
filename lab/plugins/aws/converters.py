"""Conversions between Pulumi's value of a property and AWS's value of it.

A converter has three functions: `send` returns the value for AWS's request, `show` the value of AWS's response for
Pulumi's state, and `same` compares two of Pulumi's values. AWS does not keep the order of the lists that the covered
types have, and adds defaults to nested settings: `same` ignores both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lab.plugins.values import UNKNOWN, contains_unknown


def identity(value: Any) -> Any:
    return value


def same_value(old: Any, new: Any) -> bool:
    """Return whether AWS's value `old` already has every setting of the program's value `new`."""
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return all(same_value(old.get(key), value) for key, value in new.items() if value is not None)
    if isinstance(new, list) and isinstance(old, list):
        if len(old) != len(new):
            return False
        if all(isinstance(item, str) for item in [*old, *new]):
            return sorted(old) == sorted(new)
        return all(same_value(before, after) for before, after in zip(old, new, strict=True))
    if new is UNKNOWN or old is UNKNOWN:
        return False
    return bool(old == new) or (not new and not old and new is not False and old is not False)


@dataclass(frozen=True)
class Converter:
    """A conversion between Pulumi's and AWS's value; see the module."""

    send: Callable[[Any], Any] = identity
    show: Callable[[Any], Any] = identity
    same: Callable[[Any, Any], bool] = same_value
    accept: Callable[[Any], Any] = identity
    """The program's value → the value in the inputs. Raises `ValueError` with the violated rule."""
    keep: bool = True
    """Whether the state keeps the program's value if AWS's value is equivalent."""


def _json_text(value: Any) -> Any:
    if contains_unknown(value):
        return UNKNOWN
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON: {error}") from None
    return value


def _same_json(old: Any, new: Any) -> bool:
    if not isinstance(old, str) or not isinstance(new, str):
        return same_value(old, new)
    return bool(_canonical(json.loads(old)) == _canonical(json.loads(new)))


def _canonical(value: Any) -> Any:
    # IAM treats ["x"] and "x" alike, and ignores the order of lists.
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        items = sorted((_canonical(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value


def _shown_json(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _iso(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


def upper(value: Any) -> Any:
    """Return nested settings with EC2's keys: `httpTokens` → `HttpTokens`."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: upper(item) for key, item in value.items()}
    return [upper(item) for item in value] if isinstance(value, list) else value


def lower(value: Any) -> Any:
    """Return nested settings with Pulumi's keys: `HttpTokens` → `httpTokens`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: lower(item) for key, item in value.items()}
    return [lower(item) for item in value] if isinstance(value, list) else value


def _tags_from_list(value: Any) -> Any:
    return {tag["Key"]: tag["Value"] for tag in value or ()}


def _or_empty(value: Any) -> Any:
    return value or {}


def _same_exactly(old: Any, new: Any) -> bool:
    return bool((old or {}) == (new or {}))


def _unchecked(_old: Any, _new: Any) -> bool:
    return True


PLAIN = Converter()
POLICY = Converter(show=_shown_json, same=_same_json, accept=_json_text)
"""A policy document: JSON text, or an object that is converted to it. boto3 returns an object."""
TIME = Converter(show=_iso)
NESTED = Converter(send=upper, show=lower)
"""Settings whose member names differ only in the case of the first letter."""
EXACT = Converter(same=_same_exactly)
"""An object that the program owns: AWS must have its members and no others."""
TAG_LIST = Converter(show=_tags_from_list, same=_same_exactly)
TAG_MAP = Converter(show=_or_empty, same=_same_exactly)


def _with_scheme(value: Any) -> Any:
    return value if not isinstance(value, str) or value.startswith("https://") else f"https://{value}"


def _without_scheme(value: Any) -> Any:
    return value.removeprefix("https://") if isinstance(value, str) else value


def _same_issuer(old: Any, new: Any) -> bool:
    return same_value(_without_scheme(old), _without_scheme(new))


ISSUER = Converter(send=_with_scheme, show=_without_scheme, same=_same_issuer, keep=False)
"""An OIDC issuer: requests have its scheme, responses and Pulumi's state do not."""
CREATE_ONLY = Converter(same=_unchecked)
"""A setting of the creation only: a later change has no effect, as in the official plugin."""
