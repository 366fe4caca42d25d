"""The prefork server: it imports modules, then runs programs for clients in forks until it is killed.

Command line: `python server.py <socket> <module>…`; a module is a name or the path of a `.py` file. The socket appears
when every module is imported. It must be in a folder with mode 0700: a process that can connect runs programs as the
server's user.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

LENGTH = 4
"""Number of bytes that encode the length of the request."""
_STREAMS = 3


def main() -> None:
    path, *modules = sys.argv[1:]
    before = dict(os.environ)
    for module in modules:
        if module.endswith(".py"):
            runpy.run_path(module)
        else:
            importlib.import_module(module)
    set_by_modules = {name: value for name, value in os.environ.items() if before.get(name) != value}
    if (threads := len(list(Path("/proc/self/task").iterdir()))) > 1:
        sys.exit(f"{threads} threads run after the import of {', '.join(modules)}; a fork does not have them")
    # Objects that exist now never become garbage. Scanning them would copy their memory into every fork.
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen(64)
        Path(f"{path}.new").rename(path)
        _Server(listener, set_by_modules).serve()


class _Server:
    def __init__(self, listener: socket.socket, environment: Mapping[str, str]) -> None:
        self._listener = listener
        self._environment = environment
        self._running: dict[int, socket.socket] = {}
        self._woken, wake = socket.socketpair()
        for end in (self._woken, wake):
            end.settimeout(0)
        self._wake = wake
        signal.set_wakeup_fd(wake.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for readable in (self._listener, self._woken):
                selector.register(readable, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                        self._reap()
                    else:
                        self._start(selector)

    def _start(self, selector: selectors.BaseSelector) -> None:
        connection, _ = self._listener.accept()
        child = os.fork()
        if child:
            self._running[child] = connection
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            selector.close()
            for inherited in (self._listener, self._woken, self._wake, *self._running.values()):
                inherited.close()
            code = _serve_client(connection, self._environment)
        except BaseException:  # noqa: BLE001 - a fork must never return to the server's loop
            traceback.print_exc()
            code = 1
        _end(code)

    def _reap(self) -> None:
        while self._running:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            code = os.waitstatus_to_exitcode(status)
            with self._running.pop(child) as connection:
                try:
                    connection.send(bytes([code if code >= 0 else 128 - code]))
                except OSError:
                    continue  # the client was killed first


def _serve_client(connection: socket.socket, environment: Mapping[str, str]) -> int:
    """Run the program that the client requests and return its exit code.

    `environment` holds the variables that modules set when the server imported them.
    """
    length, descriptors, _, _ = socket.recv_fds(connection, LENGTH, _STREAMS)
    size = int.from_bytes(length, "big")
    request = b""
    while len(request) < size:
        request += connection.recv(size - len(request))
    program = json.loads(request)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - a descriptor has no path
    sys.stdout = _unbuffered(1)
    sys.stderr = _unbuffered(2)
    threading.Thread(target=_follow, args=[connection], name="client", daemon=True).start()
    os.environ.clear()
    os.environ.update({**environment, **program["environment"]})
    os.chdir(program["folder"])
    return _run(program["arguments"])


def _unbuffered(descriptor: int) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", write_through=True)


def _follow(connection: socket.socket) -> None:
    """Send this process each signal whose number the client writes. End it when the client closes the connection."""
    while number := connection.recv(1):
        os.kill(os.getpid(), number[0])
    os._exit(1)


def _run(arguments: Sequence[str]) -> int:
    """Run `python <arguments>` in this process and return the exit code. The only flags are -u and -m."""
    _, *arguments = arguments if arguments[0] == "-u" else ["", *arguments]
    try:
        if arguments[0] == "-m":
            sys.argv = list(arguments[1:])
            sys.path.insert(0, str(Path.cwd()))
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = list(arguments)
            sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - Python prints uncaught exceptions too
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> None:
    """End the process as the interpreter does: join threads and run exit handlers, but none of the server's."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - the interpreter itself calls it
    atexit._run_exitfuncs()  # noqa: SLF001 - the same
    os._exit(code)


if __name__ == "__main__":
    main()
