"""YAML text with the same strings for every reader.

PyYAML writes the strings `1e5`, `0o7` and `y` without quotes, since it reads them as strings itself. The YAML parsers
of Go, with which the authenticator, kubectl and Pulumi's engine read, take them for numbers and booleans.
"""

from __future__ import annotations

from typing import Any

import yaml

_BOOLEANS = frozenset("yYnN")


class _Dumper(yaml.SafeDumper):
    """Quotes every string that a YAML parser could read as another type."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # PyYAML itself quotes longer words that are not strings, such as `yes`. No number begins with a letter.
        is_word = text[:1].isascii() and text[:1].isalpha() and text not in _BOOLEANS
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_word else "'")


_Dumper.add_representer(str, _Dumper.represent_text)


def dump(value: Any, *, width: int | None = None) -> str:
    """Return `value` as YAML in block style, with its keys in their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=width)
    return text
