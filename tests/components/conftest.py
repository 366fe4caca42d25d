"""Fixtures of component tests. No test reaches another host."""

import asyncio
import socket
from typing import Any

import pytest

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
