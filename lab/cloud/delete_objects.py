"""S3's DeleteObjects: each object is authorized by itself, and the response lists the denied ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

from lab.cloud.api_call import ApiCall
from lab.cloud.authorization import denial_message, evaluate_requirement, find_owner
from lab.cloud.request_writer import write_environ
from lab.cloud.services.s3 import bucket_arn, deleted_objects

_EMPTY_RESULT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>'
)
_END = re.compile(rb"(?:/>|</DeleteResult>)\s*$")


def execute(call: ApiCall, application: Callable[..., Iterable[bytes]], start_response: Any) -> Iterable[bytes]:
    """Delete the objects that the caller may delete, and return S3's response with an error for each other object."""
    assert call.caller is not None
    allowed, errors = [], []
    for entry, requirement in deleted_objects(call):
        result = evaluate_requirement(call, requirement)
        if result.allowed:
            allowed.append(entry)
        else:
            message = denial_message(call.caller, requirement.action, requirement.resource, result)
            errors.append(_error(str(entry.get("Key")), entry.get("VersionId"), message))
    if not allowed and errors:
        body = _with_errors(_EMPTY_RESULT.encode(), errors)
        start_response("200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]
    deletion = {**call.params["Delete"], "Objects": allowed}
    reduced = replace(call, params={**call.params, "Delete": deletion})
    owner = find_owner("s3:DeleteObject", bucket_arn(call)) or call.caller.account
    environ = write_environ(reduced, backend="s3", account=owner)
    if not errors:
        return application(environ, start_response)
    answer: list[Any] = []
    body = b"".join(application(environ, lambda status, headers, _error=None: answer.extend((status, headers))))
    status, headers = answer
    if str(status).startswith("200"):
        body = _with_errors(body, errors)
    remaining = [header for header in headers if header[0].lower() != "content-length"]
    start_response(status, [*remaining, ("Content-Length", str(len(body)))])
    return [body]


def _error(key: str, version: Any, message: str) -> str:
    version_element = f"<VersionId>{escape(str(version))}</VersionId>" if version else ""
    return (
        f"<Error><Key>{escape(key)}</Key>{version_element}<Code>AccessDenied</Code>"
        f"<Message>{escape(message)}</Message></Error>"
    )


def _with_errors(body: bytes, errors: list[str]) -> bytes:
    """Return the XML result with `errors` before its end."""
    end = _END.search(body)
    assert end is not None
    opened = body[: end.start()] + (b">" if end[0].startswith(b"/>") else b"")
    return opened + "".join(errors).encode() + b"</DeleteResult>"
