"""Ports that are held for a program."""

import socket

import pytest

from lab.cluster.ports import BlockedPort, ReservedPort


def test_a_reserved_port_is_nobody_elses():
    """Others cannot bind it, neither by number nor by asking for any free one."""
    port = ReservedPort()
    try:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port.number))
        with socket.socket() as unconnected, pytest.raises(ConnectionRefusedError):
            unconnected.connect(("127.0.0.1", port.number))
    finally:
        port.release()


def test_a_server_that_reuses_addresses_can_listen_on_a_reserved_port():
    """As every Go server does."""
    port = ReservedPort()
    try:
        with socket.create_server(("127.0.0.1", port.number)) as server:
            socket.create_connection(server.getsockname()).close()
    finally:
        port.release()


def test_a_shut_port_cannot_be_opened_on_all_interfaces():
    """A wildcard listener collides with the one on loopback; whoever comes second has nothing to do."""
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
