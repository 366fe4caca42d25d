"""TCP ports that are reserved before a program listens on them."""

from __future__ import annotations

import errno
import socket


class ReservedPort:
    """A free port of 127.0.0.1, held until `release`.

    The socket is bound with SO_REUSEADDR and does not listen. Linux then assigns the port to no process that requests
    any free port. A program that sets SO_REUSEADDR too, as every Go server does, can still listen on it. So no other
    process can take the port in between.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()


class BlockedPort:
    """A port that no program can open on all interfaces.

    The lab listens on the port on loopback and never accepts a connection, so that another program cannot listen on it
    on all interfaces. If another process listens on it, the port is blocked as well.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._socket: socket.socket | None = None

    def block(self) -> None:
        """Listen on the port, unless another process does."""
        if self._socket is not None:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.bind(("127.0.0.1", self._number))
            listener.listen(1)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            self._socket = listener

    def release(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
