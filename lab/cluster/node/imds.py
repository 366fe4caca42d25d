"""The instance metadata service (IMDS) of one node, version 2 only (`HttpTokens: required`).

A request without a token gets a 401, and only pods of the node get a token (see `pod_processes`). The response to
`PUT /latest/api/token` can travel as many network hops as the node group's hop limit. A pod without `hostNetwork` is
one hop further than the node, so with a limit of 1 it never receives the response. The lab accepts such a request and
never responds, which looks the same to an SDK.

Source: EC2 user guide, "Use the Instance Metadata Service to access instance metadata".
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lab.interfaces import Credentials, InstanceRoles

from .instance import HOST_IP, INSTANCE_TYPE, Instance
from .pod_processes import PodProcesses

TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105 - the header's name
MAX_TTL_SECONDS = 21_600
RENEW_BEFORE_EXPIRATION = timedelta(minutes=5)
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class InstanceProfile:
    """The node role's credentials, cached until five minutes before they expire."""

    def __init__(self, instance: Instance, roles: InstanceRoles) -> None:
        self._instance = instance
        self._roles = roles
        self._current: Credentials | None = None
        self._lock = asyncio.Lock()

    async def credentials(self) -> Credentials:
        """Return the credentials.

        Raises:
            PermissionError: EC2 cannot assume the role.
        """
        async with self._lock:
            current = self._current
            expiration = current.expiration if current else None
            if current is None or (expiration is not None and expiration - datetime.now(UTC) < RENEW_BEFORE_EXPIRATION):
                role, instance_id = self._instance.group.node_role_arn, self._instance.instance_id
                current = self._current = await asyncio.to_thread(self._roles.credentials, role, instance_id)
            return current


class InstanceMetadata:
    """IMDS for the node's pods with `hostNetwork`, which are one network hop away, or for its others, two hops away."""

    def __init__(
        self, instance: Instance, profile: InstanceProfile, processes: PodProcesses, *, host_network: bool
    ) -> None:
        self._instance = instance
        self._profile = profile
        self._processes = processes
        self._host_network = host_network
        hops = 1 if host_network else 2
        self._is_reachable = instance.group.hop_limit >= hops
        self._tokens: dict[str, float] = {}

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/latest/api/token", self._token, methods=["PUT"]),
                Route("/{path:path}", self._get, methods=["GET"]),
            ]
        )

    async def _token(self, request: Request) -> Response:
        if not await self._is_from_pod(request):
            return PlainTextResponse("IMDS responds to the pods of its own node only", 403)
        if not self._is_reachable:
            while (await request.receive())["type"] != "http.disconnect":
                continue
            return Response()
        if "x-forwarded-for" in request.headers:
            return PlainTextResponse("", 403)
        ttl = request.headers.get(TTL_HEADER, "")
        if not ttl.isdecimal() or not 1 <= int(ttl) <= MAX_TTL_SECONDS:
            return PlainTextResponse(f"{TTL_HEADER} must be from 1 to {MAX_TTL_SECONDS}", 400)
        now = time.monotonic()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        token = secrets.token_urlsafe(42)
        self._tokens[token] = now + int(ttl)
        return PlainTextResponse(token, headers={TTL_HEADER: ttl})

    async def _is_from_pod(self, request: Request) -> bool:
        client, server = request.scope["client"], request.scope["server"]
        return await asyncio.to_thread(self._processes.have_connection, client, server, host_network=self._host_network)

    async def _get(self, request: Request) -> Response:
        if self._tokens.get(request.headers.get(TOKEN_HEADER, ""), 0) <= time.monotonic():
            return PlainTextResponse("", 401)
        path = request.path_params["path"].strip("/")
        readers = self._readers()
        if path in readers:
            return PlainTextResponse(await readers[path]())
        children = {name.removeprefix(f"{path}/").partition("/") for name in readers if name.startswith(f"{path}/")}
        if children:
            return PlainTextResponse("\n".join(sorted(name + slash for name, slash, _ in children)))
        return PlainTextResponse("", 404)

    def _readers(self) -> dict[str, Callable[[], Awaitable[str]]]:
        instance = self._instance
        metadata = {
            "hostname": instance.name,
            "instance-id": instance.instance_id,
            "instance-type": INSTANCE_TYPE,
            "local-hostname": instance.name,
            "local-ipv4": HOST_IP,
            "placement/availability-zone": instance.zone,
            "placement/region": instance.key.region,
            "services/domain": "amazonaws.com.cn" if instance.key.partition == "aws-cn" else "amazonaws.com",
            "services/partition": instance.key.partition,
        }

        def constant(value: str) -> Callable[[], Awaitable[str]]:
            async def read() -> str:
                return value

            return read

        return {
            **{f"latest/meta-data/{path}": constant(value) for path, value in metadata.items()},
            f"latest/meta-data/iam/security-credentials/{instance.role_name}": self._role_credentials,
            "latest/dynamic/instance-identity/document": constant(self._identity_document()),
        }

    async def _role_credentials(self) -> str:
        now = datetime.now(UTC)
        try:
            credentials = await self._profile.credentials()
        except PermissionError as error:
            problem = {"Code": "AssumeRoleUnauthorizedAccess", "Message": str(error)}
            return json.dumps({**problem, "LastUpdated": now.strftime(TIME_FORMAT)}, indent=2)
        return json.dumps(
            {
                "Code": "Success",
                "LastUpdated": now.strftime(TIME_FORMAT),
                "Type": "AWS-HMAC",
                "AccessKeyId": credentials.access_key_id,
                "SecretAccessKey": credentials.secret_access_key,
                "Token": credentials.session_token,
                "Expiration": (credentials.expiration or now + timedelta(hours=6)).strftime(TIME_FORMAT),
            },
            indent=2,
        )

    def _identity_document(self) -> str:
        instance = self._instance
        return json.dumps(
            {
                "accountId": instance.key.account,
                "architecture": {"amd64": "x86_64"}.get(instance.architecture, instance.architecture),
                "availabilityZone": instance.zone,
                "instanceId": instance.instance_id,
                "instanceType": INSTANCE_TYPE,
                "pendingTime": instance.launched.strftime(TIME_FORMAT),
                "privateIp": HOST_IP,
                "region": instance.key.region,
                "version": "2017-09-30",
            },
            indent=2,
        )
