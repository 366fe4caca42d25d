"""Routing of a request to a service and an operation by botocore's models. Others than the enforced are rejected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.model import OperationModel, ServiceModel
from moto.core.request import Request
from moto.core.routing import get_router_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.rest_json_requests import match_operation
from lab.cloud.services import SERVICES, Service

RPC_PROTOCOLS = frozenset({"query", "ec2"})
_REQUEST_ERRORS = ("InvalidRequestException", "ClientException")
STRICT_SERVICES = frozenset({"eks", "eks-auth"})
"""Services whose requests are read by `rest_json_requests`, which rejects every value of another type."""


class UnreadableRequestError(Exception):
    """The request does not have the form of the service's protocol."""


class UnreadableInputError(UnreadableRequestError):
    """A value of the input does not have the type of its member."""


def find_service(request: Request, signing_name: str) -> tuple[Service, Protocol]:
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
    raise AwsErrorResponse(protocol, "NotImplemented", message, status=400)


def _protocol(request: Request, model: ServiceModel) -> Protocol | None:
    """Return the protocol of the request, or None if the service does not have it."""
    own = str(model.protocol)
    if own in {"rest-json", "rest-xml", "query", "ec2"}:
        return own  # type: ignore[return-value]
    target = request.headers.get("X-Amz-Target", "")
    return "json" if target.partition(".")[0] == model.metadata.get("targetPrefix") else None


def find_operation(
    request: Request, service: Service, protocol: Protocol, values: Mapping[str, str]
) -> tuple[OperationModel, dict[str, Any]]:
    """Return the operation of the request, and the labels in its path.

    Raises:
        AwsErrorResponse: the service has no such operation, or the lab does not enforce it.
        UnreadableInputError: a label has a slash.
    """
    operation, labels = _match_operation(request, get_service_model(service.name), protocol, values)
    if operation.name not in service.operations:
        raise _not_enforced("s3" if service.name == "s3" else protocol, service, operation)
    return operation, labels


def _match_operation(
    request: Request, model: ServiceModel, protocol: Protocol, values: Mapping[str, str]
) -> tuple[OperationModel, dict[str, Any]]:
    if protocol in RPC_PROTOCOLS:
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
    return _find_rest_operation(request, model, protocol)


def _find_rest_operation(
    request: Request, model: ServiceModel, protocol: Protocol
) -> tuple[OperationModel, dict[str, Any]]:
    message = f"{model.service_name} has no operation with the method {request.method} and this path"
    if model.service_name in STRICT_SERVICES:
        match = match_operation(model, request.method, request.raw_path)
        if match is None:
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
        error_protocol: Protocol = "s3" if model.service_name == "s3" else protocol
        raise AwsErrorResponse(error_protocol, code, message, status=status) from None
    for name, value in url_params.items():
        if "/" in value and not value.startswith("arn:") and f"{{{name}+}}" not in operation.http["requestUri"]:
            raise UnreadableInputError(f"{name} must not have a slash: {value}")
    return operation, url_params


_routers: dict[str, Any] = {}
"""Routers of the REST services, by service. Building one reads all operations of the service."""


def _not_enforced(protocol: Protocol, service: Service, operation: OperationModel) -> AwsErrorResponse:
    """Return the error of an operation outside the table: InvalidRequestException if the operation declares it."""
    message = (
        f"The lab does not implement {service.prefix}:{operation.name}: it is not among the enforced operations, "
        "which `python -m lab services` lists"
    )
    declared = {shape.name for shape in operation.error_shapes}
    code = next((name for name in _REQUEST_ERRORS if name in declared), "NotImplemented")
    return AwsErrorResponse(protocol, code, message, status=400)
