"""Wildcards and policy variables of policy documents.

`*` matches any characters, `/` and `:` among them, and `?` matches one. A variable is `${key}`, or `${key, 'default'}`.
`${*}`, `${?}` and `${$}` are the characters themselves. The value of a variable matches literally. A pattern with a
variable that the request has no single value for matches nothing.

Documents without `Version` 2012-10-17 have no variables: there, `${` is text.

Source: IAM user guide, "IAM JSON policy elements: Resource" and "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from eks_identity.evaluation.iam.truth import Truth, truth

Lookup = Callable[[str], tuple[str, ...] | None]
"""Returns the values of a condition key: none if the request lacks it, None if it is unknown."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"\s*(.+?)\s*,\s*'([^']*)'\s*")
_ARN_PARTS = 6


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Return whether `text` matches `pattern`, which has wildcards and no variables."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == text or (ignore_case and pattern.lower() == text.lower())
    return _compiled(pattern, ignore_case=ignore_case).fullmatch(text) is not None


@lru_cache(maxsize=8192)
def _compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    return re.compile(_wildcards(pattern), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _wildcards(text: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in text)


@dataclass(frozen=True)
class Template:
    """A pattern or text with policy variables."""

    text: str
    has_variables: bool = True

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The condition keys of the variables."""
        return tuple(key for key, _ in (_parse(content) for content in self._contents()) if key)

    def unknown_keys(self, lookup: Lookup) -> tuple[str, ...]:
        """Return the condition keys of the variables that are unknown."""
        return tuple(dict.fromkeys(key for key in self.keys if lookup(key) is None))

    def matches(self, text: str, lookup: Lookup) -> Truth:
        """Return whether `text` matches. It may match if it does with some value of each unknown variable."""
        if "${" not in self.text:
            return truth(matches(self.text, text))
        expression = self._expression(lookup, _wildcards)
        if expression is None or not re.fullmatch(expression, text, re.DOTALL):
            return Truth.NO
        return Truth.MAYBE if self.unknown_keys(lookup) else Truth.YES

    def is_text(self, text: str, lookup: Lookup, *, ignore_case: bool = False) -> Truth:
        """Return whether `text` is the template, in which wildcards are text. Unknown variables may have any value."""
        if "${" not in self.text:
            return truth(self.text == text or (ignore_case and self.text.lower() == text.lower()))
        expression = self._expression(lookup, re.escape)
        flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
        if expression is None or not re.fullmatch(expression, text, flags):
            return Truth.NO
        return Truth.MAYBE if self.unknown_keys(lookup) else Truth.YES

    def matches_arn(self, text: str, lookup: Lookup) -> Truth:
        """Return whether each of the six parts of an ARN matches: a wildcard does not match a colon between them."""
        if self.text == "*":
            return Truth.YES
        patterns, parts = list(self._arn_parts()), text.split(":", _ARN_PARTS - 1)
        if len(patterns) != _ARN_PARTS or len(parts) != _ARN_PARTS:
            return Truth.NO
        pairs = zip(patterns, parts, strict=True)
        return min(Template(pattern, self.has_variables).matches(part, lookup) for pattern, part in pairs)

    def _contents(self) -> Iterable[str]:
        return _VARIABLE.findall(self.text) if self.has_variables else ()

    def _expression(self, lookup: Lookup, convert: Callable[[str], str]) -> str | None:
        """Return a regular expression, None if the request lacks the value of a variable."""
        if not self.has_variables:
            return convert(self.text)
        parts = []
        for index, part in enumerate(_VARIABLE.split(self.text)):
            expression = _variable(part, lookup) if index % 2 else convert(part)
            if expression is None:
                return None
            parts.append(expression)
        return "".join(parts)

    def _arn_parts(self) -> Iterator[str]:
        """Yield the six parts of an ARN. A colon inside of a variable, as in `${aws:username}`, separates none."""
        start = parts = 0
        inside = [match.span() for match in _VARIABLE.finditer(self.text)] if self.has_variables else []
        for index, character in enumerate(self.text):
            is_separator = character == ":" and not any(first < index < last for first, last in inside)
            if is_separator and parts < _ARN_PARTS - 1:
                yield self.text[start:index]
                start, parts = index + 1, parts + 1
        yield self.text[start:]


def _parse(content: str) -> tuple[str, str | None]:
    """Return the condition key of a variable, empty for an escaped character, and the default value."""
    if content in {"*", "?", "$"}:
        return "", content
    with_default = _DEFAULT.fullmatch(content)
    return (with_default[1], with_default[2]) if with_default else (content.strip(), None)


def _variable(content: str, lookup: Lookup) -> str | None:
    key, default = _parse(content)
    values = lookup(key) if key else ()
    if values is None:
        return ".*"
    if len(values) == 1:
        return re.escape(values[0])
    return None if default is None else re.escape(default)


def any_matches(patterns: Iterable[str], text: str, *, ignore_case: bool = False) -> Truth:
    """Return whether `text` matches one of the patterns, which have no variables."""
    return truth(any(matches(pattern, text, ignore_case=ignore_case) for pattern in patterns))
