"""The EKS Pod Identity agent of one node: turns a pod's token into its role's credentials.

The SDK sends the projected token (audience `pods.eks.amazonaws.com`) as its Authorization header; the agent calls
`eks-auth:AssumeRoleForPodIdentity`, signed by the node's own role, and hands the credentials on in the form of the
container credentials provider. Without the add-on `eks-pod-identity-agent` no agent runs, and it answers nobody.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lab.interfaces import CloudAccess, Credentials

from .imds import TIME_FORMAT, InstanceProfile
from .machine import Machine

log = logging.getLogger(__name__)

ADD_ON = "eks-pod-identity-agent"


class PodIdentityAgent:
    """The agent of one node, as long as `is_installed` says so."""

    def __init__(
        self, machine: Machine, cloud: CloudAccess, profile: InstanceProfile, is_installed: Callable[[], bool]
    ) -> None:
        self._machine = machine
        self._cloud = cloud
        self._profile = profile
        self._is_installed = is_installed

    def application(self) -> Starlette:
        return Starlette(routes=[Route("/v1/credentials", self._credentials, methods=["GET"])])

    async def _credentials(self, request: Request) -> Response:
        if not self._is_installed():
            return PlainTextResponse(f"the cluster has no add-on {ADD_ON}: no agent runs on this node\n", 503)
        token = request.headers.get("authorization", "")
        if not token:
            return PlainTextResponse("the request has no Authorization header\n", 400)
        try:
            node_role = await self._profile.credentials()
            answer = await asyncio.to_thread(self._assume, node_role, token)
        except PermissionError as error:
            return PlainTextResponse(f"the node has no credentials: {error}\n", 500)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            return PlainTextResponse(f"{error}\n", status)
        except BotoCoreError as error:
            log.warning("eks-auth: %s", error)
            return PlainTextResponse(f"{error}\n", 500)
        credentials = answer["credentials"]
        expiration: datetime = credentials["expiration"]
        return JSONResponse(
            {
                "AccessKeyId": credentials["accessKeyId"],
                "SecretAccessKey": credentials["secretAccessKey"],
                "Token": credentials["sessionToken"],
                "AccountId": self._machine.key.account,
                "Expiration": expiration.strftime(TIME_FORMAT),
            }
        )

    def _assume(self, node_role: Credentials, token: str) -> Any:
        client = self._session.create_client(
            "eks-auth",
            region_name=self._machine.key.region,
            aws_access_key_id=node_role.access_key_id,
            aws_secret_access_key=node_role.secret_access_key,
            aws_session_token=node_role.session_token,
            verify=self._cloud.ca_file,
            config=Config(
                proxies={"https": self._cloud.proxy_url},
                retries={"total_max_attempts": 2},
            ),
        )
        try:
            return client.assume_role_for_pod_identity(clusterName=self._machine.key.name, token=token)
        finally:
            client.close()

    @cached_property
    def _session(self) -> Any:
        """A session that reads neither the user's files nor the user's variables."""
        nothing = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ignore_configured_endpoint_urls": (None, None, True, None),
        }
        return botocore.session.Session(session_vars=nothing)
