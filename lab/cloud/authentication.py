"""Who is calling: in front of all of moto, so that no request of any service gets by without a genuine signature.

moto itself would check signatures inside each service, the wrong way for every rest-json GET, and would take inactive
keys and expired sessions. Here one gate stands before its dispatcher. It leaves the caller in the WSGI environment and
tells moto the account by the header that moto has for that, which nobody outside can set.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from typing import Any

from moto.core.request import Request
from moto.core.utils import get_service_model

from lab.cloud import iam_lookup, root_user, signature
from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.request_identity import Caller, set_caller
from lab.cloud.sessions import sessions
from lab.cloud.signature import Failure, Signature, SignatureError

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"
SCOPE_KEY = "eks_lab.scope"
"""Where the gate leaves (service, region) of the credential scope, which routes presigned requests."""

UNSIGNED = {"AssumeRoleWithWebIdentity": ("sts", "us-east-1")}
"""Operations that prove themselves by what they carry, with the scope that they are routed by."""

_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - AWS's words
_EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105 - AWS's words
_REGION = re.compile(r"\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.")
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
}
"""What AWS answers, by failure and protocol family; an empty message is the failure's own."""


class AuthenticationGate:
    """WSGI: lets a request through to `application` only with a caller, or refuses it in its service's own words."""

    def __init__(self, application: WsgiApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop(ACCOUNT_HEADER, None)
        request = Request(environ)
        _keep_body(request)
        try:
            caller = self._admit(request)
        except SignatureError as error:
            return _refusal(request, error)(environ, start_response)
        set_caller(environ, caller)
        if caller is not None:
            environ[ACCOUNT_HEADER] = caller.account
        return self._application(environ, start_response)

    @staticmethod
    def _admit(request: Request) -> Caller | None:
        found = signature.read(request)
        if found is None:
            action = _unsigned_action(request)
            if action is None:
                raise SignatureError(Failure.MISSING)
            request.environ[SCOPE_KEY] = UNSIGNED[action]
            return None
        caller, secret = _credentials(found)
        _check_region(request, found)
        signature.check(request, found, secret)
        request.environ[SCOPE_KEY] = (found.service, found.region)
        return caller


def _credentials(found: Signature) -> tuple[Caller, str]:
    """The caller whose key signed, and the secret that must have signed."""
    session = sessions.get(found.access_key_id)
    if session is not None:
        if found.session_token != session.credentials.session_token:
            raise SignatureError(Failure.BAD_TOKEN)
        if session.expired:
            raise SignatureError(Failure.EXPIRED_SESSION)
        if not iam_lookup.still_exists(session.principal):
            raise SignatureError(Failure.UNKNOWN_KEY)
        return Caller.of_session(session), session.credentials.secret_access_key
    owned = root_user.caller_of_key(found.access_key_id) or _user_of_key(found.access_key_id)
    if found.session_token is not None:
        raise SignatureError(Failure.BAD_TOKEN)
    return owned


def _user_of_key(access_key_id: str) -> tuple[Caller, str]:
    owned = iam_lookup.user_of_key(access_key_id)
    if owned is None or owned[1].status != "Active":
        raise SignatureError(Failure.UNKNOWN_KEY)
    user, key = owned
    return iam_lookup.caller_of_user(user), key.secret_access_key


def _check_region(request: Request, found: Signature) -> None:
    named = _REGION.search(f".{request.host}")
    if named is not None and named["region"] != found.region:
        raise SignatureError(Failure.WRONG_SIGNATURE, "Credential should be scoped to a valid region.")


def _unsigned_action(request: Request) -> str | None:
    """The operation that needs no signature which `request` asks for, of the service that its host names."""
    action = request.values.get("Action")
    if action not in UNSIGNED:
        return None
    service, _ = UNSIGNED[action]
    return action if request.host.startswith(f"{service}.") else None


def _keep_body(request: Request) -> None:
    """Read the body once, whatever way it was sent, and leave it there for those behind."""
    body = request.get_data(cache=True)
    request.environ["wsgi.input"] = io.BytesIO(body)
    request.environ["CONTENT_LENGTH"] = str(len(body))
    request.environ.pop("HTTP_TRANSFER_ENCODING", None)
    request.environ.pop("wsgi.input_terminated", None)


def _refusal(request: Request, error: SignatureError) -> AwsErrorResponse:
    protocol = protocol_of(request)
    family = {"rest-json": "json", "rest-xml": "query"}.get(protocol, protocol)
    status, code, message = _ERRORS[error.failure][family]
    return AwsErrorResponse(protocol, code, message or error.message, status=400 if protocol == "json" else status)


def protocol_of(request: Request) -> Protocol:
    """The protocol of a request that may be for any service, by its host, and by its shape where that says nothing."""
    host = request.host.partition(":")[0]
    labels = host.split(".")
    if "s3" in labels or any(label.startswith("s3-") for label in labels):
        return "s3"
    try:
        protocol = str(get_service_model(labels[0]).protocol)
    except Exception:  # noqa: BLE001 - botocore's loader has its own error for names that it does not know
        protocol = ""
    if protocol in {"query", "ec2", "json", "rest-json", "rest-xml"}:
        return protocol  # type: ignore[return-value]
    if "X-Amz-Target" in request.headers:
        return "json"
    return "query" if "Action" in request.values else "rest-json"
