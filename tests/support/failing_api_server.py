"""An API server with ConfigMap aws-auth whose requests fail as told: a port of this machine, without Kubernetes."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from support.json_requests import JsonRequestHandler

RESET = "reset"
"""The connection is reset before the request is performed."""
LOST = "lost"
"""The request is performed, and the connection closed without a response."""

Failure = int | str
"""A status, `RESET` or `LOST`."""


class FailingApiServer(ThreadingHTTPServer):
    """Fails the next requests of a method with the `failures` of that method, and performs the others."""

    daemon_threads = True

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Request)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.scheme = "http" if tls is None else "https"
        self.data: dict[str, str] | None = {}
        """Data of aws-auth, None without a ConfigMap."""
        self.version = 1
        self.failures: dict[str, list[Failure]] = {}
        self.requests: list[str] = []
        """The methods of all requests."""
        self.writes = 0
        """Number of performed writes."""
        self.after_lost: Callable[[], None] = lambda: None
        """Called after a lost response, in place of another writer."""

    @property
    def kubeconfig(self) -> str:
        return kubeconfig(f"{self.scheme}://127.0.0.1:{self.server_address[1]}")

    def write(self, data: dict[str, str]) -> None:
        self.data, self.version, self.writes = data, self.version + 1, self.writes + 1

    def handle_error(self, *_: Any) -> None:
        """Print nothing of connections that the client closes, as it does for a wrong certificate."""


class _Request(JsonRequestHandler):
    server: FailingApiServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        self._perform(self._get)

    def do_POST(self) -> None:  # noqa: N802
        self._perform(self._create)

    def do_PUT(self) -> None:  # noqa: N802
        self._perform(self._replace)

    def _perform(self, perform: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        self.server.requests.append(self.command)
        failures = self.server.failures.get(self.command)
        failure = failures.pop(0) if failures else None
        if isinstance(failure, int):
            self.respond(failure, {"kind": "Status", "code": failure, "message": f"status {failure}"})
        elif failure == RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._hang_up()
        elif failure == LOST:
            perform(body)
            self.server.after_lost()
            self._hang_up()
        else:
            self.respond(*perform(body))

    def _hang_up(self) -> None:
        self.close_connection = True
        self.rfile.close()
        self.connection.close()

    def _get(self, _body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if "configmaps" not in self.path:
            return 200, {"items": [{"metadata": {"name": "existing", "namespace": "default"}}]}
        if self.server.data is None:
            return 404, {"kind": "Status", "code": 404, "message": "not found"}
        metadata = {"name": "aws-auth", "namespace": "kube-system", "resourceVersion": str(self.server.version)}
        return 200, {"metadata": metadata, "data": self.server.data}

    def _create(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.server.data is not None:
            return 409, {"kind": "Status", "code": 409, "message": "already exists"}
        self.server.write(body["data"])
        return 201, body

    def _replace(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if body["metadata"]["resourceVersion"] != str(self.server.version):
            return 409, {"kind": "Status", "code": 409, "message": "conflict"}
        self.server.write(body.get("data") or {})
        return 200, body


@contextmanager
def serving(server: FailingApiServer) -> Iterator[FailingApiServer]:
    """Serve the requests of `server`, in threads, until the end of the block."""
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def kubeconfig(url: str, ca: str | None = None) -> str:
    """Return the kubeconfig of an API server, with a token that any of them accepts."""
    cluster = {"server": url} if ca is None else {"server": url, "certificate-authority-data": ca}
    return json.dumps(
        {
            "clusters": [{"name": "failing", "cluster": cluster}],
            "contexts": [{"name": "failing", "context": {"cluster": "failing", "user": "user"}}],
            "current-context": "failing",
            "users": [{"name": "user", "user": {"token": "token"}}],
        }
    )
