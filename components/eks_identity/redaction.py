"""Redaction of secret values in everything that the library prints: errors, warnings and diagnostics of providers.

Two kinds of values are secret. Pulumi marks the ones that the program passes as secrets (`Output.secret`, secret
config). Credentials inside kubeconfigs and provider settings are secret by themselves, although nobody marked them.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import Any, Final

from ruamel.yaml import YAML

SECRET: Final = "[secret]"  # noqa: S105 - the word that Pulumi itself prints
"""What messages show in place of a secret value."""

_COMMON_WORDS = frozenset({"arn", "aws", "iam", "sts", "eks", "user", "role", "policy", "cluster", "https"})
_COMMON_WORDS |= {"version", "statement", "sid", "effect", "allow", "deny", "action", "resource", "principal"}
"""Words that ARNs, policies and rules have in common. They tell nothing about a value."""
_SHORT = 5
"""A text with fewer characters is replaced only where it is a word of its own: "a" is in every message."""
_DEPTH = 20
"""How deep documents are searched. A YAML anchor may contain itself."""

_CREDENTIALS = frozenset({"token", "password", "clientkeydata", "clientcertificatedata", "clientsecret", "idtoken"})
_CREDENTIALS |= {"refreshtoken", "accesstoken", "accesskey", "accesskeyid", "secretkey", "secretaccesskey"}
_CREDENTIALS |= {"sessiontoken", "webidentitytoken"}
"""Keys of kubeconfigs, aws providers and credential files whose values are credentials, without `-` and `_`."""
PROVIDER_SETTINGS = frozenset({"accessKey", "secretKey", "token", "profile", "customCaBundle", "httpProxy"})
PROVIDER_SETTINGS |= {"httpsProxy", "stsRegion", "sharedConfigFiles", "sharedCredentialsFiles", "assumeRoles"}
PROVIDER_SETTINGS |= {"assumeRoleWithWebIdentity", "endpoints", "insecure", "useDualstackEndpoint", "useFipsEndpoint"}
"""The keys of the documents that `model.credentials` writes."""
_FLAG = re.compile(r"--?[\w-]*(?:secret|password|token|credential)[\w-]*?(?:=(.*))?", re.DOTALL)
_NO_CREDENTIALS = frozenset({"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS"})
"""Environment variables of kubeconfigs that hold no credentials. Any other one may."""
_IN_TEXT = re.compile(r"""(?i)["']?\b([a-z][a-z_-]*)["']?[ \t]*[:=][ \t]*(?:"([^"\n]+)|'([^'\n]+)|([^\s"',}\]]+))""")
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_DOCUMENT = re.compile(r"(?i)token|password|secret|access_?-?key|client-key|auth-provider|exec|://")


class Redactor:
    """Replaces secret values in messages. The pattern is built when the first message needs it.

    `marked` are the values that the program passed as secrets, `plain` the other values of the same check. Credentials
    are found in both.
    """

    def __init__(self, marked: Iterable[object] = (), plain: Iterable[object] = ()) -> None:
        self._marked = list(marked)
        self._plain = list(plain)
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: object, *, marked: bool) -> None:
        """One more value that messages may show."""
        (self._marked if marked else self._plain).append(value)
        self._pattern = None

    def extend(self, other: Redactor) -> None:
        """Adds all values of another one."""
        self._marked += other._marked
        self._plain += other._plain
        self._pattern = None

    def redact(self, text: str) -> str:
        """`text` with `[secret]` in place of each secret value, and of each word of a marked one."""
        if self._pattern is None:
            self._pattern = _pattern(self._marked, self._plain)
        return self._pattern.sub(SECRET, text)

    def contains_secret(self, value: object) -> bool:
        """Whether a secret value, or a word of a marked one, is anywhere in `value`."""
        return any(self.redact(text) != text for text in _texts(value))

    def shown(self, value: object) -> object:
        """`value` where it tells nothing about a secret, else `[secret]`.

        Beside a marked value only the other inputs are shown: what was derived from a secret need not look like it.
        """
        if value is SECRET or _is_kubeconfig(value) or self.contains_secret(value):
            return SECRET
        if not any(not has_known_form(one) for one in self._marked):
            return value
        known = set(_scalars(self._plain))
        return value if known.issuperset(_scalars(value)) else SECRET


_CURRENT: ContextVar[tuple[Callable[[], Redactor], ...]] = ContextVar("redactors", default=())


def current() -> Redactor:
    """The redactor of all values that are being looked at."""
    joined = Redactor()
    for redactor in _CURRENT.get():
        joined.extend(redactor())
    return joined


@contextmanager
def using(redactor: Callable[[], Redactor]) -> Iterator[None]:
    """Within the block, messages are redacted by this redactor too. It is built when a message needs it.

    `redactor` returns the same one each time.
    """
    before = _CURRENT.set((*_CURRENT.get(), redactor))
    try:
        yield
    finally:
        _CURRENT.reset(before)


def note(values: Redactor) -> None:
    """Adds the values of another redactor to the innermost one, where there is one."""
    redactors = _CURRENT.get()
    if redactors:
        redactors[-1]().extend(values)


def redacted(text: str) -> str:
    """`text` without any secret of the values that are being looked at."""
    return current().redact(text)


def credentials_in(value: object, depth: int = _DEPTH) -> Iterator[str]:
    """The credentials in a kubeconfig, in the settings of a provider, or in anything that has such within.

    `value` is a document, or its text in JSON or YAML; broken texts are searched line by line.
    """
    if depth == 0:
        return
    if isinstance(value, str):
        yield from _credentials_in_text(value, depth)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _credentials_of(str(key), one, depth)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from credentials_in(one, depth - 1)


def has_known_form(value: object) -> bool:
    """Whether `value` is a kubeconfig or the settings of an aws provider, as a document or as its text.

    Only the credentials in these are secret, also where Pulumi marks the whole document.
    """
    if _is_kubeconfig(value):
        return True
    document = _document(value) if isinstance(value, str) else value
    return isinstance(document, Mapping) and set(document) <= PROVIDER_SETTINGS


def _is_kubeconfig(value: object) -> bool:
    document = _document(value) if isinstance(value, str) else value
    return isinstance(document, Mapping) and {"contexts", "clusters"} <= set(document)


def _credentials_of(key: str, value: object, depth: int) -> Iterator[str]:
    name = re.sub(r"[-_]", "", key).lower()
    if name in _CREDENTIALS and isinstance(value, (str, int)) and not isinstance(value, bool):
        yield str(value)
    elif name == "authprovider":
        yield from _texts(value.get("config") if isinstance(value, Mapping) else value, keys=False)
    elif name == "env" and isinstance(value, list):
        for one in value:
            if isinstance(one, Mapping) and one.get("name") not in _NO_CREDENTIALS:
                yield from _texts(one.get("value"))
    elif name == "args" and isinstance(value, list):
        yield from _credentials_of_command([str(one) for one in value])
    else:
        yield from credentials_in(value, depth - 1)


def _credentials_of_command(arguments: list[str]) -> Iterator[str]:
    for flag, following in pairwise([*arguments, ""]):
        found = _FLAG.fullmatch(flag)
        if found and (found[1] or not following.startswith("-")):
            yield found[1] or following


def _credentials_in_text(text: str, depth: int) -> Iterator[str]:
    if not _DOCUMENT.search(text):
        return
    yield from _PASSWORD_IN_URL.findall(text)
    document = _document(text)
    if isinstance(document, (Mapping, list)):
        yield from credentials_in(document, depth - 1)
        return
    for key, *found in _IN_TEXT.findall(text):
        # In a broken document an environment variable of `exec` is not told apart from other values.
        if re.sub(r"[-_]", "", key).lower() in _CREDENTIALS or key == "value":
            yield next(filter(None, found))


def _document(text: str) -> Any:
    """The JSON or YAML document of `text`; the text itself where it is neither."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    if ":" not in text:
        return text
    try:
        return YAML(typ="safe", pure=True).load(text)
    except Exception:  # noqa: BLE001 - beside its own errors, ruamel.yaml raises IndexError and others
        return text


def _pattern(marked: Iterable[object], plain: Iterable[object]) -> re.Pattern[str]:
    whole: set[str] = set()
    words: set[str] = set()
    for value in marked:
        if has_known_form(value):
            whole |= set(_texts(value, keys=False)) if isinstance(value, str) else set()
        else:
            found = set(_texts(value)) | set(_leaves_of_documents(value))
            whole |= found
            words |= {word for text in found for word in re.findall(r"\w{3,}", text)}
    for value in (*marked, *plain):
        whole |= {text for text in credentials_in(value) if text.strip()}
    return _either(
        {form for text in whole for form in _forms(text)},
        {word for word in words if word.lower() not in _COMMON_WORDS},
    )


def _either(whole: set[str], words: set[str]) -> re.Pattern[str]:
    longest_first = sorted(whole | words, key=len, reverse=True)
    patterns = [
        re.escape(text) if text in whole and len(text) >= _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)"
        for text in longest_first
    ]
    return re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)


def _forms(text: str) -> set[str]:
    """How messages write a text: as it is, in Python's and JSON's quotes, in URLs, and line by line."""
    lines = {line.strip() for line in text.splitlines()} if "\n" in text else set()
    in_urls = {urllib.parse.quote(text), urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text)}
    in_quotes = {repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    forms = {text, text.strip(), *in_urls, *in_quotes, *(line for line in lines if len(line) >= _SHORT)}
    return {form for form in forms if form}


def _leaves_of_documents(value: object) -> Iterator[str]:
    """The texts within each text of `value` that is a JSON document."""
    for text in _texts(value):
        if text.lstrip()[:1] in {"{", "["}:
            document = _document(text)
            if not isinstance(document, str):
                yield from _texts(document)


def _texts(value: object, *, keys: bool = True, depth: int = _DEPTH) -> Iterator[str]:
    """Each text and number in `value`."""
    if depth == 0 or value is None or isinstance(value, bool):
        return
    if isinstance(value, Mapping):
        for key, one in value.items():
            if keys:
                yield from _texts(key, depth=depth - 1)
            yield from _texts(one, keys=keys, depth=depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from _texts(one, keys=keys, depth=depth - 1)
    elif isinstance(value, (int, float)):
        yield str(value)
        if isinstance(value, int) or value.is_integer():
            yield from (str(int(value)), f"{int(value):,}")
    elif str(value):
        yield str(value)


def _scalars(value: object) -> Iterator[str]:
    """Each value in `value` that holds no others, with its type: `True` is not 1. None tells nothing."""
    if isinstance(value, Mapping):
        yield from _scalars([*value.keys(), *value.values()])
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from _scalars(one)
    elif value is not None:
        yield f"{type(value).__name__} {value}"
