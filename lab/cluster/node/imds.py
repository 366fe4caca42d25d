"""The instance metadata service of one node, version 2 only (`HttpTokens: required`).

Source of its rules: the EC2 user guide, "Use the Instance Metadata Service to access instance metadata". A request
without a token gets 401. The answer to `PUT /latest/api/token` may travel as many hops as the node group's hop limit
says: a pod with a network of its own is one hop further than the node, so with a limit of 1 it never sees it. Here
such a request is taken and never answered, which is what an SDK would see.
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

from .machine import HOST_IP, INSTANCE_TYPE, Machine

TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105 - the header's name
LONGEST_TTL = 21_600
RENEW_BEFORE = timedelta(minutes=5)
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class InstanceProfile:
    """The node role's credentials, kept until shortly before they end."""

    def __init__(self, machine: Machine, roles: InstanceRoles) -> None:
        self._machine = machine
        self._roles = roles
        self._current: Credentials | None = None
        self._lock = asyncio.Lock()

    async def credentials(self) -> Credentials:
        """Raises `PermissionError` where EC2 cannot assume the role."""
        async with self._lock:
            current = self._current
            ends = current.expiration if current else None
            if current is None or (ends is not None and ends - datetime.now(UTC) < RENEW_BEFORE):
                role, instance = self._machine.group.node_role_arn, self._machine.instance_id
                current = self._current = await asyncio.to_thread(self._roles.credentials, role, instance)
            return current


class InstanceMetadata:
    """What IMDS answers to a client that is `hops` network hops away."""

    def __init__(self, machine: Machine, profile: InstanceProfile, *, hops: int) -> None:
        self._machine = machine
        self._profile = profile
        self._is_reachable = machine.group.hop_limit >= hops
        self._tokens: dict[str, float] = {}

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/latest/api/token", self._token, methods=["PUT"]),
                Route("/{path:path}", self._get, methods=["GET"]),
            ]
        )

    async def _token(self, request: Request) -> Response:
        if not self._is_reachable:
            while (await request.receive())["type"] != "http.disconnect":
                continue
            return Response()
        if "x-forwarded-for" in request.headers:
            return PlainTextResponse("", 403)
        asked = request.headers.get(TTL_HEADER, "")
        if not asked.isdecimal() or not 1 <= int(asked) <= LONGEST_TTL:
            return PlainTextResponse(f"{TTL_HEADER} must be from 1 to {LONGEST_TTL}", 400)
        now = time.monotonic()
        self._tokens = {token: end for token, end in self._tokens.items() if end > now}
        token = secrets.token_urlsafe(42)
        self._tokens[token] = now + int(asked)
        return PlainTextResponse(token, headers={TTL_HEADER: asked})

    async def _get(self, request: Request) -> Response:
        if self._tokens.get(request.headers.get(TOKEN_HEADER, ""), 0) <= time.monotonic():
            return PlainTextResponse("", 401)
        path = request.path_params["path"].strip("/")
        answers = self._answers()
        if path in answers:
            return PlainTextResponse(await answers[path]())
        below = {name.removeprefix(f"{path}/").partition("/") for name in answers if name.startswith(f"{path}/")}
        if below:
            return PlainTextResponse("\n".join(sorted(name + slash for name, slash, _ in below)))
        return PlainTextResponse("", 404)

    def _answers(self) -> dict[str, Callable[[], Awaitable[str]]]:
        machine = self._machine
        facts = {
            "hostname": machine.name,
            "instance-id": machine.instance_id,
            "instance-type": INSTANCE_TYPE,
            "local-hostname": machine.name,
            "local-ipv4": HOST_IP,
            "placement/availability-zone": machine.zone,
            "placement/region": machine.key.region,
            "services/domain": "amazonaws.com.cn" if machine.key.partition == "aws-cn" else "amazonaws.com",
            "services/partition": machine.key.partition,
        }

        def fact(value: str) -> Callable[[], Awaitable[str]]:
            async def answer() -> str:
                return value

            return answer

        return {
            **{f"latest/meta-data/{path}": fact(value) for path, value in facts.items()},
            f"latest/meta-data/iam/security-credentials/{machine.role_name}": self._role_credentials,
            "latest/dynamic/instance-identity/document": fact(self._identity_document()),
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
        machine = self._machine
        return json.dumps(
            {
                "accountId": machine.key.account,
                "architecture": {"amd64": "x86_64"}.get(machine.architecture, machine.architecture),
                "availabilityZone": machine.zone,
                "instanceId": machine.instance_id,
                "instanceType": INSTANCE_TYPE,
                "pendingTime": machine.launched.strftime(TIME_FORMAT),
                "privateIp": HOST_IP,
                "region": machine.key.region,
                "version": "2017-09-30",
            },
            indent=2,
        )
