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
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RestJSONParser
from moto.core.request import Request
from moto.core.routing import get_router_class
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import NotFound

from lab.cloud import s3_requests
from lab.cloud.api_call import ApiCall
from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.request_identity import Caller
from lab.cloud.rest_json_requests import SerializationError, match_operation, read_input
from lab.cloud.services import SERVICES, Service

_SIGNATURE_PARAMETERS = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token")
)
_RESPONSE_HEADERS = ("Accept",)
_REQUEST_ERRORS = ("InvalidRequestException", "ClientException")
_RPC_PROTOCOLS = frozenset({"query", "ec2"})


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


_STRICT_SERVICES = frozenset({"eks", "eks-auth"})
"""Services whose requests are read by `rest_json_requests`, which rejects every value of another type."""


class _UnreadableRequestError(Exception):
    """The request does not have the form of the service's protocol."""


class _UnreadableInputError(_UnreadableRequestError):
    """A value of the input does not have the type of its member."""


def parse_call(request: Request, *, signing_name: str, region: str, caller: Caller | None) -> ApiCall:
    """Return the call in `request`. `signing_name` and `region` are those of the request's credential scope.

    Raises:
        AwsErrorResponse: the lab does not implement the service or the operation, or the request cannot be read.
    """
    request.get_data(cache=True)  # reading the form first would leave no body
    service, protocol = _find_service(request, signing_name)
    model = get_service_model(service.name)
    error_protocol: Protocol = "s3" if service.name == "s3" else protocol
    try:
        if service.name == "s3":
            request = s3_requests.normalize(request)
        values = _query_values(request) if protocol in _RPC_PROTOCOLS else request.args
        operation, url_params = _find_operation(request, model, protocol, values)
        if operation.name not in service.operations:
            raise _not_enforced(error_protocol, service, operation)
        params = _parse_params(request, operation, protocol, values, url_params)
    except SerializationError as error:
        raise AwsErrorResponse(error_protocol, "SerializationException", str(error), status=400) from error
    except _UnreadableRequestError as error:
        code = _malformed_code(error_protocol, is_input=isinstance(error, _UnreadableInputError))
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


def _find_service(request: Request, signing_name: str) -> tuple[Service, Protocol]:
    """Return the service of a credential scope. Some services share a signing name and differ in their requests."""
    candidates = [service for service in SERVICES.values() if service.signing_name == signing_name]
    for service in candidates:
        model = get_service_model(service.name)
        protocol = _protocol(request, model)
        if protocol is not None and service.accepts(request):
            return service, protocol
    protocol = "query" if "Action" in request.values else "json" if "X-Amz-Target" in request.headers else "rest-json"
    named = "this request of " if candidates else ""
    message = f"The lab does not implement {named}{signing_name}: run `python -m lab services` for what it implements"
    raise AwsErrorResponse(protocol, "NotImplemented", message, status=501)


def _protocol(request: Request, model: ServiceModel) -> Protocol | None:
    """Return the protocol of the request, or None if the service does not have it."""
    own = str(model.protocol)
    if own in {"rest-json", "rest-xml", "query", "ec2"}:
        return own  # type: ignore[return-value]
    target = request.headers.get("X-Amz-Target", "")
    return "json" if target.partition(".")[0] == model.metadata.get("targetPrefix") else None


def _query_values(request: Request) -> MultiDict[str, str]:
    """Return the parameters of the query protocol. Each occurs once, in the query string or in the body."""
    pairs = [pair for pair in _pairs(request.query_string) if pair[0] not in _SIGNATURE_PARAMETERS]
    if request.method == "POST":
        pairs += _pairs(request.get_data())
    values: MultiDict[str, str] = MultiDict()
    for name, value in pairs:
        if name in values:
            raise _UnreadableRequestError(f"The parameter {name} occurs more than once in the request")
        values[name] = value
    return values


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise _UnreadableRequestError(f"The request's parameters cannot be decoded: {error}") from error


def _find_operation(
    request: Request, model: ServiceModel, protocol: Protocol, values: Mapping[str, str]
) -> tuple[OperationModel, dict[str, Any]]:
    if protocol in _RPC_PROTOCOLS:
        name = values.get("Action", "")
        if name not in model.operation_names:
            raise AwsErrorResponse(
                protocol, "InvalidAction", f"The action {name} is not valid for this web service.", status=400
            )
        return model.operation_model(name), {}
    if protocol == "json":
        name = request.headers["X-Amz-Target"].partition(".")[2]
        if name not in model.operation_names:
            message = f"{model.service_name} has no operation {name}"
            raise AwsErrorResponse(protocol, "UnknownOperationException", message, status=404)
        return model.operation_model(name), {}
    if model.service_name in _STRICT_SERVICES:
        match = match_operation(model, request.method, request.raw_path)
        if match is None:
            message = f"{model.service_name} has no operation with the method {request.method} and this path"
            raise AwsErrorResponse(protocol, "UnknownOperationException", message, status=404)
        return match.operation, dict(match.labels)
    router = _routers.get(model.service_name)
    if router is None:
        router_class = get_router_class(model.service_name, protocol)
        assert router_class is not None
        router = _routers[model.service_name] = router_class(model)
    try:
        operation, url_params = router.match(request)
    except NotFound:
        code, status = ("MethodNotAllowed", 405) if model.service_name == "s3" else ("UnknownOperationException", 404)
        message = f"{model.service_name} has no operation with the method {request.method} and this path"
        error_protocol: Protocol = "s3" if model.service_name == "s3" else protocol
        raise AwsErrorResponse(error_protocol, code, message, status=status) from None
    for name, value in url_params.items():
        if "/" in value and not value.startswith("arn:") and f"{{{name}+}}" not in operation.http["requestUri"]:
            raise _UnreadableInputError(f"{name} must not have a slash: {value}")
    return operation, url_params


_routers: dict[str, Any] = {}
"""Routers of the REST services, by service. Building one reads all operations of the service."""


def _parse_params(
    request: Request,
    operation: OperationModel,
    protocol: Protocol,
    values: MultiDict[str, str],
    url_params: Mapping[str, Any],
) -> dict[str, Any]:
    if operation.service_model.service_name in _STRICT_SERVICES:
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
        raise _UnreadableInputError(f"The input of {operation.name} cannot be read: {error!r}") from error
    return {name: value for name, value in params.items() if value is not None}


def _gunzip(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise _UnreadableRequestError(f"The body is not gzip: {error}") from error


def _parse_timestamp(value: Any) -> datetime:
    timestamp: datetime = parse_timestamp(value)
    return timestamp


def _wants_json(call: ApiCall) -> bool:
    """Return whether an STS client accepts JSON, as aws-iam-authenticator does."""
    return call.service == "sts" and "application/json" in call.headers.get("Accept", "")


def _malformed_code(protocol: Protocol, *, is_input: bool) -> str:
    if protocol in _RPC_PROTOCOLS:
        return "MalformedInput" if is_input else "MalformedQueryString"
    return "MalformedXML" if protocol in {"s3", "rest-xml"} else "SerializationException"


def _not_enforced(protocol: Protocol, service: Service, operation: OperationModel) -> AwsErrorResponse:
    """Return the error of an operation outside the table: InvalidRequestException if the operation declares it."""
    message = (
        f"The lab does not implement {service.prefix}:{operation.name}: it is not among the enforced operations, "
        "which `python -m lab services` lists"
    )
    declared = {shape.name for shape in operation.error_shapes}
    code, status = next(((name, 400) for name in _REQUEST_ERRORS if name in declared), ("NotImplemented", 501))
    return AwsErrorResponse(protocol, code, message, status=status)
