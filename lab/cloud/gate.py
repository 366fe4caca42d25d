"""The gate between authentication and moto: it parses a request, authorizes the call, and executes it as parsed.

Code of the lab that acts on behalf of a caller, such as a stack of CloudFormation, calls `perform`: its calls are
authorized and executed in the same way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import botocore.parsers
from botocore.model import StructureShape
from moto.core.request import Request
from moto.core.utils import get_service_model

from lab.cloud import delete_objects
from lab.cloud.api_call import ApiCall
from lab.cloud.authorization import authorize_call
from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.fault_injection import inject
from lab.cloud.request_identity import Caller, read_optional_caller
from lab.cloud.request_parser import parse_call
from lab.cloud.request_writer import write_environ
from lab.cloud.services import SERVICES
from lab.faults import FaultSwitch

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_GATE_KEY = "eks_lab.gate"
_NO_OUTPUT = StructureShape("NoOutput", {"type": "structure", "members": {}})

SCOPE_KEY = "eks_lab.scope"
"""WSGI key under which authentication stores (signing name, region) of the request's credential scope."""


class CallError(Exception):
    """An AWS operation that `perform` called failed, or was denied. `status` is its HTTP status."""

    def __init__(self, code: str, message: str, *, service: str, status: int) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.service = service
        self.status = status


class AuthorizationGate:
    """WSGI middleware that passes authorized calls to moto (`application`), and answers others with an AWS error."""

    def __init__(self, application: WsgiApplication, faults: FaultSwitch) -> None:
        self._application = application
        self._one_at_a_time = threading.Lock()
        self._faults = faults

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        signing_name, region = environ[SCOPE_KEY]
        caller = read_optional_caller(environ)
        try:
            call = parse_call(Request(environ), signing_name=signing_name, region=region, caller=caller)
            is_session = caller is not None and caller.session is not None
            fault = self._faults.next_fault(f"{call.service}:{call.name}", is_session=is_session)
            if fault is not None:
                return inject(fault, call, environ, lambda: self._execute(call, start_response))
            return self._execute(call, start_response)
        except AwsErrorResponse as error:
            return error(environ, start_response)

    def perform(
        self,
        caller: Caller,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        *,
        region: str,
        via: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Call an operation of a service (botocore's names) as `caller`, and return its output.

        Args:
            caller: The caller whose policies must allow the call.
            service: Name of the service in botocore.
            operation: Name of the operation.
            params: The operation's input.
            region: Region of the call.
            via: The AWS services that make the call for the caller, such as `cloudformation.amazonaws.com`.

        Raises:
            CallError: the lab does not enforce the operation, the caller is not authorized, or the operation failed.
        """
        model = get_service_model(service)
        if service not in SERVICES or operation not in SERVICES[service].operations:
            message = f"The lab does not implement {service}:{operation}"
            raise CallError("NotImplemented", message, service=service, status=501)
        protocol: Protocol = "s3" if service == "s3" else str(model.protocol)  # type: ignore[assignment]
        call = ApiCall(model.operation_model(operation), params, region, caller, protocol, via=via)
        answer: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
            answer.update(status=int(status.split(maxsplit=1)[0]), headers=dict(headers))

        try:
            body = b"".join(self._execute(call, start_response))
        except AwsErrorResponse as error:
            status = error.get_response().status_code
            raise CallError(error.error_code, error.message, service=service, status=status) from error
        parser = botocore.parsers.create_parser(str(model.protocol))
        response = {"status_code": answer["status"], "headers": answer["headers"], "body": body, "context": {}}
        output: dict[str, Any] = parser.parse(response, call.operation.output_shape or _NO_OUTPUT)
        if answer["status"] >= 300:
            error_output = output.get("Error", {})
            code, message = str(error_output.get("Code", "")), str(error_output.get("Message", ""))
            raise CallError(code, message, service=service, status=answer["status"])
        output.pop("ResponseMetadata", None)
        return output

    def _execute(self, call: ApiCall, start_response: Any) -> Iterable[bytes]:
        service = SERVICES[call.service]
        call = replace(call, params=service.complete(call)) if call.caller is not None else call
        if call.name == "DeleteObjects":
            return delete_objects.execute(call, self._application, start_response)
        account = authorize_call(call)
        environ = write_environ(call, backend=service.backend, account=account)
        environ[_GATE_KEY] = self
        with self._one_at_a_time if call.name in service.one_at_a_time else nullcontext():
            return self._application(environ, start_response)


def read_gate(environ: Mapping[str, Any]) -> AuthorizationGate:
    """Return the gate of an operation that runs, with which it can call other operations as its caller."""
    gate: AuthorizationGate = environ[_GATE_KEY]
    return gate
