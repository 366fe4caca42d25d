"""Values of Pulumi's JSON. Secrets, and values that a preview does not know, become `Unknown`.

Source: Pulumi, `sdk/go/common/resource/plugin/rpc.go` (sentinels) and `resource.SigKey` (signatures).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eks_access.graph.aws_objects import Document, Unknown
from eks_access.sources.levels import MAX_LEVELS, has_more_levels

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What a preview has in place of an output that only the update knows."""
MASK = "[secret]"
"""What a preview has in place of a secret."""
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key of an object that is no plain value."""
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - marks a secret
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


class UnknownValueError(Exception):
    """A value that an object of the graph needs is unknown."""

    def __init__(self, unknown: Unknown) -> None:
        self.unknown = unknown
        super().__init__(unknown)

    def __str__(self) -> str:
        return self.unknown.reason


@dataclass(frozen=True)
class Origin:
    """A property of a resource, for the reason of an unknown value."""

    owner: str
    """Type and logical name of the resource."""
    name: str
    """Name of the property."""
    dependencies: Sequence[str] = ()
    """Resources whose outputs decide the property, as far as Pulumi records them."""

    @property
    def secret(self) -> Unknown:
        """The value in place of a secret."""
        return Unknown(f"{self.name} of {self.owner} is a secret of the stack")

    @property
    def unresolved(self) -> Unknown:
        """The value in place of one that only the update knows."""
        deciding = f", from {', '.join(self.dependencies)}" if self.dependencies else ""
        return Unknown(f"{self.name} of {self.owner} is known after the update{deciding}")


def resolve(value: Any, origin: Origin, *, masks: bool = False) -> Any:
    """Return a value without secrets; with `masks`, also without the text that previews have in their place."""
    if isinstance(value, str):
        if UNKNOWN in value:
            return origin.unresolved
        return origin.secret if masks and MASK in value else value
    if isinstance(value, list):
        return [resolve(item, origin, masks=masks) for item in value]
    if isinstance(value, dict):
        if SIGNATURE in value:
            return _resolve_special(value, origin, masks=masks)
        return {key: resolve(item, origin, masks=masks) for key, item in value.items()}
    return value


def _resolve_special(value: Mapping[str, Any], origin: Origin, *, masks: bool) -> Any:
    """Return the value of an object with a signature: a secret, an output, or None for an asset or a reference."""
    if value[SIGNATURE] == SECRET or value.get("secret"):
        return origin.secret
    if value[SIGNATURE] != OUTPUT:
        return None
    return resolve(value["value"], origin, masks=masks) if "value" in value else origin.unresolved


def first_unknown(value: Any) -> Unknown | None:
    """Return the first unknown value in `value`, None if it is known completely."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return next((found for item in value if (found := first_unknown(item)) is not None), None)
    return None


def require_known(value: Any) -> Any:
    """Return a value that is known completely; raise `UnknownValueError` for others."""
    unknown = first_unknown(value)
    if unknown is not None:
        raise UnknownValueError(unknown)
    return value


def without_unknowns(value: Any) -> Any:
    """Return a manifest without the fields and items that are unknown."""
    if isinstance(value, dict):
        return {key: without_unknowns(item) for key, item in value.items() if not isinstance(item, Unknown)}
    if isinstance(value, list):
        return [without_unknowns(item) for item in value if not isinstance(item, Unknown)]
    return value


def document(value: Any, origin: str) -> Document | Unknown | None:
    """Return a policy document from its JSON; `Unknown` if a part of it is unknown, or if it is no JSON object.

    So is a text with too many levels, which IAM rejects.
    """
    if value is None or isinstance(value, Unknown):
        return value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            value = None
        if has_more_levels(value):
            return Unknown(f"{origin} has more than {MAX_LEVELS} levels of lists and maps")
    if not isinstance(value, dict):
        return Unknown(f"{origin} is not a JSON object")
    return first_unknown(value) or value
