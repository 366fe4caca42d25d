"""What an aws provider says of credentials, as one text in JSON, and whose credentials are chosen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

ENVIRONMENT = "{}"
"""What a provider says that says nothing of credentials: they are found as every AWS client finds them."""

_TEXTS = ("accessKey", "secretKey", "token", "profile", "customCaBundle", "httpProxy", "httpsProxy", "stsRegion")
_IN_JSON = (
    *("sharedConfigFiles", "sharedCredentialsFiles", "assumeRoles", "assumeRoleWithWebIdentity"),
    *("endpoints", "insecure", "useDualstackEndpoint", "useFipsEndpoint"),
)
SETTINGS = (*_TEXTS, *_IN_JSON)
"""The settings of an aws provider that say something of credentials and ways to AWS, by their names in the engine."""
_KEYS = ("accessKey", "secretKey", "token")


def chosen(given: str | None, config: Callable[[str], str | None]) -> str:
    """`given`, which a provider says; else the profile of `eks-identity:profile`, or else the default provider's.

    `config` gives the program's config by its full keys.
    """
    if given not in (None, ENVIRONMENT):
        return given
    profile = config("eks-identity:profile")
    if profile:
        return said({"profile": profile})
    # A provider that a program declares itself takes nothing from the config of the default one.
    return given or said({key: config(f"aws:{key}") for key in SETTINGS})


def said(settings: Mapping[str, Any]) -> str:
    """What the settings of an aws provider, by their names in the engine, say of credentials and ways to AWS."""
    found = {}
    for key in SETTINGS:
        value = settings.get(key)
        if value and key in _IN_JSON and isinstance(value, str):
            value = json.loads(value)
        if value:
            found[key] = _in_camel_case(value)
    return json.dumps(found, sort_keys=True)


def differ(before: str | None, after: str | None) -> bool:
    """Whether a state is to be written anew for these: not for the keys of one session or another, which end anyhow."""
    return bool(_lasting(before) != _lasting(after))


def has_keys(credentials: str) -> bool:
    """Whether there are keys in them, which may have ended since."""
    known: dict[str, Any] = json.loads(credentials)
    return "accessKey" in known


def _lasting(credentials: str | None) -> Any:
    known = json.loads(credentials or "null")
    if known and "token" in known:
        return {key: value for key, value in known.items() if key not in _KEYS} | {"session": True}
    return known


def _in_camel_case(value: Any) -> Any:
    """Settings that were written as dicts in Python have its names; what is in them, such as tags, is the user's."""
    if isinstance(value, list):
        return [_in_camel_case(one) for one in value]
    return {_camel_case(key): one for key, one in value.items()} if isinstance(value, dict) else value


def _camel_case(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
