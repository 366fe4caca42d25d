"""GetAccountAuthorizationDetails: all users, groups, roles and managed policies of an account, in pages.

moto returns one page, and all of AWS's managed policies. IAM returns those of AWS that are attached to an entity.

Source: IAM API reference, GetAccountAuthorizationDetails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.iam.exceptions import ValidationError
from moto.iam.models import AWSManagedPolicy, IAMBackend

_DEFAULT_ITEMS = 100
_LISTS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}


def list_details(backend: IAMBackend, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page of the call's `Marker`, with the entities of the kinds in its `Filter`, by default of all."""
    kinds = params.get("Filter") or list(_LISTS)
    entities = [(kind, entity) for kind, entity in _entities(backend) if kind in kinds]
    start, size = _read_marker(params.get("Marker")), int(params.get("MaxItems") or _DEFAULT_ITEMS)
    page: dict[str, Any] = {name: [] for name in _LISTS.values()}
    for kind, entity in entities[start : start + size]:
        page[_LISTS[kind]].append(entity)
    is_truncated = start + size < len(entities)
    return page | {"IsTruncated": is_truncated} | ({"Marker": str(start + size)} if is_truncated else {})


def _entities(backend: IAMBackend) -> list[tuple[str, Any]]:
    entities: list[tuple[str, Any]] = [("User", user) for user in backend.users.values()]
    entities += [("Group", group) for group in backend.groups.values()]
    entities += [("Role", role) for role in backend.roles.values()]
    for policy in backend.managed_policies.values():
        if not isinstance(policy, AWSManagedPolicy):
            entities.append(("LocalManagedPolicy", policy))
        elif policy.attachment_count > 0:
            entities.append(("AWSManagedPolicy", policy))
    return entities


def _read_marker(marker: str | None) -> int:
    if marker is not None and not marker.isdigit():
        raise ValidationError(f"Invalid Marker: {marker}")
    return int(marker or 0)
