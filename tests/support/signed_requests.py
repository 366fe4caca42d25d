"""Signed HTTP requests with any method, path and body, for input that AWS's clients cannot send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from lab.interfaces import CloudAccess


@dataclass(frozen=True)
class HttpResponse:
    status: int
    code: str
    message: str
    body: bytes


class SignedHttp:
    """Sends requests to one service through the lab's proxy, signed with an access key."""

    def __init__(self, access: CloudAccess, keys: Mapping[str, str], *, region: str, service: str = "eks") -> None:
        self._session = URLLib3Session(verify=access.ca_file, proxies={"https": access.proxy_url})
        credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
        self._signer = SigV4Auth(credentials, service, region)
        self._url = f"https://{service}.{region}.amazonaws.com"

    def send(self, method: str, path: str, body: Any = b"", *, content_type: str = "application/json") -> HttpResponse:
        """Send a request. `path` is sent as it is, with its query. A body that is not bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = AWSRequest(method, self._url + path, headers={"Content-Type": content_type}, data=data)
        self._signer.add_auth(request)
        response = self._session.send(request.prepare())
        code = response.headers.get("x-amzn-ErrorType", "").partition(":")[0]
        return HttpResponse(response.status_code, code, _message(response.content), response.content)


def _message(body: bytes) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    return str(document.get("message", "")) if isinstance(document, dict) else ""
