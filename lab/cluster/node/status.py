"""A pod's status, derived from the states of its containers. Pure functions, after the kubelet's `getPhase`."""

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

from .instance import HOST_IP


@dataclass
class ContainerRecord:
    """The state of one container and its previous runs."""

    container: Container
    restart_policy: str
    """Always, OnFailure or Never: the pod's policy as it applies to this container."""
    state: ContainerState
    last: ContainerState | None = None
    restart_count: int = 0
    container_id: str = ""

    @classmethod
    def create(cls, container: Container, restart_policy: str, reason: str) -> ContainerRecord:
        return cls(container, restart_policy, waiting_state(reason))

    @property
    def exit_code(self) -> int | None:
        """Exit code of the newest run that has ended."""
        for state in (self.state, self.last):
            if state is not None and state.terminated is not None:
                return state.terminated.exitCode
        return None

    @property
    def is_running(self) -> bool:
        return self.state.running is not None

    @property
    def is_done(self) -> bool:
        """Whether the container has ended and will not be restarted."""
        return self.state.terminated is not None and not self.should_restart(self.state.terminated.exitCode)

    @property
    def has_failed(self) -> bool:
        return self.is_done and self.exit_code != 0

    def should_restart(self, exit_code: int) -> bool:
        return self.restart_policy == "Always" or (self.restart_policy == "OnFailure" and exit_code != 0)

    def build_status(self) -> ContainerStatus:
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
class PodFailure:
    """The failure of a whole pod, such as DeadlineExceeded."""

    reason: str
    message: str


@dataclass(frozen=True)
class PodState:
    """The input of a pod's status."""

    init: Sequence[ContainerRecord]
    main: Sequence[ContainerRecord]
    started: datetime
    pod_ip: str
    """Empty until the volumes are mounted."""
    failure: PodFailure | None = None

    @property
    def is_initialized(self) -> bool:
        return all(is_sidecar(record.container) or (record.exit_code == 0 and record.is_done) for record in self.init)


def waiting_state(reason: str, message: str | None = None) -> ContainerState:
    return ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))


def running_state(started: datetime) -> ContainerState:
    return ContainerState(running=ContainerStateRunning(startedAt=started))


def terminated_state(
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
    """Tell whether an init container is a sidecar, which runs in parallel with the pod's containers."""
    return container.restartPolicy == "Always"


def pod_phase(pod: PodState) -> str:
    """Return Pending, Running, Succeeded or Failed."""
    init_containers = [record for record in pod.init if not is_sidecar(record.container)]
    if pod.failure or any(record.has_failed for record in init_containers):
        return "Failed"
    if not pod.is_initialized:
        return "Pending"
    if all(record.is_done for record in pod.main):
        return "Failed" if any(record.has_failed for record in pod.main) else "Succeeded"
    if any(record.exit_code is None and not record.is_running for record in pod.main):
        return "Pending"
    return "Running"


def build_pod_status(pod: PodState, previous: Sequence[PodCondition], now: datetime) -> PodStatus:
    """Return the status. An unchanged condition keeps its transition time from `previous`."""
    phase = pod_phase(pod)
    return PodStatus(
        phase=phase,
        reason=pod.failure.reason if pod.failure else None,
        message=pod.failure.message if pod.failure else None,
        conditions=[_with_transition_time(condition, previous, now) for condition in _build_conditions(pod, phase)],
        hostIP=HOST_IP,
        hostIPs=[HostIP(ip=HOST_IP)],
        podIP=pod.pod_ip or None,
        podIPs=[PodIP(ip=pod.pod_ip)] if pod.pod_ip else None,
        startTime=pod.started,
        initContainerStatuses=[record.build_status() for record in pod.init] or None,
        containerStatuses=[record.build_status() for record in pod.main],
    )


def _build_conditions(pod: PodState, phase: str) -> list[PodCondition]:
    def condition(kind: str, *, true: bool, reason: str | None = None, message: str | None = None) -> PodCondition:
        return PodCondition(type=kind, status="True" if true else "False", reason=reason, message=message)

    unready = [record.container.name for record in pod.main if not record.is_running]
    pending_init = [record.container.name for record in pod.init if not record.is_done]
    if phase == "Succeeded":
        reason, message = "PodCompleted", None
    elif phase == "Failed":
        reason, message = "PodFailed", None
    else:
        reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    ready = not unready and pod.is_initialized and phase == "Running"
    initialized = condition("Initialized", true=True, reason="PodCompleted" if phase == "Succeeded" else None)
    if not pod.is_initialized:
        incomplete = f"containers with incomplete status: [{' '.join(pending_init)}]"
        initialized = condition("Initialized", true=False, reason="ContainersNotInitialized", message=incomplete)
    explanation = {} if ready else {"reason": reason, "message": message}
    return [
        condition("PodReadyToStartContainers", true=bool(pod.pod_ip) and phase not in {"Succeeded", "Failed"}),
        initialized,
        condition("Ready", true=ready, **explanation),
        condition("ContainersReady", true=ready, **explanation),
        condition("PodScheduled", true=True),
    ]


def _with_transition_time(condition: PodCondition, previous: Sequence[PodCondition], now: datetime) -> PodCondition:
    unchanged = (old for old in previous if old.type == condition.type and old.status == condition.status)
    condition.lastTransitionTime = next((old.lastTransitionTime for old in unchanged), None) or now
    return condition
