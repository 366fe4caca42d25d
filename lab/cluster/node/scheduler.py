"""A minimal kube-scheduler: assigns pending pods to nodes.

Each node runs a scheduler, and only the one on the Ready node whose name sorts first binds pods. So a cluster has one
active scheduler without leader election. If two are active for a moment, the API server rejects the second binding of a
pod. Node selectors, taints and cordons are evaluated; affinity, resources and priorities are ignored.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import httpx2
from lightkube.models.core_v1 import PodCondition, PodStatus, Taint, Toleration
from lightkube.resources.core_v1 import Node as NodeObject
from lightkube.resources.core_v1 import Pod

from .events import EventRecorder
from .informer import Snapshot, watch_pods
from .kube_client import KubeClient
from .timing import Timing

log = logging.getLogger(__name__)

SCHEDULER = "default-scheduler"


class Scheduler:
    """Binds pending pods while its node is the first of the Ready nodes."""

    def __init__(self, kube: KubeClient, node_name: str, timing: Timing) -> None:
        self._kube = kube
        self._node_name = node_name
        self._timing = timing
        self._pending: dict[str, Pod] = {}
        self._reported_problems: dict[str, str] = {}
        self._pod_counts: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._events = EventRecorder(kube.client, SCHEDULER, "")

    async def run(self) -> None:
        """Watch and bind pods, forever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events.run())
            tasks.create_task(self._watch())
            tasks.create_task(self._bind_all())

    async def _watch(self) -> None:
        async for event in watch_pods(self._kube.client, {"spec.nodeName": ""}):
            if isinstance(event, Snapshot):
                self._pending = {_uid(pod): pod for pod in event.pods if _needs_node(pod)}
            elif event.is_deleted or not _needs_node(event.pod):
                self._pending.pop(_uid(event.pod), None)
                self._reported_problems.pop(_uid(event.pod), None)
            else:
                self._pending[_uid(event.pod)] = event.pod
            self._changed.set()

    async def _bind_all(self) -> None:
        while True:
            # Retry pods that match no node: a node can be added, or lose a taint.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._timing.retry if self._pending else None)
            self._changed.clear()
            if self._pending:
                try:
                    await self._bind_pending()
                except httpx2.HTTPError as error:
                    log.info("binding pods: %s", error)

    async def _bind_pending(self) -> None:
        nodes = [node async for node in self._kube.client.list(NodeObject)]
        ready = sorted(_name(node) for node in nodes if is_ready(node))
        if not ready or ready[0] != self._node_name:
            return
        for uid, pod in list(self._pending.items()):
            node, problem = select_node(pod, nodes, self._pod_counts)
            if node is None:
                await self._report(pod, problem)
            elif await self._bind(pod, node):
                self._pod_counts[node] += 1
                self._pending.pop(uid, None)

    async def _bind(self, pod: Pod, node: str) -> bool:
        assert pod.metadata is not None
        try:
            await self._kube.bind(pod, node)
        except httpx2.HTTPStatusError as error:
            if error.response.status_code in {404, 409}:  # deleted, or bound by another scheduler
                return False
            raise
        message = f"Successfully assigned {pod.metadata.namespace}/{pod.metadata.name} to {node}"
        self._events.record_normal(pod, "Scheduled", message)
        return True

    async def _report(self, pod: Pod, problem: str) -> None:
        if self._reported_problems.get(_uid(pod)) == problem:
            return
        self._reported_problems[_uid(pod)] = problem
        self._events.record_warning(pod, "FailedScheduling", problem)
        now = datetime.now(UTC).replace(microsecond=0)
        condition = PodCondition(
            type="PodScheduled", status="False", reason="Unschedulable", message=problem, lastTransitionTime=now
        )
        try:
            await self._kube.patch_status(pod, PodStatus(conditions=[condition]))
        except httpx2.HTTPStatusError as error:
            log.info("pod %s: %s", _uid(pod), error)


def select_node(pod: Pod, nodes: Sequence[NodeObject], pod_counts: Counter[str]) -> tuple[str | None, str]:
    """Return the matching node with the fewest pods, or None and the scheduler's explanation."""
    problems: Counter[str] = Counter()
    candidates: list[str] = []
    for node in nodes:
        problem = find_mismatch(pod, node)
        if problem:
            problems[problem] += 1
        else:
            candidates.append(_name(node))
    if candidates:
        return min(candidates, key=lambda name: (pod_counts[name], name)), ""
    reasons = ", ".join(f"{count} node(s) {problem}" for problem, count in sorted(problems.items()))
    return None, f"0/{len(nodes)} nodes are available: {reasons}."


def find_mismatch(pod: Pod, node: NodeObject) -> str | None:
    """Return why `pod` cannot run on `node`, as kube-scheduler words it, or None if it can."""
    assert pod.spec is not None
    assert node.spec is not None
    assert node.metadata is not None
    if not is_ready(node):
        return "had untolerated taint(s)"
    labels = node.metadata.labels or {}
    if any(labels.get(key) != value for key, value in (pod.spec.nodeSelector or {}).items()):
        return "didn't match Pod's node affinity/selector"
    tolerations = pod.spec.tolerations or []
    taints = list(node.spec.taints or [])
    if node.spec.unschedulable:
        taints.append(Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule"))
    blocking = (taint for taint in taints if taint.effect != "PreferNoSchedule")
    if not all(is_tolerated(taint, tolerations) for taint in blocking):
        return "were unschedulable" if node.spec.unschedulable else "had untolerated taint(s)"
    return None


def is_tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Tell whether one of `tolerations` matches the taint by key, value and effect. Empty fields match any."""
    return any(
        (not toleration.effect or toleration.effect == taint.effect)
        and (not toleration.key or toleration.key == taint.key)
        and (toleration.operator == "Exists" or (toleration.value or "") == (taint.value or ""))
        for toleration in tolerations
    )


def is_ready(node: NodeObject) -> bool:
    """Tell whether the node's condition Ready is true."""
    conditions = (node.status.conditions if node.status else None) or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def _needs_node(pod: Pod) -> bool:
    assert pod.spec is not None
    assert pod.metadata is not None
    return (
        not pod.spec.nodeName
        and pod.spec.schedulerName in {None, SCHEDULER}
        and not pod.spec.schedulingGates
        and pod.metadata.deletionTimestamp is None
    )


def _uid(pod: Pod) -> str:
    assert pod.metadata is not None
    assert pod.metadata.uid is not None
    return pod.metadata.uid


def _name(node: NodeObject) -> str:
    assert node.metadata is not None
    assert node.metadata.name is not None
    return node.metadata.name
