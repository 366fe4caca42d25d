"""Wildcards and policy variables.

| in a pattern      | matches                                                                |
|-------------------|------------------------------------------------------------------------|
| `*`               | zero or more characters                                                |
| `?`               | exactly one character                                                  |
| `${key}`          | the value of that condition key; wildcards in the value are literal    |
| `${key, 'text'}`  | the same, or `text` if the request lacks the key                       |
| `${*} ${?} ${$}`  | the character itself                                                   |

If a variable has no value in the request, the whole pattern matches nothing. Variables are replaced in policies of
version 2012-10-17 only, and in `Resource` and in string and ARN conditions only. In version 2008-10-17 `${` is text,
and `*` within is a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Lookup = Callable[[str], str | None]
"""Returns the single value of a condition key, or None."""

_TOKEN = re.compile(r"\$\{(?P<variable>[^}]*)\}|(?P<any>\*)|(?P<single>\?)|(?P<text>[^*?$]+|\$)")
_DEFAULT = re.compile(r"^(?P<key>[^,]+?)\s*,\s*'(?P<default>[^']*)'$")
_ARN_PARTS = 6


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Return whether `value` matches `pattern`, which has `*` and `?` and no variables."""
    return _glob(pattern, ignore_case=ignore_case).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _glob(pattern: str, *, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(_glob_expression(pattern), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _glob_expression(pattern: str) -> str:
    return "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)


def matches_template(template: str, value: str, lookup: Lookup | None) -> bool:
    """Return whether `value` matches `template`, which can have variables. Without `lookup`, `${` is literal text."""
    expression = _expression(template, lookup)
    return expression is not None and re.fullmatch(expression, value, re.DOTALL) is not None


def matches_arn(template: str, value: str, lookup: Lookup | None) -> bool:
    """Return whether `value` matches `template` by the rules of ArnLike.

    Each of the six parts of an ARN is matched separately, so that a wildcard does not match a colon. The last part has
    all further colons. The template `*` matches every ARN.
    """
    if template == "*":
        return True
    patterns, parts = _split_arn(template), _split_arn(value)
    if len(patterns) != _ARN_PARTS or len(parts) != _ARN_PARTS:
        return False
    return all(matches_template(pattern, part, lookup) for pattern, part in zip(patterns, parts, strict=True))


def substitute(template: str, lookup: Lookup | None) -> str | None:
    """Return `template` with its variables replaced and wildcards unchanged, or None if a variable has no value."""
    if lookup is None:
        return template
    parts: list[str] = []
    for token in _TOKEN.finditer(template):
        if token["variable"] is None:
            parts.append(token[0])
            continue
        value = _variable(token["variable"], lookup)
        if value is None:
            return None
        parts.append(value)
    return "".join(parts)


def _expression(template: str, lookup: Lookup | None) -> str | None:
    parts: list[str] = []
    for token in _TOKEN.finditer(template):
        if token["any"]:
            parts.append(".*")
        elif token["single"]:
            parts.append(".")
        elif token["text"]:
            parts.append(re.escape(token["text"]))
        elif lookup is None:
            parts.append(_glob_expression(token[0]))
        else:
            value = _variable(token["variable"], lookup)
            if value is None:
                return None
            parts.append(re.escape(value))
    return "".join(parts)


def _variable(content: str, lookup: Lookup) -> str | None:
    if content in {"*", "?", "$"}:
        return content
    with_default = _DEFAULT.match(content)
    if with_default is None:
        return lookup(content.strip())
    value = lookup(with_default["key"].strip())
    return with_default["default"] if value is None else value


def _split_arn(text: str) -> list[str]:
    """Return the six parts of an ARN. Colons inside of variables do not separate parts."""
    variables: list[str] = []

    def hide(match: re.Match[str]) -> str:
        variables.append(match[0])
        return f"\0{len(variables) - 1}\0"

    hidden = re.sub(r"\$\{[^}]*\}", hide, text)
    return [
        re.sub(r"\0(\d+)\0", lambda match: variables[int(match[1])], part) for part in hidden.split(":", _ARN_PARTS - 1)
    ]
