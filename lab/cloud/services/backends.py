"""Tags and resource-based policies of the resources in moto's backends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moto.backends import get_backend
from moto.utilities.utils import get_partition

from lab.cloud.policy import Policy, PolicyError, parse

_ARN_PARTS = 6


def find_backend(name: str, arn: str) -> Any:
    """Return moto's backend `name` of the account and region in `arn`, or None for an account without any state."""
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS:
        return None
    _, partition, _, region, account, _ = parts
    backends: Any = get_backend(name)  # type: ignore[call-overload]
    if account not in list(backends):
        return None
    regions = backends[account]
    key = region or partition
    return regions[key] if get_partition(region) == partition or not region else None


def tags_of(name: str) -> Callable[[str], Mapping[str, str]]:
    """Return a function that returns the tags of a resource in moto's backend `name`, by its ARN."""

    def list_tags(arn: str) -> Mapping[str, str]:
        backend = find_backend(name, arn)
        if backend is None:
            return {}
        resources = list(backend.iter_tagged_resources())
        return next((dict(resource.tags) for resource in resources if resource.arn == arn), {})

    return list_tags


def parse_policy(document: Any, name: str) -> Policy | None:
    """Return a stored resource-based policy, or None if there is none. One that IAM cannot read grants nothing."""
    if not document:
        return None
    text = document.decode() if isinstance(document, bytes) else document
    try:
        return parse(text, name=name)
    except PolicyError:
        return Policy(statements=(), name=name)
