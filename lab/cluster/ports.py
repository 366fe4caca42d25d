"""Ports that stay ours between choosing them and the moment a program listens on them."""

from __future__ import annotations

import errno
import socket


class ReservedPort:
    """A free port of 127.0.0.1, held until `release`.

    It is bound but not listening, with SO_REUSEADDR: Linux then gives it to nobody who asks for any free port, and yet
    lets a program that sets SO_REUSEADDR too (as every Go server does) listen on it. So there is no moment in which
    another process could take it.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()


class ShutPort:
    """Keeps a port of all interfaces shut, by listening on it on loopback without ever answering.

    A program that wants the port on all interfaces then cannot have it. If somebody else listens there already, the
    aim is reached as well.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._socket: socket.socket | None = None

    def shut(self) -> None:
        """Take the port unless it is taken."""
        if self._socket is not None:
            return
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            taken.bind(("127.0.0.1", self._number))
            taken.listen(1)
        except OSError as error:
            taken.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            self._socket = taken

    def release(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
