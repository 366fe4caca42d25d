"""The node's HTTPS endpoint, which the API server calls for `kubectl logs`.

Clients need a certificate of the cluster's client authority, and RBAC must allow them `nodes/proxy` on this node. The
kubelet has the same rule with webhook authorization.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lightkube.core.async_client import AsyncClient
from lightkube.models.authorization_v1 import ResourceAttributes, SubjectAccessReviewSpec
from lightkube.resources.authorization_v1 import SubjectAccessReview
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from lab.pki import CertificateFiles

from .container_runner import LogNotAvailableError
from .logs import LogOptions
from .pod_manager import PodManager


def create_tls_context(serving: CertificateFiles, client_ca: Path) -> ssl.SSLContext:
    """Return a server context that requires a client certificate of `client_ca`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.load_cert_chain(serving.certificate, serving.key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class KubeletApi:
    """The kubelet API of one node."""

    def __init__(self, client: AsyncClient, node_name: str, pods: PodManager) -> None:
        self._client = client
        self._node_name = node_name
        self._pods = pods
        self._authorized_callers: set[tuple[str, tuple[str, ...]]] = set()

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/healthz", self._require_authorization(self._healthz)),
                Route("/containerLogs/{namespace}/{pod}/{container}", self._require_authorization(self._logs)),
                Route("/{path:path}", self._require_authorization(self._unsupported), methods=["GET", "POST"]),
            ]
        )

    def _require_authorization(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def authorized_handler(request: Request) -> Response:
            user, groups = certificate_subject(request.state.peer or {})
            if not await self._is_authorized(user, groups):
                return PlainTextResponse(f"Forbidden (user={user}, verb=get, resource=nodes, subresource=proxy)\n", 403)
            return await handler(request)

        return authorized_handler

    async def _is_authorized(self, user: str, groups: tuple[str, ...]) -> bool:
        if (user, groups) in self._authorized_callers:
            return True
        attributes = ResourceAttributes(
            verb="get", version="v1", resource="nodes", subresource="proxy", name=self._node_name
        )
        review = SubjectAccessReview(
            spec=SubjectAccessReviewSpec(user=user, groups=list(groups), resourceAttributes=attributes)
        )
        response = await self._client.create(review)
        if response.status is None or not response.status.allowed:
            return False
        self._authorized_callers.add((user, groups))
        return True

    async def _healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok")

    async def _unsupported(self, request: Request) -> Response:
        operation = request.path_params["path"].partition("/")[0]
        return PlainTextResponse(
            f"the lab's node does not support {operation}: containers are local processes; "
            "kubectl logs, get, describe and delete work\n",
            501,
        )

    async def _logs(self, request: Request) -> Response:
        namespace, name, container = (request.path_params[part] for part in ("namespace", "pod", "container"))
        worker = self._pods.find(namespace, name)
        if worker is None:
            return PlainTextResponse(f'pod "{name}" does not exist\n', 404)
        try:
            options = parse_log_options(request.query_params)
            log = worker.log(container, previous=request.query_params.get("previous") == "true")
        except KeyError:
            return PlainTextResponse(f'container "{container}" not found in pod "{name}"\n', 404)
        except (LogNotAvailableError, ValueError) as error:
            return PlainTextResponse(str(error), 400)
        return StreamingResponse(log.read(options), media_type="text/plain")


def parse_log_options(query: Mapping[str, str]) -> LogOptions:
    """Parse the query parameters of a log request.

    Raises:
        ValueError: a parameter is not a number or not a time, or its value is not supported.
    """
    since = datetime.fromisoformat(query["sinceTime"]) if "sinceTime" in query else None
    if "sinceSeconds" in query:
        since = datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"]))
    if query.get("stream", "All") != "All":
        raise ValueError("the lab's node writes standard output and standard error to one log: stream must be All")
    return LogOptions(
        follow=query.get("follow") == "true",
        tail=int(query["tailLines"]) if "tailLines" in query else None,
        timestamps=query.get("timestamps") == "true",
        since=since,
        limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
    )


def certificate_subject(certificate: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the Kubernetes user and groups of a client certificate: its common name and organizations."""
    names = [pair for part in certificate.get("subject", ()) for pair in part]
    user = next((value for name, value in names if name == "commonName"), "")
    return user, tuple(value for name, value in names if name == "organizationName")
