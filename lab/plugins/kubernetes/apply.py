"""Create, update and delete objects by server-side apply, or by merge patches if the provider disables it.

Server-side apply records the manager of each field. Every Pulumi resource has a field manager of its own, so two stacks
can own different fields of one object, and a field of another manager is a conflict, not a silent overwrite.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random

from lab.plugins.errors import PluginError
from lab.plugins.kubernetes.client import ApiError, Client, WarningSink
from lab.plugins.kubernetes.discovery import Resource
from lab.plugins.kubernetes.objects import PATCH_FORCE, display
from lab.plugins.values import parse_path

_APPLY: Final = "application/apply-patch+yaml"
_ATTEMPTS: Final = 10
_MERGE: Final = "application/merge-patch+json"
CLIENT_SIDE_MANAGER: Final = "pulumi-kubernetes"
"""The field manager of objects without server-side apply."""


@dataclass(frozen=True)
class Target:
    """One object on one API server, and the options of its requests."""

    resource: Resource
    namespace: str | None
    name: str
    field_manager: str
    force: bool = False
    dry_run: bool = False
    on_warning: WarningSink | None = None

    @property
    def path(self) -> str:
        return self.resource.path(self.namespace, self.name)

    @property
    def display(self) -> str:
        return display(self.resource.kind, self.namespace, self.name)


class AlreadyExistsError(PluginError):
    """The object to create already exists."""

    def __init__(self, target: Target) -> None:
        kind = target.resource.kind
        identity = f"{target.namespace}/{target.name}" if target.namespace else target.name
        super().__init__(
            f"{target.display} already exists",
            fix=f"adopt it with the resource option `import` ({identity!r}), change only some of its fields with a "
            f"{kind.kind}Patch, or set another name",
        )


async def get(client: Client, target: Target) -> dict[str, Any] | None:
    """Return the current object, or None."""
    try:
        return await client.get(target.path, subject=target.display)
    except ApiError as error:
        if error.reason == "NotFound":
            return None
        raise


async def apply(client: Client, target: Target, document: Mapping[str, Any]) -> dict[str, Any]:
    """Apply the fields of `document`. A missing object is created.

    Raises:
        ApiError: the API server rejects the request; a conflict names the other managers, the fields and the fixes.
    """
    query = {"fieldManager": target.field_manager, "fieldValidation": "Warn", **_dry_run(target)}
    if target.force:
        query["force"] = "true"
    try:
        return await client.request(
            "PATCH",
            target.path,
            subject=target.display,
            query=query,
            body=document,
            content_type=_APPLY,
            on_warning=target.on_warning,
        )
    except ApiError as error:
        raise _explained(error) from error


async def update(
    client: Client,
    target: Target,
    document: Mapping[str, Any],
    *,
    keep: Sequence[str] = (),
) -> dict[str, Any]:
    """Apply the fields of `document` to an existing object, except the paths `keep`, which keep their current values.

    If another writer changes the object at the same time, it is read and applied again.

    Raises:
        ApiError: as `apply`.
        PluginError: the object does not exist.
    """
    async for attempt in AsyncRetrying(
        retry=retry_if_exception(_modified),
        wait=wait_random(max=0.1),
        stop=stop_after_attempt(_ATTEMPTS),
        reraise=True,
    ):
        with attempt:
            live = await get(client, target)
            if live is None:
                raise PluginError(
                    f"{target.display} does not exist in the cluster",
                    fix="run `pulumi refresh`, then update again",
                )
            if not keep:
                return await apply(client, target, document)
            merged = _with_kept_fields(document, live, keep)
            merged["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
            return await apply(client, target, merged)
    raise AssertionError("the last attempt returns or raises")


async def create_client_side(client: Client, target: Target, document: Mapping[str, Any]) -> dict[str, Any]:
    """Create the object without server-side apply. Raises `AlreadyExistsError` or `ApiError`."""
    try:
        return await client.request(
            "POST",
            target.resource.path(target.namespace),
            subject=target.display,
            query={"fieldManager": CLIENT_SIDE_MANAGER, "fieldValidation": "Warn", **_dry_run(target)},
            body=document,
            on_warning=target.on_warning,
        )
    except ApiError as error:
        if error.reason == "AlreadyExists":
            raise AlreadyExistsError(target) from error
        raise


async def update_client_side(
    client: Client,
    target: Target,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> dict[str, Any]:
    """Update the object from `old` to `new` without server-side apply. Fields in neither stay unchanged."""
    return await client.request(
        "PATCH",
        target.path,
        subject=target.display,
        query={"fieldManager": CLIENT_SIDE_MANAGER, "fieldValidation": "Warn", **_dry_run(target)},
        body=merge_patch(old, new),
        content_type=_MERGE,
        on_warning=target.on_warning,
    )


async def release(client: Client, target: Target) -> None:
    """Release all fields of the target's manager. Fields without another manager are removed.

    Server-side apply creates an object that does not exist, as it does in the official plugin.

    Raises:
        PluginError: one of them is required, so the object cannot be without it.
    """
    kind = target.resource.kind
    metadata = {"name": target.name} | ({"namespace": target.namespace} if target.namespace else {})
    empty = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
    try:
        await apply(client, target, empty)
    except ApiError as error:
        required = [cause["field"] for cause in error.causes if cause.get("reason") == "FieldValueRequired"]
        if not required:
            raise
        raise PluginError(
            f"{target.display} cannot be without {', '.join(required)}, which this patch manages",
            fix="set the resource option `retain_on_delete`, or let another manager set the field first",
        ) from error


async def delete(client: Client, target: Target, propagation: str) -> bool:
    """Request the deletion of the object. Return False if it does not exist."""
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
    try:
        await client.request("DELETE", target.path, subject=target.display, body=options)
    except ApiError as error:
        if error.reason == "NotFound":
            return False
        raise
    return True


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) from `old` to `new`."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            if nested := merge_patch(before, value):
                patch[key] = nested
        elif key not in old or before != value:
            patch[key] = value
    return patch


def _with_kept_fields(document: Mapping[str, Any], live: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Return `document` with the values of `live` at `paths`; a value that `live` lacks is removed."""
    result: dict[str, Any] = copy.deepcopy(dict(document))
    for path in (parse_path(text) for text in paths):
        target: Any = result
        source: Any = live
        for key in path[:-1]:
            source = source.get(key) if isinstance(source, Mapping) else None
            target = target.setdefault(key, {}) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            continue  # a path into a list: a list is kept or set as a whole
        if isinstance(source, Mapping) and path[-1] in source:
            target[path[-1]] = source[path[-1]]
        else:
            target.pop(path[-1], None)
    return result


def _modified(error: BaseException) -> bool:
    """Return whether the error is a conflict of the object's version, not of a field's manager."""
    return isinstance(error, ApiError) and error.reason == "Conflict" and not error.causes


def _dry_run(target: Target) -> dict[str, str]:
    return {"dryRun": "All"} if target.dry_run else {}


def _explained(error: ApiError) -> ApiError:
    conflicts = [cause for cause in error.causes if cause.get("reason") == "FieldManagerConflict"]
    if conflicts:
        fields = ", ".join(sorted({cause["field"].lstrip(".") for cause in conflicts}))
        fix = (
            f'remove {fields} from this resource; or take ownership with the annotation {PATCH_FORCE}: "true" on this '
            "resource, or enable_patch_force on the Provider"
        )
        return ApiError(error.subject, error.code, error.status, fix=fix)
    if error.reason == "Invalid" and "immutable" in str(error.status.get("message")):
        fix = "the field cannot change: replace the object, with the resource option `replace_on_changes`"
        return ApiError(error.subject, error.code, error.status, fix=fix)
    return error
