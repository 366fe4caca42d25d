"""Writing of the request that moto executes: an `ApiCall`, serialized by botocore's model.

moto reads each parameter from several places of a request. The written request has each of them in one place only, and
nothing of the client's request but the call.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from botocore.awsrequest import prepare_request_dict
from botocore.serialize import create_serializer
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, environ_key_for_header

from lab.cloud.api_call import ApiCall
from lab.cloud.request_identity import set_caller

ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"
BACKEND_KEY = "eks_lab.backend"
CALL_KEY = "eks_lab.call"
_CONTENT_TYPES = {
    "query": "application/x-www-form-urlencoded; charset=utf-8",
    "ec2": "application/x-www-form-urlencoded; charset=utf-8",
    "rest-json": "application/json",
}


def write_environ(call: ApiCall, *, backend: str, account: str) -> dict[str, Any]:
    """Return the WSGI environment of `call` for the moto service `backend`, which executes it in `account`.

    Raises:
        AwsErrorResponse: a value of the input does not have the type of its member.
    """
    protocol = wire_protocol(call)
    serializer = create_serializer(protocol, include_validation=False)
    try:
        request: dict[str, Any] = serializer.serialize_to_request(dict(call.params), call.operation)
        host = _host(call)
        prepare_request_dict(request, endpoint_url=f"https://{host}", user_agent=call.user_agent)
        body = _body_bytes(request["body"])
    except Exception as error:
        message = f"The input of {call.name} has a value of a wrong type: {error!r}"
        raise call.error("SerializationException", message) from error
    raw_uri = request["url"].removeprefix(f"https://{host}")
    path, _, query = raw_uri.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "RAW_URI": raw_uri,
        "REQUEST_URI": raw_uri,
        "QUERY_STRING": query,
        "SERVER_NAME": host,
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": call.source_ip,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **_header_variables(call, request["headers"], protocol),
        "HTTP_HOST": host,
        "CONTENT_LENGTH": str(len(body)),
        ACCOUNT_HEADER: account,
        BACKEND_KEY: backend,
        CALL_KEY: call,
    }
    set_caller(environ, call.caller)
    return environ


def wire_protocol(call: ApiCall) -> str:
    """Return the protocol of the written request, which is that of the client's request."""
    protocol = str(call.operation.service_model.protocol)
    return "json" if protocol == "smithy-rpc-v2-cbor" else protocol


def _header_variables(call: ApiCall, headers: Mapping[str, Any], protocol: str) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    names: dict[str, str] = {}
    all_headers = {"User-Agent": call.user_agent, **call.headers, **headers, "Authorization": _authorization(call)}
    for name, value in all_headers.items():
        key = environ_key_for_header(name)
        variables[key] = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if "_" in name:
            names[key] = name
    if protocol in _CONTENT_TYPES:
        variables.setdefault("CONTENT_TYPE", _CONTENT_TYPES[protocol])
    return {**variables, PRESERVED_HEADER_NAMES_ENVIRON_KEY: names}


def _authorization(call: ApiCall) -> str:
    """Return a header by which moto takes the request for a signed one. Authentication has verified the signature."""
    scope = f"AKIAAAAAAAAAAAAAAAAA/20260101/{call.region}/{call.operation.service_model.signing_name}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=verified"


def _host(call: ApiCall) -> str:
    suffix = ".cn" if call.region.startswith("cn-") else ""
    return f"{call.operation.service_model.endpoint_prefix}.{call.region}.amazonaws.com{suffix}"


def _body_bytes(body: Any) -> bytes:
    if isinstance(body, Mapping):
        return urlencode(body, doseq=True).encode()
    return body.encode() if isinstance(body, str) else bytes(body)
