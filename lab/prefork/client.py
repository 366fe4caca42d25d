"""Runs `python <arguments>` as a fork of a server that listens on a UNIX socket.

Run as `python -I -S client.py <socket> <arguments>…`. It passes signals on, and ends as the program ends. If no server
listens, it becomes `python <arguments>`.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

LENGTH = 4
"""Bytes that say how long the request is."""


def main() -> int:
    path, *arguments = sys.argv[1:]
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - becoming the program is what is promised

    def pass_on(number: int, _: object) -> None:
        with suppress(OSError):  # it has just ended
            connection.send(bytes([number]))

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    request = json.dumps({"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}).encode()  # noqa: PTH109 - pathlib would take longer than the rest
    socket.send_fds(connection, [len(request).to_bytes(LENGTH, "big")], [0, 1, 2])
    connection.sendall(request)
    ended = connection.recv(1)
    if not ended:
        sys.stderr.write("the server that ran this program is gone\n")
    return ended[0] if ended else 1


if __name__ == "__main__":
    sys.exit(main())
