"""All pods of one node: starts a worker for each pod that is bound to it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from functools import partial

from lightkube.resources.core_v1 import Pod

from .context import NodeContext
from .informer import Snapshot, watch_pods
from .kube_client import KubeClient
from .pod_worker import PodWorker, retry_call

log = logging.getLogger(__name__)


class PodManager:
    """Watches the pods that are bound to the node, and runs a worker for each."""

    def __init__(self, node: NodeContext) -> None:
        self._node = node
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pod_numbers = itertools.count()

    async def run(self) -> None:
        """Start and update workers, forever."""
        async for event in watch_pods(self._node.kube.client, {"spec.nodeName": self._node.instance.name}):
            if isinstance(event, Snapshot):
                for uid in self._workers.keys() - {_uid(pod) for pod in event.pods}:
                    self._workers[uid].abandon()
                for pod in event.pods:
                    self._update(pod)
            elif event.is_deleted:
                if worker := self._workers.get(_uid(event.pod)):
                    worker.abandon()
            else:
                self._update(event.pod)

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """Return the worker of a pod by its name. If two pods have the name, return that of the newer pod."""
        for worker in reversed(self._workers.values()):
            meta = worker.pod.metadata
            if meta is not None and (meta.namespace, meta.name) == (namespace, name):
                return worker
        return None

    async def stop(self) -> list[Pod]:
        """Kill all pods of the node, and return them."""
        pods = [worker.pod for worker in self._workers.values()]
        for worker in self._workers.values():
            worker.abandon()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        return pods

    def _update(self, pod: Pod) -> None:
        uid = _uid(pod)
        worker = self._workers.get(uid)
        if worker is None:
            worker = PodWorker(self._node, pod, self._node.instance.pod_ip(next(self._pod_numbers)))
            self._workers[uid] = worker
            self._tasks[uid] = asyncio.create_task(self._run_worker(uid, worker))
        worker.update(pod)

    async def _run_worker(self, uid: str, worker: PodWorker) -> None:
        try:
            await worker.run()
        except Exception:
            log.exception("pod %s: its worker failed", uid)
        finally:
            del self._workers[uid]
            del self._tasks[uid]


async def delete_pods(kube: KubeClient, pods: list[Pod]) -> None:
    """Delete the objects of a removed node's pods, as the pod garbage collector does."""
    await asyncio.gather(*(retry_call(partial(kube.delete_object, pod)) for pod in pods))


def _uid(pod: Pod) -> str:
    assert pod.metadata is not None
    assert pod.metadata.uid is not None
    return pod.metadata.uid
