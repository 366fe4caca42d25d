"""Authentication: requires a valid signature for every request of every service.

moto checks signatures inside each service. It checks every rest-json GET wrongly, and accepts inactive keys and expired
sessions. The lab therefore authenticates in front of moto's dispatcher. The gate stores the caller and the credential
scope in the WSGI environment, from which `lab.cloud.gate` reads them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from moto.core.request import Request
from moto.core.utils import get_service_model

from lab.cloud import iam_lookup, root_user, signature
from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.gate import SCOPE_KEY
from lab.cloud.hosts import AwsHost, parse_host
from lab.cloud.request_identity import Caller, set_caller
from lab.cloud.sessions import sessions
from lab.cloud.signature import Failure, Signature, SignatureError
from lab.faults import FaultSwitch

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

UNSIGNED = {"AssumeRoleWithWebIdentity": ("sts", "us-east-1")}
"""Operations that need no signature, because their input carries a token, and the scope that routes them."""

_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - AWS's words
_EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105 - AWS's words
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts of requests without the proxy. Their credential scope determines the service."""
_ERRORS: dict[Failure, dict[str, tuple[int, str, str]]] = {
    Failure.MISSING: {
        "query": (403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        "ec2": (403, "MissingAuthenticationToken", "Request is missing Authentication Token"),
        "json": (403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        "s3": (403, "AccessDenied", "Access Denied"),
    },
    Failure.INCOMPLETE: {
        "query": (400, "IncompleteSignature", ""),
        "ec2": (400, "AuthFailure", ""),
        "json": (400, "IncompleteSignatureException", ""),
        "s3": (400, "AuthorizationHeaderMalformed", ""),
    },
    Failure.UNKNOWN_KEY: {
        "query": (403, "InvalidClientTokenId", _INVALID_TOKEN),
        "ec2": (401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
        "json": (403, "UnrecognizedClientException", _INVALID_TOKEN),
        "s3": (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    },
    Failure.BAD_TOKEN: {
        "query": (403, "InvalidClientTokenId", _INVALID_TOKEN),
        "ec2": (401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
        "json": (403, "UnrecognizedClientException", _INVALID_TOKEN),
        "s3": (400, "InvalidToken", "The provided token is malformed or otherwise invalid."),
    },
    Failure.EXPIRED_SESSION: {
        "query": (403, "ExpiredToken", _EXPIRED_TOKEN),
        "ec2": (400, "RequestExpired", "Request has expired."),
        "json": (403, "ExpiredTokenException", _EXPIRED_TOKEN),
        "s3": (400, "ExpiredToken", "The provided token has expired."),
    },
    Failure.WRONG_SIGNATURE: {
        "query": (403, "SignatureDoesNotMatch", ""),
        "ec2": (401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
        "json": (403, "InvalidSignatureException", ""),
        "s3": (403, "SignatureDoesNotMatch", ""),
    },
    Failure.SKEWED: {
        "query": (403, "SignatureDoesNotMatch", ""),
        "ec2": (400, "RequestExpired", "Request has expired."),
        "json": (403, "InvalidSignatureException", ""),
        "s3": (403, "RequestTimeTooSkewed", ""),
    },
    Failure.WRONG_BODY: {
        "query": (403, "SignatureDoesNotMatch", ""),
        "ec2": (401, "AuthFailure", ""),
        "json": (403, "InvalidSignatureException", ""),
        "s3": (400, "XAmzContentSHA256Mismatch", ""),
    },
    Failure.WRONG_SCOPE: {
        "query": (403, "SignatureDoesNotMatch", ""),
        "ec2": (401, "AuthFailure", ""),
        "json": (403, "InvalidSignatureException", ""),
        "s3": (400, "AuthorizationHeaderMalformed", ""),
    },
    Failure.UNSIGNED_HEADER: {
        "query": (403, "SignatureDoesNotMatch", ""),
        "ec2": (401, "AuthFailure", ""),
        "json": (403, "InvalidSignatureException", ""),
        "s3": (403, "AccessDenied", ""),
    },
}
"""(HTTP status, error code, message) by failure and protocol family. For an empty message the failure's own is sent."""


class AuthenticationGate:
    """WSGI middleware that passes authenticated requests to `application`, and answers others with an AWS error."""

    def __init__(self, application: WsgiApplication, faults: FaultSwitch) -> None:
        self._application = application
        self._faults = faults

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        _buffer_body(request)
        try:
            caller = self._authenticate(request)
        except SignatureError as error:
            return _error_response(request, error)(environ, start_response)
        set_caller(environ, caller)
        return self._application(environ, start_response)

    def _authenticate(self, request: Request) -> Caller | None:
        claim = signature.read(request)
        if claim is None:
            action = _unsigned_action(request)
            if action is None:
                raise SignatureError(Failure.MISSING)
            request.environ[SCOPE_KEY] = UNSIGNED[action]
            return None
        caller, secret = _find_credentials(claim)
        host = _find_host(request)
        if host is not None:
            signature.check_scope(host, claim)
        signature.check(request, claim, secret, now=datetime.now(UTC) + self._faults.clock_offset())
        request.environ[SCOPE_KEY] = (claim.service, claim.region)
        return caller


def _find_credentials(claim: Signature) -> tuple[Caller, str]:
    """Return the owner of the access key that `claim` names, and the key's secret."""
    session = sessions.get(claim.access_key_id)
    if session is not None:
        if claim.session_token != session.credentials.session_token:
            raise SignatureError(Failure.BAD_TOKEN)
        if session.is_expired:
            raise SignatureError(Failure.EXPIRED_SESSION)
        if not iam_lookup.exists(session.principal):
            raise SignatureError(Failure.UNKNOWN_KEY)
        return Caller.of_session(session), session.credentials.secret_access_key
    credentials = root_user.find_caller_by_access_key(claim.access_key_id) or _find_user_credentials(
        claim.access_key_id
    )
    if claim.session_token is not None:
        raise SignatureError(Failure.BAD_TOKEN)
    return credentials


def _find_user_credentials(access_key_id: str) -> tuple[Caller, str]:
    match = iam_lookup.find_user_by_access_key(access_key_id)
    if match is None or match[1].status != "Active":
        raise SignatureError(Failure.UNKNOWN_KEY)
    user, key = match
    return iam_lookup.caller_of_user(user), key.secret_access_key


def _find_host(request: Request) -> AwsHost | None:
    """Return the endpoint of AWS that `request` calls, or None for a request without the proxy.

    Raises:
        SignatureError: the `Host` header is another one. The proxy connects to AWS's hosts only, and so it is forged.
    """
    name = request.host.removesuffix(":443").lower()
    host = parse_host(name)
    if host is None and name.rpartition(":")[0].strip("[]") not in _LOOPBACK:
        raise SignatureError(Failure.WRONG_SCOPE, f"The lab serves no AWS endpoint with the host name {name}.")
    return host


def _unsigned_action(request: Request) -> str | None:
    """Return the `UNSIGNED` operation that `request` calls on the host of its service, or None."""
    action = request.values.get("Action")
    if action not in UNSIGNED:
        return None
    service, _ = UNSIGNED[action]
    host = _find_host(request)
    return action if host is not None and host.service == service else None


def _buffer_body(request: Request) -> None:
    """Read the body, chunked or not, and put it back so that later handlers can read it again."""
    body = request.get_data(cache=True)
    request.environ["wsgi.input"] = io.BytesIO(body)
    request.environ["CONTENT_LENGTH"] = str(len(body))
    request.environ.pop("HTTP_TRANSFER_ENCODING", None)
    request.environ.pop("wsgi.input_terminated", None)


def _error_response(request: Request, error: SignatureError) -> AwsErrorResponse:
    protocol = protocol_of(request)
    family = {"rest-json": "json", "rest-xml": "query"}.get(protocol, protocol)
    status, code, message = _ERRORS[error.failure][family]
    return AwsErrorResponse(protocol, code, message or error.message, status=400 if protocol == "json" else status)


def protocol_of(request: Request) -> Protocol:
    """Return the protocol of a request of any service: by its host, otherwise by its headers and parameters."""
    host = request.host.partition(":")[0]
    labels = host.split(".")
    if "s3" in labels or any(label.startswith("s3-") for label in labels):
        return "s3"
    try:
        protocol = str(get_service_model(labels[0]).protocol)
    except Exception:  # noqa: BLE001 - botocore's loader raises its own error for unknown names
        protocol = ""
    if protocol in {"query", "ec2", "json", "rest-json", "rest-xml"}:
        return protocol  # type: ignore[return-value]
    if "X-Amz-Target" in request.headers:
        return "json"
    return "query" if "Action" in request.values else "rest-json"
