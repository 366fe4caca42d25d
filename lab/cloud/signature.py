"""Verification of AWS Signature Version 4: reads a request's signature and compares it with botocore's own signer.

Header signatures and query signatures (presigned URLs) are supported. Of a streamed S3 body (`STREAMING-…`) only the
seed signature is verified, not the signatures of its chunks.

| rule                                                                       | failure             |
|----------------------------------------------------------------------------|---------------------|
| the credential scope has the service and the region of the host            | WRONG_SCOPE         |
| `host` and all `x-amz-*` headers are signed; S3's body hash can be unsigned | UNSIGNED_HEADER     |
| the signature is at most 15 minutes old, or as old as a URL's lifetime;     | SKEWED              |
| STS ignores the lifetime of URLs                                            |                     |
| the body has the hash of `x-amz-content-sha256`; only S3 takes other values | WRONG_BODY          |

Source: IAM user guide, "Create a signed AWS API request"; S3 API reference, "Authenticating Requests"; of STS,
https://github.com/aws/aws-sdk-go/issues/2167.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials as BotocoreCredentials
from moto.core.request import Request

from lab.cloud.hosts import AwsHost

ALGORITHM = "AWS4-HMAC-SHA256"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
TOLERANCE = timedelta(minutes=15)
MAX_EXPIRES = 604_800
"""Seconds. The maximum lifetime of a presigned URL."""

_HEADER = re.compile(rf"^{ALGORITHM}\s+(?P<fields>.+)$")
_HASH = re.compile(r"[0-9a-f]{64}")
_BODY_HASH = "x-amz-content-sha256"
_UNHASHED_BODY = re.compile(r"UNSIGNED-PAYLOAD|STREAMING-[A-Z0-9-]+")
"""Values of `x-amz-content-sha256` with which S3 accepts a body without its hash."""
_STS = "sts"
_S3_SERVICES = frozenset({"s3", "s3-outposts", "s3express"})


class Failure(StrEnum):
    """The reasons for which authentication of a request fails."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    UNKNOWN_KEY = "unknown key"
    BAD_TOKEN = "bad token"  # noqa: S105 - a kind of failure
    EXPIRED_SESSION = "expired session"
    WRONG_SIGNATURE = "wrong signature"
    SKEWED = "skewed"
    WRONG_BODY = "wrong body"
    WRONG_SCOPE = "wrong scope"
    UNSIGNED_HEADER = "unsigned header"


class SignatureError(Exception):
    """The request cannot be authenticated. `failure` is the reason; `message` is AWS's message."""

    def __init__(self, failure: Failure, message: str = "") -> None:
        super().__init__(message or failure.value)
        self.failure = failure
        self.message = message


@dataclass(frozen=True)
class Signature:
    """The signature of a request: access key id, credential scope, time and signed headers."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    session_token: str | None = None
    expires: int | None = None
    """Lifetime of a presigned URL in seconds, or None for a signature in the header."""

    @property
    def is_presigned(self) -> bool:
        return self.expires is not None

    @property
    def is_s3(self) -> bool:
        return self.service in _S3_SERVICES


def read(request: Request) -> Signature | None:
    """Return the signature of `request`, or None if the request has none.

    Raises:
        SignatureError: the signature is incomplete.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        if "X-Amz-Signature" in request.args:
            raise SignatureError(Failure.INCOMPLETE, "Only one auth mechanism allowed")
        match = _HEADER.match(header.strip())
        if match is None:
            raise SignatureError(Failure.INCOMPLETE, f"Unsupported authorization: {header.split(' ')[0]!r}")
        pairs = (field.strip().partition("=") for field in match["fields"].split(","))
        fields = {name: value for name, _, value in pairs}
        timestamp = request.headers.get("X-Amz-Date") or _from_http_date(request.headers.get("Date"))
        return _signature(fields, timestamp, request.headers.get("X-Amz-Security-Token"), expires=None)
    query = request.args
    if "X-Amz-Signature" not in query and "X-Amz-Credential" not in query:
        return None
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise SignatureError(Failure.INCOMPLETE, f"X-Amz-Algorithm must be {ALGORITHM}")
    fields = {name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
    expires = query.get("X-Amz-Expires", "")
    return _signature(fields, query.get("X-Amz-Date"), query.get("X-Amz-Security-Token"), expires=expires)


def check_scope(host: AwsHost, signature: Signature) -> None:
    """Verify that the credential scope of `signature` has the service and region of `host`.

    Raises:
        SignatureError: it has others.
    """
    is_s3 = host.service == "s3"
    if signature.service not in host.signing_names:
        expected = min(host.signing_names)
        raise SignatureError(
            Failure.WRONG_SCOPE,
            f'The authorization header is malformed; incorrect service "{signature.service}". This endpoint belongs to '
            f'"{expected}".'
            if is_s3
            else f"Credential should be scoped to correct service: '{expected}'.",
        )
    region = host.signing_region
    if region is not None and signature.region != region:
        raise SignatureError(
            Failure.WRONG_SCOPE,
            f"The authorization header is malformed; the region '{signature.region}' is wrong; expecting '{region}'"
            if is_s3
            else "Credential should be scoped to a valid region.",
        )


def check(request: Request, signature: Signature, secret: str, *, now: datetime | None = None) -> None:
    """Verify that `secret` signs `request` with `signature`, that it is valid now, and that the body is unchanged.

    Raises:
        SignatureError: the verification failed.
    """
    _check_time(signature, now or datetime.now(UTC))
    _check_signed_headers(request, signature)
    expected = _sign(request, signature, secret)
    if not hmac.compare_digest(expected, signature.value):
        raise SignatureError(
            Failure.WRONG_SIGNATURE,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )
    _check_body(request, signature)


def _check_signed_headers(request: Request, signature: Signature) -> None:
    names = {name.lower() for name in request.headers.keys()}  # noqa: SIM118 - iteration yields pairs
    unsigned = sorted(
        name for name in names - set(signature.signed_headers) - {_BODY_HASH} if name.startswith("x-amz-")
    )
    if unsigned:
        message = (
            "There were headers present in the request which were not signed"
            if signature.is_s3
            else f"'{unsigned[0]}' must be a 'SignedHeader' in the AWS Authorization."
        )
        raise SignatureError(Failure.UNSIGNED_HEADER, message)


def _check_body(request: Request, signature: Signature) -> None:
    body_hash = request.headers.get(_BODY_HASH)
    if body_hash is None or (signature.is_s3 and _UNHASHED_BODY.fullmatch(body_hash)):
        return
    if not _HASH.fullmatch(body_hash) or body_hash != hashlib.sha256(request.get_data()).hexdigest():
        raise SignatureError(
            Failure.WRONG_BODY, "The provided 'x-amz-content-sha256' header does not match what was computed."
        )


class _Verifier(SigV4Auth):
    """botocore's signer, restricted to the headers that the client signed."""

    def headers_to_sign(self, request: AWSRequest) -> Any:
        headers = HTTPHeaders()
        for name in request.context["signed_headers"]:
            if name in request.headers:
                headers[name] = request.headers[name]
        return headers


class _S3Verifier(_Verifier, S3SigV4Auth):
    """The signer with S3's rules: the path is signed as it is sent."""


def _sign(request: Request, signature: Signature, secret: str) -> str:
    aws_request = AWSRequest(
        method=request.method,
        url=f"https://{request.host}{request.raw_path}",
        data=request.get_data(),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    aws_request.params = _decode_query(request)  # type: ignore[assignment] # the signer accepts pairs: keys may repeat
    aws_request.context.update(timestamp=signature.timestamp, signed_headers=signature.signed_headers)
    if signature.is_s3 and signature.is_presigned and "X-Amz-Content-Sha256" not in aws_request.headers:
        aws_request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    credentials = BotocoreCredentials(signature.access_key_id, secret)
    verifier = (_S3Verifier if signature.is_s3 else _Verifier)(credentials, signature.service, signature.region)
    string_to_sign = verifier.string_to_sign(aws_request, verifier.canonical_request(aws_request))
    result: str = verifier.signature(string_to_sign, aws_request)
    return result


def _decode_query(request: Request) -> list[tuple[str, str]]:
    """Return the decoded query without the signature. Clients encode differently; the canonical form is the same."""
    pairs = (part.partition("=") for part in request.query_string.decode("latin-1").split("&") if part)
    decoded = ((unquote(name.replace("+", "%20")), unquote(value.replace("+", "%20"))) for name, _, value in pairs)
    return [(name, value) for name, value in decoded if name != "X-Amz-Signature"]


def _signature(
    fields: dict[str, str], timestamp: str | None, session_token: str | None, *, expires: str | None
) -> Signature:
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not fields.get(name)]
    if missing or not timestamp:
        names = [*missing, *([] if timestamp else ["X-Amz-Date"])]
        raise SignatureError(Failure.INCOMPLETE, f"Authorization requires {', '.join(names)}")
    credential = fields["Credential"].split("/")
    if len(credential) != 5 or credential[4] != "aws4_request":
        raise SignatureError(
            Failure.INCOMPLETE, "Credential must have exactly 5 slash-delimited elements, the last aws4_request"
        )
    access_key_id, date, region, service, _ = credential
    if date != timestamp[:8]:
        raise SignatureError(Failure.INCOMPLETE, "Date in Credential scope does not match the date of the request")
    signed_headers = tuple(fields["SignedHeaders"].lower().split(";"))
    if "host" not in signed_headers:
        raise SignatureError(Failure.INCOMPLETE, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    lifetime = None if expires is None else _lifetime(expires, service)
    return Signature(
        access_key_id, date, region, service, signed_headers, fields["Signature"], timestamp, session_token, lifetime
    )


def _lifetime(expires: str, service: str) -> int:
    """Return the seconds in `X-Amz-Expires`. For STS they can be 0, as in the tokens of aws-iam-authenticator."""
    minimum = 0 if service == _STS else 1
    if not (expires.isascii() and expires.isdigit()) or not minimum <= int(expires) <= MAX_EXPIRES:
        raise SignatureError(Failure.INCOMPLETE, f"X-Amz-Expires must be a number from {minimum} to {MAX_EXPIRES}")
    return int(expires)


def _check_time(signature: Signature, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(signature.timestamp, TIMESTAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureError(Failure.INCOMPLETE, f"Date must be in ISO-8601 basic format: {error}") from error
    is_limited = signature.expires is not None and signature.service != _STS
    lifetime = timedelta(seconds=signature.expires or 0) if is_limited else TOLERANCE
    if signed_at + lifetime < now:
        limit = f"{now - lifetime:{TIMESTAMP}} ({now:{TIMESTAMP}} - {int(lifetime.total_seconds() // 60)} min.)"
        raise SignatureError(Failure.SKEWED, f"Signature expired: {signature.timestamp} is now earlier than {limit}")
    if signed_at - TOLERANCE > now:
        limit = f"{now + TOLERANCE:{TIMESTAMP}} ({now:{TIMESTAMP}} + 15 min.)"
        raise SignatureError(
            Failure.SKEWED, f"Signature not yet current: {signature.timestamp} is still later than {limit}"
        )


def _from_http_date(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return f"{datetime.strptime(text, '%a, %d %b %Y %H:%M:%S %Z').replace(tzinfo=UTC):{TIMESTAMP}}"
    except ValueError:
        return None
