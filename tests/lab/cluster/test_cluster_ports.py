"""Reserved and blocked TCP ports."""

import socket

import pytest

from lab.cluster.ports import BlockedPort, ReservedPort


def test_reserved_port_cannot_be_bound():
    """Other processes cannot bind it by number or get it as a free port."""
    port = ReservedPort()
    try:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port.number))
        with socket.socket() as unconnected, pytest.raises(ConnectionRefusedError):
            unconnected.connect(("127.0.0.1", port.number))
    finally:
        port.release()


def test_server_with_reuseaddr_listens_on_reserved_port():
    """Every Go server sets SO_REUSEADDR."""
    port = ReservedPort()
    try:
        with socket.create_server(("127.0.0.1", port.number)) as server:
            socket.create_connection(server.getsockname()).close()
    finally:
        port.release()


def test_blocked_port_cannot_be_opened_on_all_interfaces():
    """A wildcard listener collides with the listener on loopback; a second block does nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
    first, second = BlockedPort(number), BlockedPort(number)
    try:
        first.block()
        second.block()
        with socket.socket(socket.AF_INET6) as wildcard:
            wildcard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                wildcard.bind(("::", number))
    finally:
        first.release()
        second.release()
