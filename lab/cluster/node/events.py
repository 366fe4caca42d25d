"""Events on pods, so that `kubectl describe pod` reads as it does on EKS."""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2
from lightkube.core.async_client import AsyncClient
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event, Pod
from lightkube.types import PatchType

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Occurrence:
    reference: ObjectReference
    type: str
    reason: str
    message: str

    @property
    def key(self) -> tuple[str | None, ...]:
        return (self.reference.uid, self.reference.fieldPath, self.type, self.reason, self.message)


@dataclass
class _Written:
    name: str
    namespace: str
    count: int


class EventRecorder:
    """Writes events of one component in the background; one that repeats is counted, not written again."""

    def __init__(self, client: AsyncClient, component: str, host: str) -> None:
        self._client = client
        self._source = EventSource(component=component, host=host)
        self._queue: asyncio.Queue[_Occurrence] = asyncio.Queue()
        self._written: dict[tuple[str | None, ...], _Written] = {}

    def normal(self, pod: Pod, reason: str, message: str, *, container: str = "") -> None:
        """Something went as it should. `container` is a field path, such as `spec.containers{app}`."""
        self._record(pod, "Normal", reason, message, container)

    def warning(self, pod: Pod, reason: str, message: str, *, container: str = "") -> None:
        """Something wants a look."""
        self._record(pod, "Warning", reason, message, container)

    def _record(self, pod: Pod, kind: str, reason: str, message: str, container: str) -> None:
        meta = pod.metadata
        assert meta is not None
        reference = ObjectReference(
            apiVersion="v1",
            kind="Pod",
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            resourceVersion=meta.resourceVersion,
            fieldPath=container or None,
        )
        self._queue.put_nowait(_Occurrence(reference, kind, reason, message))

    async def run(self) -> None:
        """Write what is recorded, in order, for ever."""
        while True:
            occurrence = await self._queue.get()
            try:
                await self._write(occurrence)
            except httpx2.HTTPError as error:  # the namespace is going away, or the API server is
                log.info("event %s not written: %s", occurrence.reason, error)

    async def _write(self, occurrence: _Occurrence) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        written = self._written.get(occurrence.key)
        if written is not None:
            written.count += 1
            patch = {"count": written.count, "lastTimestamp": now}
            await self._client.patch(
                Event, written.name, patch, namespace=written.namespace, patch_type=PatchType.MERGE
            )
            return
        reference = occurrence.reference
        assert reference.namespace is not None
        name = f"{reference.name}.{secrets.token_hex(8)}"
        await self._client.create(
            Event(
                metadata=ObjectMeta(name=name, namespace=reference.namespace),
                involvedObject=reference,
                type=occurrence.type,
                reason=occurrence.reason,
                message=occurrence.message,
                count=1,
                firstTimestamp=now,
                lastTimestamp=now,
                source=self._source,
                reportingComponent=self._source.component,
                reportingInstance=self._source.host,
            )
        )
        self._written[occurrence.key] = _Written(name, reference.namespace, 1)
