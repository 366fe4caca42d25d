"""Blocking calls in threads of the library's own pool.

`asyncio.to_thread` would deadlock. Its pool is small, and Pulumi's SDK keeps one of its threads for each registration
that the engine has not answered. The engine answers after its hooks return, so a hook that waits for a thread of that
pool waits for ever.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 16


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="eks-identity")


_running: set[Future[Any]] = set()


async def run_in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `call` in a thread with the current context. Return its result, or raise its exception."""
    run = partial(contextvars.copy_context().run, call, *args, **kwargs)
    future = _pool().submit(run)
    _running.add(future)
    future.add_done_callback(_running.discard)
    return await asyncio.wrap_future(future)


def wait_for_threads() -> None:
    """Block until every call of `in_thread` has ended, those of cancelled tasks included."""
    wait(_running.copy())
