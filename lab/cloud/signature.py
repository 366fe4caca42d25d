"""AWS Signature Version 4, seen from the receiving side: what a request claims, and whether botocore's own signer,
given the secret, signs it just so.

Header and query (presigned) signatures. A streamed S3 body is covered by the signature of its first line only
(`STREAMING-…`): the signatures of its chunks are not checked.
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

ALGORITHM = "AWS4-HMAC-SHA256"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
TOLERANCE = timedelta(minutes=15)
MOST_EXPIRES = 604_800
"""Seconds; what AWS lets a presigned URL live at most."""

_HEADER = re.compile(rf"^{ALGORITHM}\s+(?P<fields>.+)$")
_HASH = re.compile(r"^[0-9a-f]{64}$")
_S3_SERVICES = frozenset({"s3", "s3-outposts", "s3express"})


class Failure(StrEnum):
    """What can be wrong with who a request says it is from."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    UNKNOWN_KEY = "unknown key"
    BAD_TOKEN = "bad token"  # noqa: S105 - a kind of failure
    EXPIRED_SESSION = "expired session"
    WRONG_SIGNATURE = "wrong signature"
    SKEWED = "skewed"
    WRONG_BODY = "wrong body"


class SignatureError(Exception):
    """The request cannot be taken for its sender's; `failure` says how, the message says it in AWS's words."""

    def __init__(self, failure: Failure, message: str = "") -> None:
        super().__init__(message or failure.value)
        self.failure = failure
        self.message = message


@dataclass(frozen=True)
class Signature:
    """What a request claims: whose key, for when and what, over which headers."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    session_token: str | None = None
    expires: int | None = None
    """Seconds, of a presigned URL; None for a signature in the header."""

    @property
    def presigned(self) -> bool:
        return self.expires is not None


def read(request: Request) -> Signature | None:
    """The signature that `request` carries, or None if it carries none.

    Raises:
        SignatureError: it carries something that is not a whole signature.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        found = _HEADER.match(header.strip())
        if found is None:
            raise SignatureError(Failure.INCOMPLETE, f"Unsupported authorization: {header.split(' ')[0]!r}")
        pairs = (field.strip().partition("=") for field in found["fields"].split(","))
        fields = {name: value for name, _, value in pairs}
        timestamp = request.headers.get("X-Amz-Date") or _from_http_date(request.headers.get("Date"))
        return _signature(fields, timestamp, request.headers.get("X-Amz-Security-Token"), expires=None)
    query = request.args
    if "X-Amz-Signature" not in query and "X-Amz-Credential" not in query:
        return None
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise SignatureError(Failure.INCOMPLETE, f"X-Amz-Algorithm must be {ALGORITHM}")
    expires = query.get("X-Amz-Expires", "")
    if not expires.isdigit() or not 0 < int(expires) <= MOST_EXPIRES:
        raise SignatureError(Failure.INCOMPLETE, f"X-Amz-Expires must be a number from 1 to {MOST_EXPIRES}")
    fields = {name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
    return _signature(fields, query.get("X-Amz-Date"), query.get("X-Amz-Security-Token"), expires=int(expires))


def check(request: Request, signature: Signature, secret: str, *, now: datetime | None = None) -> None:
    """Check that `signature` is the one that `secret` gives for `request`, for now, and for this body.

    Raises:
        SignatureError: it is not.
    """
    _check_time(signature, now or datetime.now(UTC))
    expected = _sign(request, signature, secret)
    if not hmac.compare_digest(expected, signature.value):
        raise SignatureError(
            Failure.WRONG_SIGNATURE,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )
    claimed = request.headers.get("X-Amz-Content-Sha256", "")
    if _HASH.match(claimed) and claimed != hashlib.sha256(request.get_data()).hexdigest():
        raise SignatureError(
            Failure.WRONG_BODY, "The provided 'x-amz-content-sha256' header does not match what was computed."
        )


class _Verifier(SigV4Auth):
    """botocore's signer over exactly the headers that the sender signed."""

    def headers_to_sign(self, request: AWSRequest) -> Any:
        headers = HTTPHeaders()
        for name in request.context["signed_headers"]:
            if name in request.headers:
                headers[name] = request.headers[name]
        return headers


class _S3Verifier(_Verifier, S3SigV4Auth):
    """The same by S3's rules: the path is signed as it is sent."""


def _sign(request: Request, signature: Signature, secret: str) -> str:
    signed = AWSRequest(
        method=request.method,
        url=f"https://{request.host}{request.raw_path}",
        data=request.get_data(),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    signed.params = _query(request)  # type: ignore[assignment] # the signer takes pairs, so that keys may repeat
    signed.context.update(timestamp=signature.timestamp, signed_headers=signature.signed_headers)
    is_s3 = signature.service in _S3_SERVICES
    if is_s3 and signature.presigned and "X-Amz-Content-Sha256" not in signed.headers:
        signed.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    credentials = BotocoreCredentials(signature.access_key_id, secret)
    verifier = (_S3Verifier if is_s3 else _Verifier)(credentials, signature.service, signature.region)
    text = verifier.string_to_sign(signed, verifier.canonical_request(signed))
    result: str = verifier.signature(text, signed)
    return result


def _query(request: Request) -> list[tuple[str, str]]:
    """The query before it was encoded, without the signature itself: encoders differ, the canonical form does not."""
    pairs = (part.partition("=") for part in request.query_string.decode("latin-1").split("&") if part)
    decoded = ((unquote(name.replace("+", "%20")), unquote(value.replace("+", "%20"))) for name, _, value in pairs)
    return [(name, value) for name, value in decoded if name != "X-Amz-Signature"]


def _signature(
    fields: dict[str, str], timestamp: str | None, session_token: str | None, *, expires: int | None
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
    if not timestamp.startswith(date):
        raise SignatureError(Failure.INCOMPLETE, "Date in Credential scope does not match the date of the request")
    signed_headers = tuple(fields["SignedHeaders"].lower().split(";"))
    if "host" not in signed_headers:
        raise SignatureError(Failure.INCOMPLETE, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return Signature(
        access_key_id, date, region, service, signed_headers, fields["Signature"], timestamp, session_token, expires
    )


def _check_time(signature: Signature, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(signature.timestamp, TIMESTAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureError(Failure.INCOMPLETE, f"Date must be in ISO-8601 basic format: {error}") from error
    lifetime = TOLERANCE if signature.expires is None else timedelta(seconds=signature.expires)
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
