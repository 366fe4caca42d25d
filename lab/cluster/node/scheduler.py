"""What kube-scheduler is to a cluster, as far as the lab needs it: pods without a node get one.

Each node runs a binder, and the one on the Ready node whose name sorts first works; so a cluster has one binder at
a time without an election. If two work for a moment, the API server refuses the second binding of a pod.
Node selectors, taints and cordons are honoured; affinity, resources and priorities are not looked at.
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
from .informer import Snapshot, follow_pods
from .kube import Kube
from .timing import Timing

log = logging.getLogger(__name__)

SCHEDULER = "default-scheduler"


class Scheduler:
    """Binds pending pods while its node is the first of the Ready ones."""

    def __init__(self, kube: Kube, node_name: str, timing: Timing) -> None:
        self._kube = kube
        self._node_name = node_name
        self._timing = timing
        self._pending: dict[str, Pod] = {}
        self._reported: dict[str, str] = {}
        self._placed: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._events = EventRecorder(kube.client, SCHEDULER, "")

    async def run(self) -> None:
        """Watch and bind, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._events.run())
            tasks.create_task(self._watch())
            tasks.create_task(self._place_all())

    async def _watch(self) -> None:
        async for event in follow_pods(self._kube.client, {"spec.nodeName": ""}):
            if isinstance(event, Snapshot):
                self._pending = {_uid(pod): pod for pod in event.pods if _wants_node(pod)}
            elif event.deleted or not _wants_node(event.pod):
                self._pending.pop(_uid(event.pod), None)
                self._reported.pop(_uid(event.pod), None)
            else:
                self._pending[_uid(event.pod)] = event.pod
            self._changed.set()

    async def _place_all(self) -> None:
        while True:
            # A pod that fits nowhere is looked at again: a node may come, or lose a taint.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._timing.retry if self._pending else None)
            self._changed.clear()
            if self._pending:
                try:
                    await self._place_pending()
                except httpx2.HTTPError as error:
                    log.info("binding pods: %s", error)

    async def _place_pending(self) -> None:
        nodes = [node async for node in self._kube.client.list(NodeObject)]
        ready = sorted(_name(node) for node in nodes if is_ready(node))
        if not ready or ready[0] != self._node_name:
            return
        for uid, pod in list(self._pending.items()):
            node, problem = choose(pod, nodes, self._placed)
            if node is None:
                await self._report(pod, problem)
            elif await self._bind(pod, node):
                self._placed[node] += 1
                self._pending.pop(uid, None)

    async def _bind(self, pod: Pod, node: str) -> bool:
        assert pod.metadata is not None
        try:
            await self._kube.bind(pod, node)
        except httpx2.HTTPStatusError as error:
            if error.response.status_code in {404, 409}:  # gone, or bound by another binder
                return False
            raise
        message = f"Successfully assigned {pod.metadata.namespace}/{pod.metadata.name} to {node}"
        self._events.normal(pod, "Scheduled", message)
        return True

    async def _report(self, pod: Pod, problem: str) -> None:
        if self._reported.get(_uid(pod)) == problem:
            return
        self._reported[_uid(pod)] = problem
        self._events.warning(pod, "FailedScheduling", problem)
        now = datetime.now(UTC).replace(microsecond=0)
        condition = PodCondition(
            type="PodScheduled", status="False", reason="Unschedulable", message=problem, lastTransitionTime=now
        )
        try:
            await self._kube.patch_status(pod, PodStatus(conditions=[condition]))
        except httpx2.HTTPStatusError as error:
            log.info("pod %s: %s", _uid(pod), error)


def choose(pod: Pod, nodes: Sequence[NodeObject], placed: Counter[str]) -> tuple[str | None, str]:
    """The node for `pod`, the one with the fewest pods of those that fit; or None and the scheduler's explanation."""
    problems: Counter[str] = Counter()
    fitting: list[str] = []
    for node in nodes:
        problem = misfit(pod, node)
        if problem:
            problems[problem] += 1
        else:
            fitting.append(_name(node))
    if fitting:
        return min(fitting, key=lambda name: (placed[name], name)), ""
    reasons = ", ".join(f"{count} node(s) {problem}" for problem, count in sorted(problems.items()))
    return None, f"0/{len(nodes)} nodes are available: {reasons}."


def misfit(pod: Pod, node: NodeObject) -> str | None:
    """Why `pod` cannot run on `node`, in the scheduler's words; None if it can."""
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
    hard = (taint for taint in taints if taint.effect != "PreferNoSchedule")
    if not all(is_tolerated(taint, tolerations) for taint in hard):
        return "were unschedulable" if node.spec.unschedulable else "had untolerated taint(s)"
    return None


def is_tolerated(taint: Taint, tolerations: Iterable[Toleration]) -> bool:
    """Whether one of `tolerations` names the taint, by key, value and effect; an empty one matches any."""
    return any(
        (not toleration.effect or toleration.effect == taint.effect)
        and (not toleration.key or toleration.key == taint.key)
        and (toleration.operator == "Exists" or (toleration.value or "") == (taint.value or ""))
        for toleration in tolerations
    )


def is_ready(node: NodeObject) -> bool:
    """Whether the node says that it is Ready."""
    conditions = (node.status.conditions if node.status else None) or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def _wants_node(pod: Pod) -> bool:
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
