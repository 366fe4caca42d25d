"""A call of an AWS operation, as the lab judges and executes it.

`request_parser` reads it from an HTTP request, `authorization` judges it, and `request_writer` writes the request that
moto executes. Nothing reads the client's request again, so the lab executes what it judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jmespath  # type: ignore[import-untyped]
from moto.core.model import OperationModel

from lab.cloud.aws_errors import AwsErrorResponse, Protocol
from lab.cloud.request_identity import Caller


@dataclass(frozen=True)
class ApiCall:
    """An operation with its input, as botocore's model defines both, and its caller.

    `caller` is None for an operation without a signature. `via` has the AWS services that make the call on behalf of
    the caller, such as `cloudformation.amazonaws.com`.
    """

    operation: OperationModel
    params: Mapping[str, Any]
    region: str
    caller: Caller | None
    protocol: Protocol
    source_ip: str = "127.0.0.1"
    user_agent: str = ""
    via: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers outside the operation's input that the response depends on: `Accept`."""

    @property
    def service(self) -> str:
        """The service's name in botocore, such as `elbv2`."""
        return str(self.operation.service_model.service_name)

    @property
    def name(self) -> str:
        return str(self.operation.name)

    @property
    def partition(self) -> str:
        assert self.caller is not None
        return self.caller.partition

    @property
    def account(self) -> str:
        assert self.caller is not None
        return self.caller.account

    def find(self, expression: str) -> Any:
        """Return the value of a JMESPath expression over the input, or None."""
        return _compile(expression).search(self.params)

    def find_all(self, expression: str) -> Iterator[str]:
        """Yield all non-empty values of a JMESPath expression over the input, as text."""
        value = self.find(expression)
        for item in value if isinstance(value, list) else [value]:
            if item not in (None, ""):
                yield str(item)

    def error(self, code: str, message: str, *, status: int = 400) -> AwsErrorResponse:
        """Return an error in the form of the call's service."""
        namespace = str(self.operation.service_model.metadata.get("xmlNamespace", ""))
        return AwsErrorResponse(self.protocol, code, message, status=status, namespace=namespace)

    def denial(self, message: str) -> AwsErrorResponse:
        """Return the access-denied error of the call's service."""
        if self.protocol == "ec2":
            text = f"You are not authorized to perform this operation. {message}"
            return self.error("UnauthorizedOperation", text, status=403)
        if self.protocol in {"json", "rest-json"}:
            return self.error("AccessDeniedException", message, status=400 if self.protocol == "json" else 403)
        code = "AuthorizationError" if self.service == "sns" else "AccessDenied"
        return self.error(code, message, status=403)


@cache
def _compile(expression: str) -> Any:
    return jmespath.compile(expression)
