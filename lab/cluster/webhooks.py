"""HTTPS server of the webhooks that API servers call: access policies and pod identity, for all clusters.

The lab has one server, with a certificate of the lab's authority. Each cluster has its own paths:
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

ReviewHandler = Callable[[Mapping[str, Any]], Mapping[str, Any]]

log = logging.getLogger(__name__)


class _RequestHandler(WSGIRequestHandler):
    # Send header and body in one packet, without delay: otherwise each call waits 40 ms for an acknowledgement.
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: API servers call many times a second."""


class WebhookServer:
    """An HTTPS server that serves from its construction until `stop`."""

    def __init__(self, certificate: CertificateFiles) -> None:
        self._handlers: dict[str, ReviewHandler] = {}
        self._server = make_server("127.0.0.1", 0, self._application, threaded=True, request_handler=_RequestHandler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.certificate, certificate.key)
        # The connection's own thread does the handshake, so that a silent client does not block others.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.ssl_context = context
        self.url = f"https://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="webhooks", daemon=True)
        self._thread.start()

    def register(self, path: str, handler: ReviewHandler) -> str:
        """Serve POST requests to `path` with `handler`, which receives and returns JSON. Return the URL."""
        self._handlers[path] = handler
        return self.url + path

    def unregister(self, path: str) -> None:
        self._handlers.pop(path, None)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        handler = self._handlers.get(request.path)
        if handler is None or request.method != "POST":
            return Response(f"no webhook is registered at {request.path}", 404)(environ, start_response)
        try:
            body = handler(request.get_json(force=True))
        except Exception:
            # The API server treats a 500 as "no opinion" or "unchanged" and reports nothing, so the lab logs the error.
            log.exception("webhook %s", request.path)
            return Response("the lab's webhook failed", 500)(environ, start_response)
        return Response(json.dumps(body), 200, content_type="application/json")(environ, start_response)
