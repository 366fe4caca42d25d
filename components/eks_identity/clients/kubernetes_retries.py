"""Repetition of requests to an API server that may succeed a moment later.

| failure                                                           | the request is sent                             |
|-------------------------------------------------------------------|-------------------------------------------------|
| connection refused or closed, status 429, 500, 502, 503 or 504    | for `OUTAGE_SECONDS`; once by a preview's hook  |
| status 401: the authenticator may have failed to call STS         | `UNAUTHORIZED_TRIES` times                      |
| unknown host, no route, timeout, certificate, any other status    | once                                            |

All requests of a process share one outage of an API server: many resources wait for it as long as one.
"""

import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from threading import Lock
from typing import TypeVar

import httpx2
import pulumi
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    stop_any,
    wait_exponential,
    wait_random_exponential,
)
from tenacity.stop import stop_base

T = TypeVar("T")

OUTAGE_SECONDS = 30
"""How long an update waits for an API server. A restart takes some seconds."""
UNAUTHORIZED_TRIES = 3
"""The pauses are 0.2 and 0.4 seconds."""

_OUTAGE_STATUSES = frozenset({429, 500, 502, 503, 504})


class _Outage(stop_base):
    """The time in which all requests to one API server fail. Stops requests after `OUTAGE_SECONDS`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._began: float | None = None
        self._last_failure = 0.0

    def end(self) -> None:
        """Note that the API server responds."""
        with self._lock:
            self._began = None

    def __call__(self, _state: RetryCallState) -> bool:
        """Note a failure, and return whether its request must not be sent again."""
        with self._lock:
            now = time.monotonic()
            if self._began is None or now - self._last_failure > OUTAGE_SECONDS:
                self._began = now
            self._last_failure = now
            return pulumi.runtime.is_dry_run() or now - self._began >= OUTAGE_SECONDS


_outages: defaultdict[str, _Outage] = defaultdict(_Outage)
"""By the server's URL."""
_rejecting: set[str] = set()
"""URLs of the servers that answered 401 to all tries of a request."""


def repeat_in_outage(server: str, request: Callable[[], T]) -> T:
    """Return the result of `request`, which is repeated while the API server has an outage. Raises the last error.

    A request that writes must be conditional: the API server may have performed it, and its response was lost.
    """
    outage = _outages[server]
    retrying = Retrying(
        retry=retry_if_exception(is_outage),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_any(outage, stop_after_delay(OUTAGE_SECONDS)),
        reraise=True,
    )
    try:
        result = _with_tries(retrying, request)
    except Exception as error:
        if isinstance(error, httpx2.HTTPStatusError) and not is_outage(error):
            outage.end()
        raise
    outage.end()
    return result


def repeat_unauthorized(server: str, request: Callable[[], T]) -> T:
    """Return the result of one `request`, which is repeated after a 401. Raises the last error.

    After the last try, later requests to this API server are sent once, until it accepts one: each try may run the
    aws command line.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_unauthorized),
        wait=wait_exponential(multiplier=0.2),
        stop=stop_after_attempt(1 if server in _rejecting else UNAUTHORIZED_TRIES),
        reraise=True,
    )
    try:
        result = _with_tries(retrying, request)
    except Exception as error:
        if _is_unauthorized(error):
            _rejecting.add(server)
        raise
    _rejecting.discard(server)
    return result


def is_outage(error: BaseException) -> bool:
    """Return whether a request fails with this error if the API server restarts or is overloaded."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code in _OUTAGE_STATUSES
    if isinstance(error, httpx2.NetworkError):
        return any(isinstance(cause, ConnectionError | ssl.SSLEOFError) for cause in _causes(error))
    return isinstance(error, httpx2.RemoteProtocolError)


def is_performed(error: BaseException) -> bool:
    """Return whether the API server may have performed a request that failed with this error of an outage."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code != httpx2.codes.TOO_MANY_REQUESTS
    return not isinstance(error, httpx2.ConnectError)


def describe(error: BaseException) -> str:
    """Return the message of an error, and how often and how long its request was sent."""
    return ", ".join([str(error) or type(error).__name__, *getattr(error, "__notes__", ())])


def _with_tries(retrying: Retrying, request: Callable[[], T]) -> T:
    """Return the result of `request`. An error gets a note of the tries."""
    try:
        return retrying(request)
    except Exception as error:
        tries, seconds = retrying.statistics["attempt_number"], retrying.statistics["delay_since_first_attempt"]
        if tries > 1:
            error.add_note(f"tried {tries} times in {seconds:.1f} s")
        raise


def _is_unauthorized(error: BaseException) -> bool:
    return isinstance(error, httpx2.HTTPStatusError) and error.response.status_code == httpx2.codes.UNAUTHORIZED


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors that caused `error`. The HTTP library does not link all of them by `__cause__`."""
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
