"""One pod on its node: volumes, init containers in order, containers in parallel, and deletion."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx2
from lightkube.models.core_v1 import Container, PodStatus
from lightkube.resources.core_v1 import Pod
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from .container_runner import ContainerRunner
from .context import NodeContext, PodContext
from .environment import EnvironmentBuilder
from .instance import HOST_IP
from .logs import ContainerLog
from .status import ContainerRecord, PodFailure, PodState, build_pod_status, is_sidecar
from .volume_sources import SourceError
from .volumes import PodVolumes

log = logging.getLogger(__name__)

DEFAULT_GRACE_SECONDS = 30


class PodWorker:
    """Runs one pod from its binding to the deletion of its object."""

    def __init__(self, node: NodeContext, pod: Pod, address: str) -> None:
        assert pod.metadata is not None
        assert pod.metadata.uid is not None
        assert pod.spec is not None
        self.pod = pod
        self._node = node
        self._address = HOST_IP if pod.spec.hostNetwork else address
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._deleting = asyncio.Event()
        self._is_abandoned = False
        self._has_volumes = False
        self._failure: PodFailure | None = None
        self._started = datetime.now(UTC).replace(microsecond=0)
        self._published = PodStatus(conditions=(pod.status.conditions if pod.status else None) or [])
        folder = node.folder / "pods" / pod.metadata.uid
        sources = node.sources
        volumes = PodVolumes(sources, pod, self._address, folder / "volumes", node.timing.token_renewal)
        environment = EnvironmentBuilder(sources, pod, self._address)
        self._context = PodContext(node, pod, folder, volumes, environment, self._changed.set)
        self._init = [self._create_runner(container, "initContainers") for container in pod.spec.initContainers or []]
        self._main = [self._create_runner(container, "containers") for container in pod.spec.containers]

    async def run(self) -> None:
        """Run the pod until it is deleted and its containers and folder are removed."""
        has_ended = self.pod.status is not None and self.pod.status.phase in {"Succeeded", "Failed"}
        publisher = asyncio.create_task(self._publish_changes())
        try:
            if not has_ended:
                await self._run_until_deleted()
            await self._deleting.wait()
        finally:
            publisher.cancel()
        await asyncio.gather(publisher, return_exceptions=True)
        if not self._is_abandoned:
            if not has_ended:
                await self._publish()
            await self._delete_object()
        await asyncio.to_thread(shutil.rmtree, self._context.folder, ignore_errors=True)

    def update(self, pod: Pod) -> None:
        """Apply changes of the object: new images, and deletion."""
        assert pod.metadata is not None
        assert pod.spec is not None
        self.pod = pod
        containers = {
            container.name: container for container in [*(pod.spec.initContainers or []), *pod.spec.containers]
        }
        for runner in self._runners:
            runner.record.container = containers.get(runner.record.container.name, runner.record.container)
        if pod.metadata.deletionTimestamp is not None:
            self._deleting.set()
            if self._stopping.is_set():  # deleted again, perhaps with a shorter grace period
                self._kill_after(self._grace_seconds)

    def abandon(self) -> None:
        """Kill the pod at once, because its object was deleted or the node stops."""
        self._is_abandoned = True
        self._deleting.set()
        if self._stopping.is_set():
            self._kill_after(0)

    def log(self, container: str, *, previous: bool) -> ContainerLog:
        """Return the log of a container by its name.

        Raises:
            KeyError: the pod has no such container.
            LogNotAvailableError: the container has not run yet.
        """
        return {runner.record.container.name: runner for runner in self._runners}[container].log(previous=previous)

    @property
    def _runners(self) -> list[ContainerRunner]:
        return [*self._init, *self._main]

    @property
    def _grace_seconds(self) -> float:
        assert self.pod.metadata is not None
        assert self.pod.spec is not None
        if self._is_abandoned:
            return 0
        requested = self.pod.metadata.deletionGracePeriodSeconds
        configured = self.pod.spec.terminationGracePeriodSeconds
        return requested if requested is not None else configured if configured is not None else DEFAULT_GRACE_SECONDS

    def _create_runner(self, container: Container, kind: str) -> ContainerRunner:
        assert self.pod.spec is not None
        policy = self.pod.spec.restartPolicy or "Always"
        if kind == "initContainers":
            policy = "Always" if is_sidecar(container) else "Never" if policy == "Never" else "OnFailure"
        reason = "PodInitializing" if self.pod.spec.initContainers else "ContainerCreating"
        record = ContainerRecord.create(container, policy, reason)
        return ContainerRunner(self._context, record, field_path=f"spec.{kind}{{{container.name}}}")

    async def _run_until_deleted(self) -> None:
        assert self.pod.spec is not None
        self._changed.set()
        lifetime = asyncio.create_task(self._run_containers())
        deletion = asyncio.create_task(self._deleting.wait())
        deadline = self.pod.spec.activeDeadlineSeconds
        await asyncio.wait({lifetime, deletion}, timeout=deadline, return_when=asyncio.FIRST_COMPLETED)
        deletion.cancel()
        if not lifetime.done():
            if not self._deleting.is_set():
                self._failure = PodFailure(
                    "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
                )
            self._stop_all()
        await lifetime
        self._changed.set()

    async def _run_containers(self) -> None:
        if not await self._mount():
            return
        renewal = asyncio.create_task(self._context.volumes.renew_tokens())
        sidecars: list[tuple[ContainerRunner, asyncio.Task[None]]] = []
        try:
            for runner in self._init:
                if is_sidecar(runner.record.container):
                    task = asyncio.create_task(runner.run())
                    sidecars.append((runner, task))
                    started = asyncio.create_task(runner.has_started.wait())
                    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
                    started.cancel()
                else:
                    await runner.run()
                if self._stopping.is_set() or runner.record.has_failed:
                    return
            await asyncio.gather(*(runner.run() for runner in self._main))
        finally:
            for runner, _ in sidecars:
                runner.stop()
            await asyncio.gather(*(task for _, task in sidecars))
            renewal.cancel()

    async def _mount(self) -> bool:
        while not self._stopping.is_set():
            try:
                await self._context.volumes.mount()
            except (SourceError, httpx2.HTTPError) as error:
                self._node.events.record_warning(self.pod, "FailedMount", str(error))
                try:
                    await asyncio.wait_for(self._stopping.wait(), self._node.timing.retry)
                except TimeoutError:
                    continue
            else:
                self._has_volumes = True
                self._changed.set()
                return True
        return False

    def _stop_all(self) -> None:
        self._stopping.set()
        for runner in self._runners:
            runner.stop()
        self._kill_after(self._grace_seconds)

    def _kill_after(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._kill_all)

    def _kill_all(self) -> None:
        for runner in self._runners:
            runner.kill()

    async def _publish_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._publish()

    async def _publish(self) -> None:
        state = PodState(
            init=[runner.record for runner in self._init],
            main=[runner.record for runner in self._main],
            started=self._started,
            pod_ip=self._address if self._has_volumes else "",
            failure=self._failure,
        )
        status = build_pod_status(state, self._published.conditions or [], datetime.now(UTC).replace(microsecond=0))
        if status != self._published:
            await retry_call(lambda: self._node.kube.patch_status(self.pod, status))
            self._published = status

    async def _delete_object(self) -> None:
        await retry_call(lambda: self._node.kube.delete_object(self.pod))


async def retry_call(call: Callable[[], Awaitable[None]]) -> None:
    """Call the API server, and retry while it is busy or unavailable. Other errors, such as 404, are logged."""
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(is_transient),
            stop=stop_after_attempt(8),
            wait=wait_exponential(0.1, max=5),
            reraise=True,
        ):
            with attempt:
                await call()
    except httpx2.HTTPError as error:
        log.info("API call failed: %s", error)


def is_transient(error: BaseException) -> bool:
    """Tell whether a retry can succeed: no response, or status 429 or 5xx."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx2.HTTPError)
