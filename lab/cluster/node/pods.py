"""All pods of one node: each that is bound to it gets a worker."""

from __future__ import annotations

import asyncio
import itertools
import logging
from functools import partial

from lightkube.resources.core_v1 import Pod

from .context import NodeContext
from .informer import Snapshot, follow_pods
from .kube import Kube
from .pod import PodWorker, insist

log = logging.getLogger(__name__)


class PodManager:
    """Follows the pods that are bound to the node."""

    def __init__(self, node: NodeContext) -> None:
        self._node = node
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._numbers = itertools.count()

    async def run(self) -> None:
        """Start and update workers, for ever."""
        async for event in follow_pods(self._node.kube.client, {"spec.nodeName": self._node.machine.name}):
            if isinstance(event, Snapshot):
                for uid in self._workers.keys() - {_uid(pod) for pod in event.pods}:
                    self._workers[uid].abandon()
                for pod in event.pods:
                    self._update(pod)
            elif event.deleted:
                if worker := self._workers.get(_uid(event.pod)):
                    worker.abandon()
            else:
                self._update(event.pod)

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod by its name; of two with one name, the newer pod's."""
        for worker in reversed(self._workers.values()):
            meta = worker.pod.metadata
            if meta is not None and (meta.namespace, meta.name) == (namespace, name):
                return worker
        return None

    async def stop(self) -> list[Pod]:
        """Kill everything that runs here; returns the pods that were here."""
        pods = [worker.pod for worker in self._workers.values()]
        for worker in self._workers.values():
            worker.abandon()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        return pods

    def _update(self, pod: Pod) -> None:
        uid = _uid(pod)
        worker = self._workers.get(uid)
        if worker is None:
            worker = PodWorker(self._node, pod, self._node.machine.pod_ip(next(self._numbers)))
            self._workers[uid] = worker
            self._tasks[uid] = asyncio.create_task(self._work(uid, worker))
        worker.update(pod)

    async def _work(self, uid: str, worker: PodWorker) -> None:
        try:
            await worker.run()
        except Exception:
            log.exception("pod %s: its worker failed", uid)
        finally:
            del self._workers[uid]
            del self._tasks[uid]


async def delete_all(kube: Kube, pods: list[Pod]) -> None:
    """Take the objects of a vanished node's pods away, as the pod garbage collector would."""
    await asyncio.gather(*(insist(partial(kube.finish_deletion, pod)) for pod in pods))


def _uid(pod: Pod) -> str:
    assert pod.metadata is not None
    assert pod.metadata.uid is not None
    return pod.metadata.uid
