"""Credentials in documents: kubeconfigs, settings of aws providers, credential files, and values that contain these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from ruamel.yaml import YAML

_DEPTH = 20
"""Levels of a document that are searched. A YAML anchor may contain itself."""

_CREDENTIALS = frozenset({"token", "password", "clientkeydata", "clientcertificatedata", "clientsecret", "idtoken"})
_CREDENTIALS |= {"refreshtoken", "accesstoken", "accesskey", "accesskeyid", "secretkey", "secretaccesskey"}
_CREDENTIALS |= {"sessiontoken", "webidentitytoken"}
"""Keys of kubeconfigs, aws providers and credential files whose values are credentials, without `-` and `_`."""
_PROVIDER_SETTINGS = frozenset({"accessKey", "secretKey", "token", "profile", "customCaBundle", "httpProxy"})
_PROVIDER_SETTINGS |= {"httpsProxy", "stsRegion", "sharedConfigFiles", "sharedCredentialsFiles", "assumeRoles"}
_PROVIDER_SETTINGS |= {"assumeRoleWithWebIdentity", "endpoints", "insecure", "useDualstackEndpoint", "useFipsEndpoint"}
"""Keys of the documents that `model.credentials` writes."""
_FLAG = re.compile(r"--?[\w-]*(?:secret|password|token|credential)[\w-]*?(?:=(.*))?", re.DOTALL)
_NO_CREDENTIALS = frozenset({"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS"})
"""Environment variables of kubeconfigs that hold no credentials. Any other variable may."""
_IN_TEXT = re.compile(r"""(?i)["']?\b([a-z][a-z_-]*)["']?[ \t]*[:=][ \t]*(?:"([^"\n]+)|'([^'\n]+)|([^\s"',}\]]+))""")
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_DOCUMENT = re.compile(r"(?i)token|password|secret|access_?-?key|client-key|auth-provider|exec|://")


def credentials_in(value: object, depth: int = _DEPTH) -> Iterator[str]:
    """Yield the credentials in a kubeconfig, in settings of a provider, or in a value that contains these.

    `value` is a document, or its text in JSON or YAML. Text that cannot be parsed is searched line by line.
    """
    if depth == 0:
        return
    if isinstance(value, str):
        yield from _credentials_in_text(value, depth)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _credentials_of_key(str(key), item, depth)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from credentials_in(item, depth - 1)


def has_known_form(value: object) -> bool:
    """Return whether `value` is a kubeconfig or the settings of an aws provider, as a document or as its text.

    Only the credentials in these are secret, even if Pulumi marks the document as a secret.
    """
    if is_kubeconfig(value):
        return True
    document = parse_document(value) if isinstance(value, str) else value
    return isinstance(document, Mapping) and set(document) <= _PROVIDER_SETTINGS


def is_kubeconfig(value: object) -> bool:
    """Return whether `value` is a kubeconfig, as a document or as its text."""
    document = parse_document(value) if isinstance(value, str) else value
    return isinstance(document, Mapping) and {"contexts", "clusters"} <= set(document)


def parse_document(text: str) -> Any:
    """Return the JSON or YAML document of `text`, or `text` itself if it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if ":" not in text:
        return text
    try:
        return YAML(typ="safe", pure=True).load(text)
    except Exception:  # noqa: BLE001 - besides its own errors, ruamel.yaml raises IndexError and others
        return text


def texts(value: object, *, keys: bool = True, depth: int = _DEPTH) -> Iterator[str]:
    """Yield each text and number in `value`, a number in each of its spellings."""
    if depth == 0 or value is None or isinstance(value, bool):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if keys:
                yield from texts(key, depth=depth - 1)
            yield from texts(item, keys=keys, depth=depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from texts(item, keys=keys, depth=depth - 1)
    elif isinstance(value, (int, float)):
        yield str(value)
        if isinstance(value, int) or value.is_integer():
            yield from (str(int(value)), f"{int(value):,}")
    elif str(value):
        yield str(value)


def _credentials_of_key(key: str, value: object, depth: int) -> Iterator[str]:
    name = _normalize(key)
    if name in _CREDENTIALS and isinstance(value, (str, int)) and not isinstance(value, bool):
        yield str(value)
    elif name == "authprovider":
        yield from texts(value.get("config") if isinstance(value, Mapping) else value, keys=False)
    elif name == "env" and isinstance(value, list):
        for variable in value:
            if isinstance(variable, Mapping) and variable.get("name") not in _NO_CREDENTIALS:
                yield from texts(variable.get("value"))
    elif name == "args" and isinstance(value, list):
        yield from _credentials_of_command([str(argument) for argument in value])
    else:
        yield from credentials_in(value, depth - 1)


def _normalize(key: str) -> str:
    return re.sub(r"[-_]", "", key).lower()


def _credentials_of_command(arguments: list[str]) -> Iterator[str]:
    for flag, following in pairwise([*arguments, ""]):
        match = _FLAG.fullmatch(flag)
        if match and (match[1] or not following.startswith("-")):
            yield match[1] or following


def _credentials_in_text(text: str, depth: int) -> Iterator[str]:
    if not _DOCUMENT.search(text):
        return
    yield from _PASSWORD_IN_URL.findall(text)
    document = parse_document(text)
    if isinstance(document, (Mapping, list)):
        yield from credentials_in(document, depth - 1)
        return
    for key, *values in _IN_TEXT.findall(text):
        # In a document that cannot be parsed, `value` may be that of an environment variable of `exec`.
        if _normalize(key) in _CREDENTIALS or key == "value":
            yield next(filter(None, values))
