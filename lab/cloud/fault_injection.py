"""Injects the faults of `lab.faults` into calls that clients send: each fault as AWS's clients see it.

Calls that the lab makes for a caller, such as those of a stack of CloudFormation, have no faults.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any

from lab.cloud.api_call import ApiCall
from lab.cloud.aws_errors import AwsErrorResponse
from lab.faults import Fault, FaultKind

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of 0: closing sends RST instead of FIN."""
_THROTTLING = {"query": ("Throttling", 400), "ec2": ("RequestLimitExceeded", 503), "s3": ("SlowDown", 503)}
_INTERNAL = {"query": ("ServiceFailure", 500), "ec2": ("InternalError", 500), "s3": ("InternalError", 500)}
"""Codes by protocol. Source: "Common errors" in the API references of IAM, EKS, EC2 and S3."""


def inject(
    fault: Fault, call: ApiCall, environ: dict[str, Any], perform: Callable[[], Iterable[bytes]]
) -> Iterable[bytes]:
    """Return the response of a call with this fault. `perform` does the call.

    Raises:
        AwsErrorResponse: the error of the fault.
        ConnectionResetError: the client's connection has been reset.
    """
    match fault.kind:
        case FaultKind.SLOW:
            time.sleep(fault.seconds)
            return perform()
        case FaultKind.RESET:
            reset_connection(environ)
        case FaultKind.LOST:
            b"".join(perform())
            reset_connection(environ)
        case FaultKind.THROTTLE:
            code, status = _THROTTLING.get(call.protocol, ("ThrottlingException", 429))
            raise AwsErrorResponse(call.protocol, code, "Rate exceeded", status=status)
        case FaultKind.EXPIRE:
            code = "ExpiredToken" if call.protocol in {"query", "s3"} else "ExpiredTokenException"
            message = "The security token included in the request is expired"
            raise AwsErrorResponse(call.protocol, code, message, status=403)
    code, status = _INTERNAL.get(call.protocol, ("ServerException", 500))
    raise AwsErrorResponse(call.protocol, code, "The request failed because of an internal error", status=status)


def reset_connection(environ: dict[str, Any]) -> None:
    """Reset the connection of a request. Raises `ConnectionResetError`."""
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    os.close(connection.detach())
    raise ConnectionResetError("a fault of the lab reset the connection")
