"""moto's server with authentication in front. It routes each request, and serves no operation without authorization.

hosts of OIDC issuers       → the issuers' public documents, as EKS publishes them
/moto-api                   → 403: it would disclose and change all state
all other requests          → AuthenticationGate → AuthorizationGate → moto's dispatcher → the service's operations
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterable
from typing import Any, ClassVar

from flask import Flask
from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from lab.cloud import issuers
from lab.cloud.authentication import AuthenticationGate, protocol_of
from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.gate import AuthorizationGate
from lab.cloud.request_writer import BACKEND_KEY
from lab.faults import FaultSwitch

log = logging.getLogger(__name__)

_AUTHORIZED_HANDLERS = frozenset(
    {"dispatch", "bucket_dispatch", "ambiguous_dispatch", "key_dispatch", "api_version_elb_backend"}
)
"""moto's handlers that call its authorization methods. The few others are denied, because they authorize nothing."""
_ISSUER_HOST = re.compile(r"^oidc\.eks\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$")


class Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher. It routes by the service of the authorized call, and not by the request."""

    def __init__(self) -> None:
        super().__init__(create_application)

    def get_application(self, environ: dict[str, Any]) -> Flask:
        backend = environ[BACKEND_KEY]
        with self.lock:
            if backend not in self.app_instances:
                self.app_instances[backend] = self.create_app(backend)
            return self.app_instances[backend]

    def discard_application(self, backend: str) -> None:
        """Discard the application of that service. The next request builds it again from the current URL paths."""
        with self.lock:
            self.app_instances.pop(backend, None)


class AwsApplication:
    """The WSGI application of the lab's AWS."""

    def __init__(self, faults: FaultSwitch) -> None:
        self.dispatcher = Dispatcher()
        self.gate = AuthorizationGate(self.dispatcher, faults)
        self._authentication = AuthenticationGate(self.gate, faults)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", "")).partition(":")[0].lower()
        path = str(environ.get("PATH_INFO", ""))
        if _ISSUER_HOST.match(host):
            return _issuer_document(host, path)(environ, start_response)
        if path.lstrip("/").startswith(("moto-api", "favicon.ico")):
            error = AwsErrorResponse("rest-json", "AccessDeniedException", f"The lab does not serve {path}")
            return error(environ, start_response)
        try:
            return self._authentication(environ, start_response)
        except ConnectionResetError:
            raise  # a fault: werkzeug ends the connection
        except Exception as error:  # noqa: BLE001 - werkzeug would send a page in HTML, which no AWS SDK can parse
            return _internal_failure(error, Request(environ))(environ, start_response)


class Server:
    """An HTTP server for `AwsApplication` on a free port of the loopback interface, with one thread per connection."""

    def __init__(self, faults: FaultSwitch) -> None:
        self.application = AwsApplication(faults)
        handler = type("RequestHandler", (_RequestHandler,), {"faults": faults})
        self._server = make_server("127.0.0.1", 0, self.application, threaded=True, request_handler=handler)
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, name="lab-aws", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _RequestHandler(MotoRequestHandler):
    """A request handler that logs instead of printing, buffers writes and disables Nagle's algorithm.

    Without buffering and with Nagle's algorithm, a small response takes 40 ms longer.
    """

    faults: ClassVar[FaultSwitch]
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        """Send `100 Continue` at once, and remove the header so that werkzeug does not send it a second time."""
        is_accepted = super().handle_expect_100()
        self.wfile.flush()
        del self.headers["Expect"]
        return is_accepted

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the `Date` of a response by AWS's clock."""
        offset = self.faults.clock_offset().total_seconds()
        return super().date_time_string((time.time() if timestamp is None else timestamp) + offset)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        log.log(logging.ERROR if type == "error" else logging.DEBUG, message, *args)


def create_application(backend: Any) -> Flask:
    """Create moto's application of one service. Handlers without authorization are denied; errors have AWS's form."""
    application = create_backend_app(backend)
    application.debug = False
    for endpoint, view in list(application.view_functions.items()):
        if getattr(getattr(view, "callback", None), "__name__", "") not in _AUTHORIZED_HANDLERS:
            application.view_functions[endpoint] = _deny_unauthorized_handler
    application.register_error_handler(NotImplementedError, _not_implemented)
    application.register_error_handler(404, _unknown_operation)
    application.register_error_handler(405, _unknown_operation)
    application.register_error_handler(InternalServerError, _operation_failed)
    return application


def _deny_unauthorized_handler(*_args: Any, **_kwargs: Any) -> Response:
    return _error_response(
        "AccessDeniedException",
        "The lab denies this operation to every caller, because moto does not authorize it",
        403,
    )


def _not_implemented(error: NotImplementedError) -> Response:
    return _error_response("NotImplemented", f"The lab does not implement this operation: {error}", 501)


def _unknown_operation(error: HTTPException) -> Response:
    if isinstance(error, AwsErrorResponse):
        return error.get_response()
    return _error_response("UnknownOperationException", "The lab has no operation with this method and path", 404)


def _operation_failed(error: InternalServerError) -> Response:
    from flask import request  # noqa: PLC0415 - bound to the current request

    return _internal_failure(error.original_exception, request).get_response()


def _internal_failure(error: BaseException | None, request: Any) -> AwsErrorResponse:
    log.error("An operation failed", exc_info=error)
    message = f"The operation failed in the lab: {error!r}"
    return AwsErrorResponse(protocol_of(request), "InternalFailure", message, status=500)


def _error_response(code: str, message: str, status: int) -> Response:
    from flask import request  # noqa: PLC0415 - bound to the current request

    return AwsErrorResponse(protocol_of(request), code, message, status=status).get_response()  # type: ignore[arg-type]


def _issuer_document(host: str, path: str) -> Response:
    name, _, document = path.removeprefix("/id/").partition("/")
    issuer = f"https://{host}/id/{name}"
    keys = issuers.fetch_jwks(issuer) if path.startswith("/id/") else None
    documents = {"keys": keys, ".well-known/openid-configuration": issuers.discovery_document(issuer)}
    if keys is None or document not in documents:
        return Response(f"No cluster of the lab publishes https://{host}{path}\n", 404, content_type="text/plain")
    return Response(json.dumps(documents[document]), content_type="application/json")
