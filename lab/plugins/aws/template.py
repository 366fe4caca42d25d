"""Render request templates, and extract results from responses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jmespath  # type: ignore[import-untyped]

_PLACEHOLDER = re.compile(r"\$(\w+)")


def render(template: Any, values: Mapping[str, Any]) -> Any:
    """Return `template` with every `$name` replaced by its value, and without members that are None."""
    if callable(template):
        return template(values)
    if isinstance(template, str) and template.startswith("$"):
        return search(template[1:], values) if "." in template else values.get(template[1:])
    if isinstance(template, Mapping):
        rendered = {key: render(item, values) for key, item in template.items()}
        return {key: item for key, item in rendered.items() if item is not None} or (None if template else {})
    if isinstance(template, list):
        return [item for item in (render(item, values) for item in template) if item is not None]
    return template


def operation_name(operation: str, values: Mapping[str, Any]) -> str:
    """Return the operation with `$name` replaced by the property's value: `authorize_security_group_$type`."""
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), operation)


def search(expression: str, document: Any, values: Mapping[str, Any] | None = None) -> Any:
    """Return the result of `expression` in `document`; `$name` in it is the quoted value of that property."""
    if values is not None:
        expression = _PLACEHOLDER.sub(lambda match: _quoted(str(values.get(match[1]))), expression)
    return jmespath.search(expression, document) if expression else document


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
