"""Lists and watches pods, and lists them again when the watch fails, so that no deletion is missed."""

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

RELIST_DELAY_SECONDS = 1.0


@dataclass(frozen=True)
class Snapshot:
    """All existing pods. A pod that is not in the snapshot has been deleted."""

    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class PodChange:
    """The current state of one pod, or its last state if it was deleted."""

    pod: Pod
    is_deleted: bool


async def watch_pods(client: AsyncClient, fields: Mapping[str, str]) -> AsyncIterator[Snapshot | PodChange]:
    """Watch pods of all namespaces that match `fields`, forever.

    Yield a snapshot first and after every failed watch.
    """
    selector: dict[str, str | BinaryOperator | SequenceOperator] = dict(fields)
    while True:
        try:
            listing = client.list(Pod, namespace="*", fields=selector)
            pods = tuple([pod async for pod in listing])
            yield Snapshot(pods)
            watch = client.watch(Pod, namespace="*", fields=selector, resource_version=listing.resourceVersion)
            async for kind, pod in watch:
                yield PodChange(pod, is_deleted=kind == "DELETED")
        except httpx2.HTTPError as error:
            log.info("watch of pods %s failed, listing again: %s", selector, error)
        await asyncio.sleep(RELIST_DELAY_SECONDS)
