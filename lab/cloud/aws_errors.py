"""Errors as AWS sends them: the code in the place, and with the status, that each service's protocol has for it.

moto knows only the errors of a service's model and sends those that it does not know with status 400. What IAM answers
in the name of every service is in no model. One `Refusal` reads right in each place where it can be raised: moto's
`call_action` takes `code`, `description` and `get_headers()`, Flask takes `get_response()`.
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
    """An error of AWS, ready to be sent."""

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
