"""The HTTPS server through which API servers ask the lab: access policies and pod identity, for all clusters at once.

One server for a lab, with a certificate of the lab's authority; each cluster has its own paths
`/<cluster>/authorize` (SubjectAccessReview) and `/<cluster>/mutate` (AdmissionReview).
"""

from __future__ import annotations

import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from lab.pki import CertificateFiles

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]

log = logging.getLogger(__name__)


class _Handler(WSGIRequestHandler):
    # Header and body in one packet, and that at once: otherwise each call waits 40 ms for an acknowledgement.
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: API servers ask many times a second."""


class WebhookServer:
    """Serves from the constructor on until `stop`."""

    def __init__(self, certificate: CertificateFiles) -> None:
        self._answers: dict[str, Answer] = {}
        self._server = make_server("127.0.0.1", 0, self._application, threaded=True, request_handler=_Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certificate, certificate.key)
        # The handshake belongs to the thread of the connection: a caller that is silent must not keep others waiting.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.ssl_context = context
        self.url = f"https://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="webhooks", daemon=True)
        self._thread.start()

    def serve(self, path: str, answer: Answer) -> str:
        """Answer POST requests to `path` with what `answer` makes of their JSON; returns the URL."""
        self._answers[path] = answer
        return self.url + path

    def withdraw(self, path: str) -> None:
        self._answers.pop(path, None)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        answer = self._answers.get(request.path)
        if answer is None or request.method != "POST":
            return Response(f"nothing is served at {request.path}", 404)(environ, start_response)
        try:
            body = answer(request.get_json(force=True))
        except Exception:
            # The API server takes a 500 as "no opinion" or "not changed" and goes on: say it where it can be read.
            log.exception("webhook %s", request.path)
            return Response("the lab's webhook failed", 500)(environ, start_response)
        return Response(json.dumps(body), 200, content_type="application/json")(environ, start_response)
