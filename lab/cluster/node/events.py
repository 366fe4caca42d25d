"""Events on pods, in the format that `kubectl describe pod` shows on EKS."""

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
class _PendingEvent:
    reference: ObjectReference
    type: str
    reason: str
    message: str

    @property
    def key(self) -> tuple[str | None, ...]:
        return (self.reference.uid, self.reference.fieldPath, self.type, self.reason, self.message)


@dataclass
class _StoredEvent:
    name: str
    namespace: str
    count: int


class EventRecorder:
    """Writes events of one component in the background. A repeated event increases the count of the first."""

    def __init__(self, client: AsyncClient, component: str, host: str) -> None:
        self._client = client
        self._source = EventSource(component=component, host=host)
        self._queue: asyncio.Queue[_PendingEvent] = asyncio.Queue()
        self._stored: dict[tuple[str | None, ...], _StoredEvent] = {}

    def record_normal(self, pod: Pod, reason: str, message: str, *, container: str = "") -> None:
        """Record a Normal event. `container` is a field path, such as `spec.containers{app}`."""
        self._record(pod, "Normal", reason, message, container)

    def record_warning(self, pod: Pod, reason: str, message: str, *, container: str = "") -> None:
        """Record a Warning event."""
        self._record(pod, "Warning", reason, message, container)

    def _record(self, pod: Pod, event_type: str, reason: str, message: str, container: str) -> None:
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
        self._queue.put_nowait(_PendingEvent(reference, event_type, reason, message))

    async def run(self) -> None:
        """Write recorded events in order, forever."""
        while True:
            event = await self._queue.get()
            try:
                await self._write(event)
            except httpx2.HTTPError as error:  # the namespace or the API server is stopping
                log.info("event %s not written: %s", event.reason, error)

    async def _write(self, event: _PendingEvent) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        stored = self._stored.get(event.key)
        if stored is not None:
            stored.count += 1
            patch = {"count": stored.count, "lastTimestamp": now}
            await self._client.patch(Event, stored.name, patch, namespace=stored.namespace, patch_type=PatchType.MERGE)
            return
        reference = event.reference
        assert reference.namespace is not None
        name = f"{reference.name}.{secrets.token_hex(8)}"
        await self._client.create(
            Event(
                metadata=ObjectMeta(name=name, namespace=reference.namespace),
                involvedObject=reference,
                type=event.type,
                reason=event.reason,
                message=event.message,
                count=1,
                firstTimestamp=now,
                lastTimestamp=now,
                source=self._source,
                reportingComponent=self._source.component,
                reportingInstance=self._source.host,
            )
        )
        self._stored[event.key] = _StoredEvent(name, reference.namespace, 1)
