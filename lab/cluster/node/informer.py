"""List, watch, and list again when the watch is lost: the way to follow objects without missing a deletion."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import httpx2
from lightkube.core.async_client import AsyncClient
from lightkube.operators import BinaryOperator, SequenceOperator
from lightkube.resources.core_v1 import Pod

log = logging.getLogger(__name__)

RELIST_SECONDS = 1.0


@dataclass(frozen=True)
class Snapshot:
    """All pods that there are: whatever is not among them is gone."""

    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Change:
    """One pod as it is now, or as it was when it went."""

    pod: Pod
    deleted: bool


async def follow_pods(client: AsyncClient, fields: Mapping[str, str]) -> AsyncIterator[Snapshot | Change]:
    """Pods of all namespaces that match `fields`, for ever: a snapshot first and after every lost watch."""
    selector: dict[str, str | BinaryOperator | SequenceOperator] = dict(fields)
    while True:
        try:
            listing = client.list(Pod, namespace="*", fields=selector)
            pods = tuple([pod async for pod in listing])
            yield Snapshot(pods)
            watch = client.watch(Pod, namespace="*", fields=selector, resource_version=listing.resourceVersion)
            async for kind, pod in watch:
                yield Change(pod, deleted=kind == "DELETED")
        except httpx2.HTTPError as error:
            log.info("watch of pods %s lost, listing again: %s", selector, error)
        await asyncio.sleep(RELIST_SECONDS)
