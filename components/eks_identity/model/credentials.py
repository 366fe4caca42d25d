"""Credential settings of an aws provider as JSON text, and the selection of the settings to use."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

DEFAULT_CHAIN = "{}"
"""A provider without credential settings: AWS's default credential chain applies."""

_TEXTS = ("accessKey", "secretKey", "token", "profile", "customCaBundle", "httpProxy", "httpsProxy", "stsRegion")
_IN_JSON = (
    *("sharedConfigFiles", "sharedCredentialsFiles", "assumeRoles", "assumeRoleWithWebIdentity"),
    *("endpoints", "insecure", "useDualstackEndpoint", "useFipsEndpoint"),
)
SETTINGS = (*_TEXTS, *_IN_JSON)
"""Settings of an aws provider for credentials and endpoints, by their names in the engine."""
_KEYS = ("accessKey", "secretKey", "token")


def select_settings(provider: str | None, config: Callable[[str], str | None]) -> str:
    """Return the credential settings to use, as JSON text.

    The order is: the settings of the `provider`, the profile in `eks-identity:profile`, the default provider's config.
    `config` returns the program's config by full key.
    """
    if provider not in (None, DEFAULT_CHAIN):
        return provider
    profile = config("eks-identity:profile")
    if profile:
        return dump_settings({"profile": profile})
    # The config of the default provider does not apply to a provider that the program declares.
    return provider or dump_settings({key: config(f"aws:{key}") for key in SETTINGS})


def dump_settings(settings: Mapping[str, Any]) -> str:
    """Return the credential settings of an aws provider as JSON text. Keys are the names in the engine."""
    selected = {}
    for key in SETTINGS:
        value = settings.get(key)
        if value and key in _IN_JSON and isinstance(value, str):
            value = json.loads(value)
        if value:
            selected[key] = _in_camel_case(value)
    return json.dumps(selected, sort_keys=True)


def settings_differ(before: str | None, after: str | None) -> bool:
    """Return whether the settings differ, apart from the keys of temporary sessions, which expire."""
    return bool(_without_session_keys(before) != _without_session_keys(after))


def has_keys(credentials: str) -> bool:
    """Return whether the settings contain access keys, which may have expired."""
    settings: dict[str, Any] = json.loads(credentials)
    return "accessKey" in settings


def _without_session_keys(credentials: str | None) -> Any:
    settings = json.loads(credentials or "null")
    if settings and "token" in settings:
        return {key: value for key, value in settings.items() if key not in _KEYS} | {"session": True}
    return settings


def _in_camel_case(value: Any) -> Any:
    """Return settings with keys in camel case. Dicts in Python programs have snake case keys."""
    if isinstance(value, list):
        return [_in_camel_case(one) for one in value]
    return {_camel_case(key): one for key, one in value.items()} if isinstance(value, dict) else value


def _camel_case(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
