"""Error responses in AWS's form: code, status and body by the protocol of the service.

moto has only the errors of each service's model and sends all others with status 400. The errors of IAM authentication
and authorization are in no service's model. An `AwsErrorResponse` can be raised inside an operation, where moto's
`call_action` reads `code`, `description` and `get_headers()`, and outside of it, where Flask calls `get_response()`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from typing import Any, Literal

import xmltodict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

Protocol = Literal["query", "ec2", "json", "rest-json", "rest-xml", "s3"]

XML = "text/xml"
JSON = "application/x-amz-json-1.1"


class AwsErrorResponse(HTTPException):
    """An AWS error as an HTTP response."""

    def __init__(self, protocol: Protocol, code: str, message: str, *, status: int = 403, namespace: str = "") -> None:
        super().__init__()
        self.code = status
        self.error_code = code
        self.message = message
        self.request_id = str(uuid.uuid4())
        self.content_type = JSON if protocol in {"json", "rest-json"} else XML
        self.description = self._body(protocol, namespace)

    def _body(self, protocol: Protocol, namespace: str) -> str:
        error = {"Code": self.error_code, "Message": self.message}
        document: dict[str, Any]
        if protocol in {"json", "rest-json"}:
            return json.dumps({"__type": self.error_code, "message": self.message})
        if protocol == "ec2":
            document = {"Response": {"Errors": {"Error": error}, "RequestID": self.request_id}}
        elif protocol == "s3":
            document = {"Error": {**error, "RequestId": self.request_id}}
        else:
            attributes = {"@xmlns": namespace} if namespace else {}
            document = {
                "ErrorResponse": {**attributes, "Error": {"Type": "Sender", **error}, "RequestId": self.request_id}
            }
        return str(xmltodict.unparse(document))  # type: ignore[no-untyped-call]

    def get_headers(self, *_args: Any, **_kwargs: Any) -> list[tuple[str, str]]:
        return [
            ("Content-Type", self.content_type),
            ("x-amzn-ErrorType", self.error_code),
            ("x-amzn-RequestId", self.request_id),
        ]

    def get_body(self, *_args: Any, **_kwargs: Any) -> str:
        return self.description or ""

    def get_response(self, *_args: Any, **_kwargs: Any) -> Response:
        return Response(self.description, status=self.code, headers=self.get_headers())

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        return self.get_response()(environ, start_response)
