"""Wait until an object is ready or deleted, by a watch instead of polling.

| kind                     | ready when                                                                         |
|--------------------------|------------------------------------------------------------------------------------|
| Pod                      | its condition Ready is True, or it has succeeded; failed if its phase is Failed    |
| Namespace                | its phase is Active                                                                |
| CustomResourceDefinition | its condition Established is True                                                  |
| Deployment, StatefulSet  | the controller has observed this generation; all replicas are updated and ready    |
| DaemonSet                | the controller has observed this generation; all its pods are updated and ready    |
| Job                      | its condition Complete is True; failed if its condition Failed is True             |
| anything else            | it exists                                                                          |
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Final, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from lab.plugins.errors import PluginError
from lab.plugins.kubernetes import apply
from lab.plugins.kubernetes.apply import Target
from lab.plugins.kubernetes.client import ApiError, Client
from lab.plugins.kubernetes.discovery import Kind, NotServedError, Resource

DEFAULT_TIMEOUT: Final = 600.0
"""Default number of seconds to wait for an object."""

_T = TypeVar("_T")
_DISCOVERY_SECONDS: Final = 15.0

Problem = str | None
"""The reason why an object is not ready; None if it is ready."""


class FailedError(PluginError):
    """The object can never become ready."""


class WaitError(PluginError):
    """The time limit has passed or the user has cancelled before the object was ready or deleted."""


async def until_ready(
    client: Client,
    target: Target,
    live: dict[str, Any],
    *,
    timeout: float,  # noqa: ASYNC109 - the engine passes one for each operation
    cancelled: asyncio.Event,
) -> dict[str, Any]:
    """Wait until the object `live` is ready, and return its new version.

    Raises:
        FailedError: the object cannot become ready any more, or it was deleted.
        WaitError: after `timeout` seconds, or when the update is cancelled.
    """
    check = _CHECKS.get((target.resource.kind.group, target.resource.kind.kind))
    if check is None:
        return live
    problem = check(live)
    if problem is None:
        return live

    async def ready() -> dict[str, Any]:
        nonlocal problem
        async for now in states(client, target):
            if now is None:
                raise FailedError(f"{target.display} was deleted before it was ready")
            problem = check(now)
            if problem is None:
                return now
        raise AssertionError("a watch never ends by itself")

    return await _within(ready(), target, timeout, cancelled, lambda: f"is not ready: {problem}")


async def until_gone(
    client: Client,
    target: Target,
    uid: str | None,
    *,
    timeout: float,  # noqa: ASYNC109 - the engine passes one for each operation
    cancelled: asyncio.Event,
) -> None:
    """Wait until the object is deleted, or another object (with another uid) has its name.

    Raises:
        WaitError: after `timeout` seconds, or when the update is cancelled; it names the remaining finalizers.
    """
    finalizers: list[str] = []

    async def deleted() -> None:
        nonlocal finalizers
        async for live in states(client, target):
            if live is None or (uid and live["metadata"].get("uid") != uid):
                return
            finalizers = live["metadata"].get("finalizers", [])

    def remaining() -> str:
        return f"still exists; its finalizers: {', '.join(finalizers) or 'none'}"

    await _within(deleted(), target, timeout, cancelled, remaining)


async def until_served(definition: Mapping[str, Any], find: Callable[[Kind], Awaitable[Resource]]) -> None:
    """Wait until discovery has every served version of an established definition, which takes less than a second.

    Raises:
        NotServedError: a version is not served in time.
    """
    spec = definition["spec"]
    for version in spec["versions"]:
        if version["served"]:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(NotServedError),
                wait=wait_exponential(multiplier=0.05, max=1),
                stop=stop_after_delay(_DISCOVERY_SECONDS),
                reraise=True,
            ):
                with attempt:
                    await find(Kind(spec["group"], version["name"], spec["names"]["kind"]))


async def states(client: Client, target: Target) -> AsyncGenerator[dict[str, Any] | None]:
    """Yield the object now and after each change; None while it does not exist. Never ends by itself."""
    while True:
        live = await apply.get(client, target)
        yield live
        collection = target.resource.path(target.namespace)
        query = {"fieldSelector": f"metadata.name={target.name}"}
        if live is not None:
            query["resourceVersion"] = live["metadata"]["resourceVersion"]
        try:
            async with aclosing(client.watch(collection, subject=target.display, query=query)) as events:
                async for event in events:
                    if event["type"] == "ERROR":
                        break  # the resourceVersion has expired: read the object again
                    if event["type"] != "BOOKMARK":
                        yield None if event["type"] == "DELETED" else event["object"]
        except ApiError as error:
            if error.reason not in {"Expired", "Gone"}:
                raise


async def _within(
    waiting: Coroutine[Any, Any, _T],
    target: Target,
    timeout: float,  # noqa: ASYNC109
    cancelled: asyncio.Event,
    problem: Callable[[], str],
) -> _T:
    task = asyncio.ensure_future(waiting)
    stop = asyncio.ensure_future(cancelled.wait())
    try:
        await asyncio.wait({task, stop}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        end = "the update was cancelled" if stop.done() else f"{timeout:g} seconds are over"
        raise WaitError(f"{end}, and {target.display} {problem()}")
    finally:
        for pending in (task, stop):
            pending.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)


def _condition(live: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    conditions = (live.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == name), {})


def _is_true(live: Mapping[str, Any], name: str) -> Problem:
    condition = _condition(live, name)
    if condition.get("status") == "True":
        return None
    return f"its condition {name} is {condition.get('status', 'not set')}{_why(condition)}"


def _why(condition: Mapping[str, Any]) -> str:
    text = ": ".join(condition[key] for key in ("reason", "message") if condition.get(key))
    return f" ({text})" if text else ""


def _pod(live: Mapping[str, Any]) -> Problem:
    status = live.get("status") or {}
    if status.get("phase") == "Succeeded":
        return None
    if status.get("phase") == "Failed":
        raise FailedError(f"Pod {live['metadata']['name']} has failed{_why(status)}{_containers(status)}")
    if _is_true(live, "Ready") is None:
        return None
    return f"its phase is {status.get('phase', 'not set')}{_why(_condition(live, 'Ready'))}{_containers(status)}"


def _containers(status: Mapping[str, Any]) -> str:
    """Return the reasons of waiting containers: `; container main: ImagePullBackOff: no such image`."""
    reasons = ""
    for container in status.get("containerStatuses") or ():
        for state in ("waiting", "terminated"):
            if why := _why(container.get("state", {}).get(state) or {}):
                reasons += f"; container {container['name']}{why}"
    return reasons


def _namespace(live: Mapping[str, Any]) -> Problem:
    phase = (live.get("status") or {}).get("phase")
    return None if phase == "Active" else f"its phase is {phase}"


def _definition(live: Mapping[str, Any]) -> Problem:
    condition = _condition(live, "NamesAccepted")
    if condition.get("status") == "False":
        raise FailedError(f"CustomResourceDefinition {live['metadata']['name']}: its names are in use{_why(condition)}")
    return _is_true(live, "Established")


def _rollout(live: Mapping[str, Any]) -> Problem:
    status = live.get("status") or {}
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return "its controller has not observed the change yet"
    stalled = _condition(live, "Progressing")
    if stalled.get("reason") == "ProgressDeadlineExceeded":
        raise FailedError(f"{live['kind']} {live['metadata']['name']} does not progress{_why(stalled)}")
    desired = (live.get("spec") or {}).get("replicas", 1)
    counts = [status.get(key, 0) for key in ("updatedReplicas", "readyReplicas")]
    return None if min(counts) >= desired else f"{counts[1]} of {desired} replicas are ready, {counts[0]} updated"


def _daemon_set(live: Mapping[str, Any]) -> Problem:
    status = live.get("status") or {}
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return "its controller has not observed the change yet"
    desired = status.get("desiredNumberScheduled", 0)
    counts = [status.get(key, 0) for key in ("updatedNumberScheduled", "numberAvailable")]
    return None if min(counts) >= desired else f"{counts[1]} of {desired} pods are available, {counts[0]} updated"


def _job(live: Mapping[str, Any]) -> Problem:
    failed = _condition(live, "Failed")
    if failed.get("status") == "True":
        raise FailedError(f"Job {live['metadata']['name']} has failed{_why(failed)}")
    return _is_true(live, "Complete")


_CHECKS: Final[Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Problem]]] = {
    ("", "Namespace"): _namespace,
    ("", "Pod"): _pod,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _rollout,
    ("apps", "StatefulSet"): _rollout,
    ("batch", "Job"): _job,
}
