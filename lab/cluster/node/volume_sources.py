"""Data that pods get from the API: Secrets, ConfigMaps, tokens, and fields of the pod."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lightkube.core.async_client import AsyncClient
from lightkube.core.exceptions import ApiError
from lightkube.models.authentication_v1 import BoundObjectReference, TokenRequestSpec
from lightkube.models.core_v1 import ServiceAccountTokenProjection
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod, Secret, ServiceAccountToken

from .instance import HOST_IP

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class SourceError(Exception):
    """An object that a pod refers to is missing or invalid. The message is the kubelet's."""


@dataclass(frozen=True)
class Token:
    """A service account token and its expiration."""

    text: str
    expires: datetime


class VolumeSources:
    """Reads the objects that pods of one cluster refer to, from the API server and without a cache."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Return the Secret's data, or None if the Secret does not exist."""
        try:
            secret = await self._client.get(Secret, name, namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise
        return {key: base64.b64decode(value) for key, value in (secret.data or {}).items()}

    async def config_map(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Return the ConfigMap's data and binary data, or None if the ConfigMap does not exist."""
        try:
            config_map = await self._client.get(ConfigMap, name, namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise
        text = {key: value.encode() for key, value in (config_map.data or {}).items()}
        return text | {key: base64.b64decode(value) for key, value in (config_map.binaryData or {}).items()}

    async def token(self, pod: Pod, projection: ServiceAccountTokenProjection) -> Token:
        """Request the token of a projected volume: of the pod's service account, and bound to `pod`."""
        assert pod.metadata is not None
        assert pod.metadata.name is not None
        assert pod.spec is not None
        bound = BoundObjectReference(apiVersion="v1", kind="Pod", name=pod.metadata.name, uid=pod.metadata.uid)
        request = ServiceAccountToken(
            metadata=ObjectMeta(namespace=pod.metadata.namespace),
            spec=TokenRequestSpec(
                audiences=[projection.audience] if projection.audience else [],
                expirationSeconds=projection.expirationSeconds,
                boundObjectRef=bound,
            ),
        )
        account = pod.spec.serviceAccountName or "default"
        try:
            response = await self._client.create(request, account, namespace=pod.metadata.namespace)
        except ApiError as error:
            raise SourceError(f"failed to fetch token: {error}") from error
        assert response.status is not None
        assert response.status.token is not None
        assert response.status.expirationTimestamp is not None
        return Token(response.status.token, response.status.expirationTimestamp)


def resolve_field(pod: Pod, pod_ip: str, path: str) -> str:
    """Return the value of a `fieldRef`.

    Raises:
        SourceError: Kubernetes does not support the path.
    """
    meta, spec = pod.metadata, pod.spec
    assert meta is not None
    assert spec is not None
    if subscript := _SUBSCRIPT.fullmatch(path):
        values: Mapping[str, str] = (meta.labels if subscript[1] == "labels" else meta.annotations) or {}
        return values.get(subscript[2], "")
    ip = HOST_IP if spec.hostNetwork else pod_ip
    fields: dict[str, str | None] = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "metadata.labels": _format_lines(meta.labels),
        "metadata.annotations": _format_lines(meta.annotations),
        "spec.nodeName": spec.nodeName,
        "spec.serviceAccountName": spec.serviceAccountName,
        "status.hostIP": HOST_IP,
        "status.hostIPs": HOST_IP,
        "status.podIP": ip,
        "status.podIPs": ip,
    }
    if path not in fields:
        raise SourceError(f"unsupported fieldPath: {path}")
    return fields[path] or ""


def _format_lines(values: Mapping[str, str] | None) -> str:
    quoted = ((key, value.replace("\\", "\\\\").replace('"', '\\"')) for key, value in sorted((values or {}).items()))
    return "\n".join(f'{key}="{value}"' for key, value in quoted)
