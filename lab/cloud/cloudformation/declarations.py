"""The declaration of a resource in a template: its type, attributes and properties, not yet evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.cloud.cloudformation.errors import ValidationError

_ATTRIBUTES = frozenset(
    {"Condition", "DeletionPolicy", "DependsOn", "Metadata", "Properties", "Type", "UpdateReplacePolicy"}
)
_OTHER_ATTRIBUTES = frozenset({"CreationPolicy", "UpdatePolicy"})
_DELETION_POLICIES = frozenset({"Delete", "Retain", "RetainExceptOnCreate"})


@dataclass(frozen=True)
class ResourceDeclaration:
    """A resource in a template, with its properties not yet evaluated."""

    logical_id: str
    type_name: str
    properties: Mapping[str, Any]
    depends_on: tuple[str, ...]
    condition: str | None
    deletion_policy: str
    update_replace_policy: str
    metadata: Any = None


def read_resource(name: str, value: Mapping[str, Any]) -> ResourceDeclaration:
    """Return the declaration of a resource.

    Raises:
        ValidationError: an attribute is not valid, or the lab does not implement it.
    """
    for attribute in value:
        if attribute in _OTHER_ATTRIBUTES:
            raise ValidationError(f"The lab does not implement {attribute} of {value['Type']}")
        if attribute not in _ATTRIBUTES:
            raise ValidationError(f"Invalid template resource property '{attribute}'")
    properties = value.get("Properties") or {}
    if not isinstance(properties, dict):
        raise ValidationError(f"Template format error: [/Resources/{name}/Properties] must be an object")
    policies = {attribute: value.get(attribute, "Delete") for attribute in ("DeletionPolicy", "UpdateReplacePolicy")}
    for attribute, policy in policies.items():
        if not isinstance(policy, str) or policy not in _DELETION_POLICIES:
            raise ValidationError(f"Template error: {value['Type']} {name} does not support {attribute} {policy}")
    return ResourceDeclaration(
        logical_id=name,
        type_name=value["Type"],
        properties=properties,
        depends_on=tuple(_names(value.get("DependsOn"))),
        condition=value.get("Condition"),
        deletion_policy=policies["DeletionPolicy"],
        update_replace_policy=policies["UpdateReplacePolicy"],
        metadata=value.get("Metadata"),
    )


def _names(value: Any) -> Iterator[str]:
    for name in value if isinstance(value, list) else [value] if value is not None else []:
        if not isinstance(name, str):
            raise ValidationError("Template format error: DependsOn must have the names of resources")
        yield name
