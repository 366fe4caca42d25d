"""The processes of the containers that run on one node, by which IMDS knows its own clients.

All pods of the lab call from the same loopback address. A client is recognized by the process that holds the other end
of its connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

_IPV4_MAPPED = "::ffff:"


class PodProcesses:
    """The running containers of one node, each by the process id of its shim."""

    def __init__(self) -> None:
        self._shims: dict[int, bool] = {}

    @contextmanager
    def add(self, shim: int, *, host_network: bool) -> Iterator[None]:
        """Record a container while the body runs."""
        self._shims[shim] = host_network
        try:
            yield
        finally:
            del self._shims[shim]

    def have_connection(self, client: tuple[str, int], server: tuple[str, int], *, host_network: bool) -> bool:
        """Return whether a pod with, or without, `hostNetwork` holds the client's end of this TCP connection."""
        shims = [shim for shim, is_on_host in self._shims.copy().items() if is_on_host is host_network]
        return any(_has_connection(process, client, server) for shim in shims for process in _descendants(shim))


def _descendants(shim: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(shim).children(recursive=True)
    return []


def _has_connection(process: psutil.Process, client: tuple[str, int], server: tuple[str, int]) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        for connection in process.net_connections("tcp"):
            ends = [
                (end.ip.removeprefix(_IPV4_MAPPED), end.port) for end in (connection.laddr, connection.raddr) if end
            ]
            if ends == [client, server]:
                return True
    return False
