"""The form of a resource type: how its resources are created, updated and deleted by AWS calls.

Creation is one call of `create`, which returns the physical ID, followed by `apply` for the properties outside of
`created_with`. If `apply` fails, the rollback deletes what `create` made. An update is `apply` from the old properties
to the new ones.
"""

from __future__ import annotations

import json
import secrets
import string
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lab.cloud.cloudformation.calls import Calls

Properties = Mapping[str, Any]
_ALPHABET = string.ascii_letters + string.digits
_SUFFIX_LENGTH = 12


@dataclass(frozen=True)
class NewResource:
    """A resource to create."""

    stack_name: str
    logical_id: str
    properties: Properties

    def generate_name(self, max_length: int) -> str:
        """Return CloudFormation's name for a resource without one: stack, logical ID and a random suffix."""
        suffix = "".join(secrets.choice(_ALPHABET) for _ in range(_SUFFIX_LENGTH))
        half = (max_length - _SUFFIX_LENGTH - 2) // 2
        logical_id = self.logical_id[: max(half, max_length - _SUFFIX_LENGTH - 2 - len(self.stack_name))]
        stack_name = self.stack_name[: max_length - _SUFFIX_LENGTH - 2 - len(logical_id)]
        return f"{stack_name}-{logical_id}-{suffix}"


class ResourceType(ABC):
    """A resource type that the lab implements."""

    name: ClassVar[str]
    created_with: ClassVar[frozenset[str]] = frozenset()
    """Properties that `create` sets."""
    needs_capability: ClassVar[bool] = False
    """Whether a template with this type needs CAPABILITY_IAM."""
    name_property: ClassVar[str | None] = None
    """The property with the resource's own name, with which a template needs CAPABILITY_NAMED_IAM."""

    @abstractmethod
    def create(self, calls: Calls, resource: NewResource) -> str:
        """Create the resource with the properties of `created_with`, and return its physical ID."""

    @abstractmethod
    def apply(self, calls: Calls, physical_id: str, old: Properties, new: Properties) -> None:
        """Change the resource from the properties `old` to `new`."""

    @abstractmethod
    def delete(self, calls: Calls, physical_id: str, properties: Properties) -> None:
        """Delete the resource."""

    def attributes(self, calls: Calls, physical_id: str, properties: Properties) -> dict[str, str]:  # noqa: ARG002
        """Return the attributes of `Fn::GetAtt`. By default the type has none."""
        return {}


def has_changed(name: str, old: Properties, new: Properties) -> bool:
    """Return whether a property differs."""
    return old.get(name) != new.get(name)


def policy_text(document: Any) -> str:
    """Return a policy document, which a template has as an object or as text, as JSON."""
    return document if isinstance(document, str) else json.dumps(document)


def tag_changes(old: Properties, new: Properties) -> tuple[list[dict[str, str]], list[str]]:
    """Return the tags to set and the tag keys to remove."""
    before, after = tag_mapping(old.get("Tags")), tag_mapping(new.get("Tags"))
    changed = [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
    return changed, [key for key in before if key not in after]


def tag_mapping(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Return a list of tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}
