"""Calls that block, in threads that are the library's own.

Not by `asyncio.to_thread`: there are few of those threads, and Pulumi's SDK keeps one for each registration that the
engine has not answered. The engine answers once its hooks have, so a hook that waits for such a thread waits for ever.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 16


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="eks-identity")


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `call` returns, or raises."""
    run = partial(contextvars.copy_context().run, call, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads(), run)
