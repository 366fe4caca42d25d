"""What a pod's status says, worked out from what its containers do: pure, after the kubelet's `getPhase`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lightkube.models.core_v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodCondition,
    PodIP,
    PodStatus,
)

from .machine import HOST_IP


@dataclass
class ContainerRecord:
    """What became of one container so far."""

    container: Container
    restart_policy: str
    """Always, OnFailure or Never: the pod's, as it holds for this container."""
    state: ContainerState
    last: ContainerState | None = None
    restart_count: int = 0
    container_id: str = ""

    @classmethod
    def new(cls, container: Container, restart_policy: str, reason: str) -> ContainerRecord:
        return cls(container, restart_policy, waiting(reason))

    @property
    def exit_code(self) -> int | None:
        """Of the newest run that has ended."""
        for state in (self.state, self.last):
            if state is not None and state.terminated is not None:
                return state.terminated.exitCode
        return None

    @property
    def is_running(self) -> bool:
        return self.state.running is not None

    @property
    def is_done(self) -> bool:
        """It has ended and will not be started again."""
        return self.state.terminated is not None and not self.should_restart(self.state.terminated.exitCode)

    @property
    def has_failed(self) -> bool:
        return self.is_done and self.exit_code != 0

    def should_restart(self, exit_code: int) -> bool:
        return self.restart_policy == "Always" or (self.restart_policy == "OnFailure" and exit_code != 0)

    def status(self) -> ContainerStatus:
        started = self.is_running
        return ContainerStatus(
            name=self.container.name,
            image=self.container.image or "",
            imageID=self.container.image or "" if self.container_id else "",
            containerID=self.container_id or None,
            state=self.state,
            lastState=self.last or ContainerState(),
            restartCount=self.restart_count,
            ready=started,
            started=started,
        )


@dataclass(frozen=True)
class Failure:
    """Why the whole pod was given up, such as DeadlineExceeded."""

    reason: str
    message: str


@dataclass(frozen=True)
class PodView:
    """All that a status follows from."""

    init: Sequence[ContainerRecord]
    main: Sequence[ContainerRecord]
    started: datetime
    pod_ip: str
    """Empty until the volumes are there."""
    failure: Failure | None = None

    @property
    def initialized(self) -> bool:
        return all(is_sidecar(record.container) or (record.exit_code == 0 and record.is_done) for record in self.init)


def waiting(reason: str, message: str | None = None) -> ContainerState:
    return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))


def running(started: datetime) -> ContainerState:
    return ContainerState(running=ContainerStateRunning(startedAt=started))


def terminated(
    code: int, started: datetime, finished: datetime, container_id: str, *, reason: str = "", message: str | None = None
) -> ContainerState:
    return ContainerState(
        terminated=ContainerStateTerminated(
            exitCode=code,
            reason=reason or ("Completed" if code == 0 else "Error"),
            message=message,
            startedAt=started,
            finishedAt=finished,
            containerID=container_id,
        )
    )


def is_sidecar(container: Container) -> bool:
    """Whether an init container runs beside the pod's containers."""
    return container.restartPolicy == "Always"


def phase(view: PodView) -> str:
    """Pending, Running, Succeeded or Failed."""
    ordinary = [record for record in view.init if not is_sidecar(record.container)]
    if view.failure or any(record.has_failed for record in ordinary):
        return "Failed"
    if not view.initialized:
        return "Pending"
    if all(record.is_done for record in view.main):
        return "Failed" if any(record.has_failed for record in view.main) else "Succeeded"
    if any(record.exit_code is None and not record.is_running for record in view.main):
        return "Pending"
    return "Running"


def pod_status(view: PodView, previous: Sequence[PodCondition], now: datetime) -> PodStatus:
    """The whole status; a condition that did not change keeps the time of its last change from `previous`."""
    current = phase(view)
    return PodStatus(
        phase=current,
        reason=view.failure.reason if view.failure else None,
        message=view.failure.message if view.failure else None,
        conditions=[_timed(condition, previous, now) for condition in _conditions(view, current)],
        hostIP=HOST_IP,
        hostIPs=[HostIP(ip=HOST_IP)],
        podIP=view.pod_ip or None,
        podIPs=[PodIP(ip=view.pod_ip)] if view.pod_ip else None,
        startTime=view.started,
        initContainerStatuses=[record.status() for record in view.init] or None,
        containerStatuses=[record.status() for record in view.main],
    )


def _conditions(view: PodView, current: str) -> list[PodCondition]:
    def condition(kind: str, *, true: bool, reason: str | None = None, message: str | None = None) -> PodCondition:
        return PodCondition(type=kind, status="True" if true else "False", reason=reason, message=message)

    unready = [record.container.name for record in view.main if not record.is_running]
    pending_init = [record.container.name for record in view.init if not record.is_done]
    if current == "Succeeded":
        reason, message = "PodCompleted", None
    elif current == "Failed":
        reason, message = "PodFailed", None
    else:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    ready = not unready and view.initialized and current == "Running"
    initialized = condition("Initialized", true=True, reason="PodCompleted" if current == "Succeeded" else None)
    if not view.initialized:
        incomplete = f"containers with incomplete status: [{' '.join(pending_init)}]"
        initialized = condition("Initialized", true=False, reason="ContainersNotInitialized", message=incomplete)
    why = {} if ready else {"reason": reason, "message": message}
    return [
        condition("PodReadyToStartContainers", true=bool(view.pod_ip) and current not in {"Succeeded", "Failed"}),
        initialized,
        condition("Ready", true=ready, **why),
        condition("ContainersReady", true=ready, **why),
        condition("PodScheduled", true=True),
    ]


def _timed(condition: PodCondition, previous: Sequence[PodCondition], now: datetime) -> PodCondition:
    same = (old for old in previous if old.type == condition.type and old.status == condition.status)
    condition.lastTransitionTime = next((old.lastTransitionTime for old in same), None) or now
    return condition
