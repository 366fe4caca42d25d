"""Replacement of secret values in messages."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from eks_identity.redaction.credentials import credentials_in, has_known_form, is_kubeconfig, parse_document, texts

SECRET: Final = "[secret]"  # noqa: S105 - the word that Pulumi itself prints
"""The text that replaces a secret value in messages."""

_COMMON_WORDS = frozenset({"arn", "aws", "iam", "sts", "eks", "user", "role", "policy", "cluster", "https"})
_COMMON_WORDS |= {"version", "statement", "sid", "effect", "allow", "deny", "action", "resource", "principal"}
"""Words that ARNs, policies and rules have in common. They reveal nothing about a value."""
_SHORT = 5
"""A text with fewer characters is replaced only as a separate word: "a" is in every message."""


class Redactor:
    """Replaces secret values in messages. The pattern is built when the first message needs it.

    `marked` are the values that the program passed as secrets, `plain` the other values of the same check. Credentials
    are searched in both.
    """

    def __init__(self, marked: Iterable[object] = (), plain: Iterable[object] = ()) -> None:
        self._marked = list(marked)
        self._plain = list(plain)
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: object, *, marked: bool) -> None:
        """Add a value that messages may show."""
        (self._marked if marked else self._plain).append(value)
        self._pattern = None

    def extend(self, other: Redactor) -> None:
        """Add all values of another redactor."""
        self._marked += other._marked
        self._plain += other._plain
        self._pattern = None

    def redact(self, text: str) -> str:
        """Return `text` with `[secret]` in place of each secret value, and of each word of a marked value."""
        if self._pattern is None:
            self._pattern = _pattern(self._marked, self._plain)
        return self._pattern.sub(SECRET, text)

    def contains_secret(self, value: object) -> bool:
        """Return whether a secret value, or a word of a marked value, is anywhere in `value`."""
        return any(self.redact(text) != text for text in texts(value))

    def redact_value(self, value: object) -> object:
        """Return `value` if it reveals nothing about a secret, `[secret]` otherwise.

        If any value is marked, only the other inputs are shown: a value derived from a secret may look different.
        """
        if value is SECRET or is_kubeconfig(value) or self.contains_secret(value):
            return SECRET
        if all(map(has_known_form, self._marked)):
            return value
        plain = set(_scalars(self._plain))
        return value if plain.issuperset(_scalars(value)) else SECRET


def _pattern(marked: Iterable[object], plain: Iterable[object]) -> re.Pattern[str]:
    values: set[str] = set()
    words: set[str] = set()
    for value in marked:
        if has_known_form(value):
            values |= set(texts(value, keys=False)) if isinstance(value, str) else set()
        else:
            leaves = set(texts(value)) | set(_leaves_of_documents(value))
            values |= leaves
            words |= {word for text in leaves for word in re.findall(r"\w{3,}", text)}
    for value in (*marked, *plain):
        values |= {text for text in credentials_in(value) if text.strip()}
    return _alternatives(
        {form for text in values for form in _forms(text)},
        {word for word in words if word.lower() not in _COMMON_WORDS},
    )


def _alternatives(values: set[str], words: set[str]) -> re.Pattern[str]:
    longest_first = sorted(values | words, key=len, reverse=True)
    patterns = [
        re.escape(text) if text in values and len(text) >= _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)"
        for text in longest_first
    ]
    return re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)


def _forms(text: str) -> set[str]:
    """Return a text as messages may write it: unchanged, quoted by Python and JSON, in URLs, and line by line."""
    lines = {line.strip() for line in text.splitlines()} if "\n" in text else set()
    in_urls = {urllib.parse.quote(text), urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text)}
    in_quotes = {repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    forms = {text, text.strip(), *in_urls, *in_quotes, *(line for line in lines if len(line) >= _SHORT)}
    return {form for form in forms if form}


def _leaves_of_documents(value: object) -> Iterator[str]:
    """Yield the texts within each text of `value` that is a JSON document."""
    for text in texts(value):
        if text.lstrip()[:1] in {"{", "["}:
            document = parse_document(text)
            if not isinstance(document, str):
                yield from texts(document)


def _scalars(value: object) -> Iterator[str]:
    """Yield each scalar in `value` with its type, because `True` is not 1. None reveals nothing and is skipped."""
    if isinstance(value, Mapping):
        yield from _scalars([*value.keys(), *value.values()])
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _scalars(item)
    elif value is not None:
        yield f"{type(value).__name__} {value}"
