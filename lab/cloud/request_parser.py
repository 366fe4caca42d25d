"""Parsing of a request into an `ApiCall` by botocore's model of the service.

A request that could be read in two ways is rejected: a parameter of the query protocol that occurs twice, in the body,
in the query string or in both. Parameters outside the operation's input are dropped, as AWS ignores them.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from botocore.utils import parse_timestamp
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS, RestJSONParser
from moto.core.request import Request
from werkzeug.datastructures import Headers, MultiDict

from lab.cloud import s3_requests
from lab.cloud.api_call import ApiCall
from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.request_identity import Caller
from lab.cloud.request_routing import (
    RPC_PROTOCOLS,
    STRICT_SERVICES,
    UnreadableInputError,
    UnreadableRequestError,
    find_operation,
    find_service,
)
from lab.cloud.rest_json_requests import SerializationError, read_input

_SIGNATURE_PARAMETERS = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token")
)
_RESPONSE_HEADERS = ("Accept",)


class _RestJsonParser(RestJSONParser):
    """moto's parser, without members in the body that belong into the path, the query string or a header."""

    def _parse_payload(self, response: Any, shape: Any, member_shapes: Any, final_parsed: dict[str, Any]) -> None:
        located = dict(final_parsed)
        super()._parse_payload(response, shape, member_shapes, final_parsed)  # type: ignore[no-untyped-call]
        for name, member in member_shapes.items():
            if "location" in member.serialization:
                final_parsed.pop(name, None)
        final_parsed.update(located)


_PARSERS = {**PROTOCOL_PARSERS, "rest-json": _RestJsonParser}


def parse_call(request: Request, *, signing_name: str, region: str, caller: Caller | None) -> ApiCall:
    """Return the call in `request`. `signing_name` and `region` are those of the request's credential scope.

    Raises:
        AwsErrorResponse: the lab does not implement the service or the operation, or the request cannot be read.
    """
    request.get_data(cache=True)  # reading the form first would leave no body
    service, protocol = find_service(request, signing_name)
    error_protocol: Protocol = "s3" if service.name == "s3" else protocol
    try:
        if service.name == "s3":
            request = s3_requests.normalize(request)
        values = _query_values(request) if protocol in RPC_PROTOCOLS else request.args
        operation, url_params = find_operation(request, service, protocol, values)
        params = _parse_params(request, operation, protocol, values, url_params)
    except SerializationError as error:
        raise AwsErrorResponse(error_protocol, "SerializationException", str(error), status=400) from error
    except UnreadableRequestError as error:
        code = _malformed_code(error_protocol, is_input=isinstance(error, UnreadableInputError))
        raise AwsErrorResponse(error_protocol, code, str(error), status=400) from error
    call = ApiCall(
        operation=operation,
        params=params,
        region=region,
        caller=caller,
        protocol=error_protocol,
        source_ip=request.remote_addr or "127.0.0.1",
        user_agent=request.headers.get("User-Agent", ""),
        headers={name: request.headers[name] for name in _RESPONSE_HEADERS if name in request.headers},
    )
    return replace(call, protocol="json") if _wants_json(call) else call


def _query_values(request: Request) -> MultiDict[str, str]:
    """Return the parameters of the query protocol. Each occurs once, in the query string or in the body."""
    pairs = [pair for pair in _pairs(request.query_string) if pair[0] not in _SIGNATURE_PARAMETERS]
    if request.method == "POST":
        pairs += _pairs(request.get_data())
    values: MultiDict[str, str] = MultiDict()
    for name, value in pairs:
        if name in values:
            raise UnreadableRequestError(f"The parameter {name} occurs more than once in the request")
        values[name] = value
    return values


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise UnreadableRequestError(f"The request's parameters cannot be decoded: {error}") from error


def _parse_params(
    request: Request,
    operation: OperationModel,
    protocol: Protocol,
    values: MultiDict[str, str],
    url_params: Mapping[str, Any],
) -> dict[str, Any]:
    if operation.service_model.service_name in STRICT_SERVICES:
        return read_input(operation, url_params, request.args, request.get_data())
    headers = Headers(list(request.headers))
    body = request.get_data()
    if request.content_encoding == "gzip" and protocol != "rest-xml":
        body = _gunzip(body)
    headers.set("Content-Length", str(len(body)))
    parser = _PARSERS[protocol](operation, timestamp_parser=_parse_timestamp)
    try:
        params: dict[str, Any] = parser.parse(
            {
                "method": request.method,
                "values": values,
                "headers": headers,
                "body": body,
                "url_path": request.path,
                "url_params": dict(url_params),
            }
        )
    except AwsErrorResponse:
        raise
    except Exception as error:
        raise UnreadableInputError(f"The input of {operation.name} cannot be read: {error!r}") from error
    return {name: value for name, value in params.items() if value is not None}


def _gunzip(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableRequestError(f"The body is not gzip: {error}") from error


def _parse_timestamp(value: Any) -> datetime:
    timestamp: datetime = parse_timestamp(value)
    return timestamp


def _wants_json(call: ApiCall) -> bool:
    """Return whether an STS client accepts JSON, as aws-iam-authenticator does."""
    return call.service == "sts" and "application/json" in call.headers.get("Accept", "")


def _malformed_code(protocol: Protocol, *, is_input: bool) -> str:
    if protocol in RPC_PROTOCOLS:
        return "MalformedInput" if is_input else "MalformedQueryString"
    return "MalformedXML" if protocol in {"s3", "rest-xml"} else "SerializationException"
