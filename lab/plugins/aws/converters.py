"""How Pulumi's value of a property and AWS's value of it relate, where they are not the same.

A form has three parts: `send` gives what AWS's request takes, `show` what Pulumi's state keeps of AWS's answer, and
`same` says whether two of Pulumi's values mean the same to AWS. AWS does not keep the order of the lists that the
covered types have, and fills nested settings that were left out: `same` knows both.
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
    """Whether `new`, as a program gives it, asks for anything that `old`, as AWS keeps it, is not."""
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return all(same_value(old.get(key), value) for key, value in new.items() if value is not None)
    if isinstance(new, list) and isinstance(old, list):
        if len(old) != len(new):
            return False
        if all(isinstance(item, str) for item in [*old, *new]):
            return sorted(old) == sorted(new)
        return all(same_value(one, other) for one, other in zip(old, new, strict=True))
    if new is UNKNOWN or old is UNKNOWN:
        return False
    return bool(old == new) or (not new and not old and new is not False and old is not False)


@dataclass(frozen=True)
class Converter:
    """One relation between Pulumi's and AWS's value; see the module."""

    send: Callable[[Any], Any] = identity
    show: Callable[[Any], Any] = identity
    same: Callable[[Any, Any], bool] = same_value
    accept: Callable[[Any], Any] = identity
    """What a program may write → what the inputs keep. Raises `ValueError` with the rule that is broken."""
    keep: bool = True
    """Where AWS's value means the same as the program's, the state keeps the program's wording."""


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
    # IAM reads ["x"] and "x" alike, and lists in any order.
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
    """Nested settings with each key as EC2 writes it: `httpTokens` → `HttpTokens`."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: upper(item) for key, item in value.items()}
    return [upper(item) for item in value] if isinstance(value, list) else value


def lower(value: Any) -> Any:
    """The other way: `HttpTokens` → `httpTokens`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: lower(item) for key, item in value.items()}
    return [lower(item) for item in value] if isinstance(value, list) else value


def _tags_from_list(value: Any) -> Any:
    return {tag["Key"]: tag["Value"] for tag in value or ()}


def _or_empty(value: Any) -> Any:
    return value or {}


def _same_whole(old: Any, new: Any) -> bool:
    return bool((old or {}) == (new or {}))


def _unchecked(_old: Any, _new: Any) -> bool:
    return True


PLAIN = Converter()
POLICY = Converter(show=_shown_json, same=_same_json, accept=_json_text)
"""A policy document: JSON text, or an object that becomes it. boto3 answers with the object."""
TIME = Converter(show=_iso)
NESTED = Converter(send=upper, show=lower)
"""Settings whose member names differ in the first letter's case only."""
WHOLE = Converter(same=_same_whole)
"""An object that is the program's alone: what it does not name must not be there."""
TAG_LIST = Converter(show=_tags_from_list, same=_same_whole)
TAG_MAP = Converter(show=_or_empty, same=_same_whole)


def _with_scheme(value: Any) -> Any:
    return value if not isinstance(value, str) or value.startswith("https://") else f"https://{value}"


def _without_scheme(value: Any) -> Any:
    return value.removeprefix("https://") if isinstance(value, str) else value


def _same_issuer(old: Any, new: Any) -> bool:
    return same_value(_without_scheme(old), _without_scheme(new))


ISSUER = Converter(send=_with_scheme, show=_without_scheme, same=_same_issuer, keep=False)
"""An OIDC issuer: requests have its scheme, and answers, as well as Pulumi's state, do not."""
ONCE = Converter(same=_unchecked)
"""Read at creation only: a later change asks for nothing, as the official plugin has it."""
