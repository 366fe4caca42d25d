"""Resources of a stack, as a state has them or a preview plans them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eks_access.graph.aws_objects import Document, Unknown
from eks_access.sources.pulumi.values import Origin, document, require_known, resolve

_OWN_PACKAGE = "eks-identity"


@dataclass(frozen=True)
class Resource:
    """A resource. Its values contain no secrets."""

    urn: str
    kind: str
    """Its type token; `eks-identity:Cluster` for one of eks_identity, whatever program declares it."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Inputs, and outputs that are no inputs. Names in camel case."""
    provider: str = ""
    """URN of its provider."""
    parent: str = ""
    dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """URNs of the resources whose outputs decide a property, by its name."""
    is_new: bool = False
    """Whether a preview creates or replaces it."""
    ignores: tuple[str, ...] = ()
    """Properties whose changes are ignored (`ignore_changes`)."""
    is_read: bool = False
    """Whether the stack only reads it (`external`)."""

    def __str__(self) -> str:
        return describe(self.urn)

    def get(self, name: str) -> Any:
        """Return a property: a value that may be or contain `Unknown`; None if it is not set."""
        return self.properties.get(name)

    def require(self, name: str) -> Any:
        """Return a property that is known completely; raise `UnknownValueError` for others."""
        return require_known(self.get(name))

    def text(self, name: str) -> str:
        """Return a required text; raise `UnknownValueError` if it is unknown or missing."""
        value = self.require(name)
        return str(require_known(Unknown(f"{name} of {self} is not set"))) if value is None else str(value)

    def texts(self, name: str) -> dict[str, str]:
        """Return the known texts of an object by their keys, such as tags."""
        value = self.get(name)
        return {key: item for key, item in value.items() if isinstance(item, str)} if isinstance(value, dict) else {}

    def time(self, name: str) -> datetime | None:
        """Return a time, None if it is unknown, missing or no time."""
        value = self.get(name)
        try:
            return datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            return None

    def document(self, name: str) -> Document | Unknown | None:
        """Return a policy document; None if it is not set."""
        return document(self.get(name), f"{name} of {self}")


def describe(urn: str) -> str:
    """Return type and logical name of a resource: `aws:iam/role:Role app`."""
    types, _, name = urn.rpartition("::")
    return f"{types.rpartition('::')[2].rpartition('$')[2]} {name}"


def resource_of(
    state: Mapping[str, Any],
    outputs: Mapping[str, Any] | None = None,
    *,
    masks: bool = False,
    is_new: bool = False,
) -> Resource:
    """Return a resource from its state; `outputs` replace those of the state.

    A resource that the stack only reads (`external`) has no inputs of its own.
    """
    outputs = (state.get("outputs") if outputs is None else outputs) or {}
    inputs = {} if state.get("external") else state.get("inputs") or {}
    urn = state["urn"]
    kind = _kind(state["type"])
    dependencies = {
        _name(kind, name): tuple(urns or ()) for name, urns in (state.get("propertyDependencies") or {}).items()
    }

    def resolved(values: Mapping[str, Any]) -> dict[str, Any]:
        properties = {}
        for key, value in values.items():
            name = _name(kind, key)
            deciding = [describe(each) for each in dependencies.get(name, ())]
            properties[name] = resolve(value, Origin(describe(urn), name, deciding), masks=masks)
        return properties

    properties = resolved(outputs) | resolved(inputs)
    if kind.startswith("kubernetes:") and isinstance(metadata := outputs.get("metadata"), dict):
        # The API server adds the namespace, and the name of an object with `generateName`.
        declared = properties.get("metadata")
        properties["metadata"] = resolved({"metadata": metadata})["metadata"] | (
            declared if isinstance(declared, dict) else {}
        )
    return Resource(
        urn,
        kind,
        properties,
        str(state.get("provider") or "").rpartition("::")[0],
        state.get("parent") or "",
        dependencies,
        is_new,
        tuple(state.get("ignoreChanges") or ()),
        bool(state.get("external")),
    )


def _kind(token: str) -> str:
    package, _, name = token.rpartition(":")
    return f"{_OWN_PACKAGE}:{name}" if _OWN_PACKAGE in package else token


def _name(kind: str, name: str) -> str:
    """Return the name of a property in camel case: Python programs write those of eks_identity in snake case."""
    if not kind.startswith(f"{_OWN_PACKAGE}:") or name.startswith("__"):
        return name
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
