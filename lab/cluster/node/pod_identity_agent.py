"""The EKS Pod Identity Agent of one node, which exchanges a pod's token for credentials of its role.

The SDK sends the projected token (audience `pods.eks.amazonaws.com`) in the Authorization header. The agent calls
`eks-auth:AssumeRoleForPodIdentity`, signed with the node role's credentials, and returns the credentials in the format
of the container credentials provider. Without the add-on `eks-pod-identity-agent` every request fails with 503.
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
from .instance import Instance

log = logging.getLogger(__name__)

ADDON = "eks-pod-identity-agent"


class PodIdentityAgent:
    """The agent of one node. It serves credentials while `is_installed` returns true."""

    def __init__(
        self, instance: Instance, cloud: CloudAccess, profile: InstanceProfile, is_installed: Callable[[], bool]
    ) -> None:
        self._instance = instance
        self._cloud = cloud
        self._profile = profile
        self._is_installed = is_installed

    def application(self) -> Starlette:
        return Starlette(routes=[Route("/v1/credentials", self._credentials, methods=["GET"])])

    async def _credentials(self, request: Request) -> Response:
        if not self._is_installed():
            return PlainTextResponse(f"the cluster has no add-on {ADDON}: no agent runs on this node\n", 503)
        token = request.headers.get("authorization", "")
        if not token:
            return PlainTextResponse("the request has no Authorization header\n", 400)
        try:
            node_role = await self._profile.credentials()
            response = await asyncio.to_thread(self._assume_pod_role, node_role, token)
        except PermissionError as error:
            return PlainTextResponse(f"the node has no credentials: {error}\n", 500)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            return PlainTextResponse(f"{error}\n", status)
        except BotoCoreError as error:
            log.warning("eks-auth: %s", error)
            return PlainTextResponse(f"{error}\n", 500)
        credentials = response["credentials"]
        expiration: datetime = credentials["expiration"]
        return JSONResponse(
            {
                "AccessKeyId": credentials["accessKeyId"],
                "SecretAccessKey": credentials["secretAccessKey"],
                "Token": credentials["sessionToken"],
                "AccountId": self._instance.key.account,
                "Expiration": expiration.strftime(TIME_FORMAT),
            }
        )

    def _assume_pod_role(self, node_role: Credentials, token: str) -> Any:
        client = self._session.create_client(
            "eks-auth",
            region_name=self._instance.key.region,
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
            return client.assume_role_for_pod_identity(clusterName=self._instance.key.name, token=token)
        finally:
            client.close()

    @cached_property
    def _session(self) -> Any:
        """A botocore session that ignores the user's AWS files and environment variables."""
        session_variables = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ignore_configured_endpoint_urls": (None, None, True, None),
        }
        return botocore.session.Session(session_vars=session_variables)
