"""The form of Pulumi's JSON: the fields of states and previews that the graph reads, with their types."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from eks_access.errors import SourceError
from eks_access.sources.levels import require_levels

T = TypeVar("T")


class State(msgspec.Struct, rename="camel"):
    """A resource, in a state or in a step of a preview."""

    urn: str
    type: str
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    parent: str | None = None
    provider: str | None = None
    property_dependencies: dict[str, list[str] | None] | None = None
    ignore_changes: list[str] | None = None


class Step(msgspec.Struct, rename="camel"):
    """A step of a preview."""

    op: str
    urn: str
    old_state: State | None = None
    new_state: State | None = None


class Deployment(msgspec.Struct):
    """The content of a state."""

    resources: list[State] | None = None


class Export(msgspec.Struct):
    """An exported state. A stack that was never updated has no deployment."""

    deployment: Deployment | None = None


class Digest(msgspec.Struct, rename="camel"):
    """A preview."""

    steps: list[Step] | None = None
    change_summary: dict[str, int] | None = None


def require_types(value: T, form: Any, noun: str) -> T:
    """Return an object of the graph; raise `SourceError` if a value in it has another type than its field in `form`.

    The properties of a resource are not checked when they are read, and a state may have been edited.
    """
    try:
        msgspec.convert(msgspec.to_builtins(value), form)
    except msgspec.ValidationError as error:
        message = f"{noun} must have values of the types that AWS and Kubernetes have: {error}"
        raise SourceError(message, "correct this value, or write the file again") from error
    return value


def require_form(document: Any, form: type[Export | Digest], noun: str, command: str) -> None:
    """Raise `SourceError` for a document of another form, with the place and the type of the first wrong value."""
    require_levels(document, f"the {noun}")
    try:
        msgspec.convert(document, form)
    except msgspec.ValidationError as error:
        message = f"the {noun} must have the form of `{command}`: {error}"
        raise SourceError(message, f"write it again with `{command}`") from error
