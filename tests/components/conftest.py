"""Fixtures of component tests. No test reaches another host."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from support.failing_api_server import FailingApiServer, kubeconfig, serving
from support.sample_args import CONNECTION


@pytest.fixture(autouse=True)
def no_loop_outside_of_a_program() -> None:
    """An Output that a test makes outside of its program fails there: else it would leave an event loop open."""
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def only_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that looks up another host, such as AWS: it would wait for a network, and its result would vary."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host not in {None, "", "localhost", "127.0.0.1", "::1"}:
            pytest.fail(f"this test looks up the host {host}: replace the call by a mock")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def connection() -> dict[str, Any]:
    """A cluster of another stack, written out."""
    return dict(CONNECTION)


@pytest.fixture
def server() -> Iterator[FailingApiServer]:
    """An API server that fails requests as a test tells it."""
    with serving(FailingApiServer()) as server:
        yield server


@pytest.fixture
def update(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine runs an update. Tests with mocks of a preview set the process to a preview."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: False)


@pytest.fixture
def short_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update waits for two seconds, which is longer than a pause."""
    monkeypatch.setattr("eks_identity.clients.kubernetes_retries.OUTAGE_SECONDS", 2.1)


@pytest.fixture
def free_port() -> int:
    """A port that refuses connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def starting_server(free_port: int) -> Iterator[str]:
    """The kubeconfig of an API server that starts after half a second. Until then its port refuses connections."""
    ended, started = threading.Event(), threading.Event()
    servers: list[FailingApiServer] = []

    def start() -> None:
        ended.wait(0.5)
        servers.append(FailingApiServer(free_port))
        started.set()
        servers[0].serve_forever(0.01)

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    yield kubeconfig(f"http://127.0.0.1:{free_port}")
    ended.set()
    started.wait()
    servers[0].shutdown()
    servers[0].server_close()
