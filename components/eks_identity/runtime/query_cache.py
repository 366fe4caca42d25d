"""Results of the library's own requests to AWS and to clusters while a program runs. Each request is sent once.

After a failed request an endpoint is not queried again by the program, and one warning is logged. An endpoint that
cannot be reached never fails a preview.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable
from threading import Lock
from typing import Any, TypeVar

import pulumi

from eks_identity.errors import EksIdentityError
from eks_identity.runtime import diagnostics
from eks_identity.runtime.program_state import per_program
from eks_identity.runtime.threads import run_in_thread

T = TypeVar("T")


class _Endpoint:
    """An API, such as one cluster's API server. It gets one request at a time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.results: dict[Hashable, Any] = {}
        self.has_failed = False


class QueryCache:
    """Query results of one run of one program."""

    def __init__(self) -> None:
        self._endpoints: defaultdict[Hashable, _Endpoint] = defaultdict(_Endpoint)
        self._tasks: dict[Hashable, asyncio.Future[Any]] = {}

    async def get(
        self, endpoint: Hashable, key: Hashable, query: Callable[[], T], *, on_error: str, resource: pulumi.Resource
    ) -> T | None:
        """Return the cached result of `query` for `key`; None after a failed request to `endpoint`.

        `query` runs in a thread. If it raises `EksIdentityError`, a warning for `resource` is logged: `on_error` and
        the error.
        """
        entry = self._endpoints[endpoint]
        if key in entry.results:
            cached: T | None = entry.results[key]
            return cached
        result, error = await run_in_thread(self._query, entry, key, query)
        if error is not None:
            diagnostics.warn(f"{on_error}: {error}", resource)
        return result

    async def get_async(self, key: Hashable, query: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of the coroutine function `query` for `key`. Later calls await the first call's task.

        Raises what `query` raises, for every caller. `key` includes the endpoint.
        """
        if key not in self._tasks:
            self._tasks[key] = asyncio.ensure_future(query())
        result: T = await self._tasks[key]
        return result

    @staticmethod
    def _query(entry: _Endpoint, key: Hashable, query: Callable[[], T]) -> tuple[T | None, EksIdentityError | None]:
        with entry.lock:
            if key not in entry.results and not entry.has_failed:
                try:
                    entry.results[key] = query()
                except EksIdentityError as error:
                    entry.has_failed = True
                    return None, error
            return entry.results.get(key), None


def program_query_cache() -> QueryCache:
    """Return the cache of the current program. Must be called in the program's context."""
    return per_program(__name__, QueryCache)
