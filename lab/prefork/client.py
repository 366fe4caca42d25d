"""Run `python <arguments>` as a fork of a server that listens on a UNIX socket.

Command line: `python -I -S client.py <socket> <arguments>…`. The client forwards signals to the fork and exits with its
exit code. If no server listens, it executes `python <arguments>`.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

LENGTH = 4
"""Number of bytes that encode the length of the request."""


def main() -> int:
    path, *arguments = sys.argv[1:]
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - the client must replace itself

    def forward(number: int, _: object) -> None:
        with suppress(OSError):  # the program has just ended
            connection.send(bytes([number]))

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, forward)
    request = json.dumps({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}).encode()  # noqa: PTH109 - pathlib would take longer than the rest
    socket.send_fds(connection, [len(request).to_bytes(LENGTH, "big")], [0, 1, 2])
    connection.sendall(request)
    status = connection.recv(1)
    if not status:
        sys.stderr.write("the server that ran this program ended\n")
    return status[0] if status else 1


if __name__ == "__main__":
    sys.exit(main())
