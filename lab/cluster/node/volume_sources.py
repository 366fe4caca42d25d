"""What pods take from the API: Secrets, ConfigMaps, tokens, and facts about the pod itself."""

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

from .machine import HOST_IP

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class SourceError(Exception):
    """Something that a pod refers to is not there, or not what it should be; in the kubelet's words."""


@dataclass(frozen=True)
class Token:
    """A service account token, and when it ends."""

    text: str
    expires: datetime


class VolumeSources:
    """Reads what one cluster's pods refer to, always from the API server itself."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """The Secret's data; None if there is no such Secret."""
        try:
            secret = await self._client.get(Secret, name, namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise
        return {key: base64.b64decode(value) for key, value in (secret.data or {}).items()}

    async def config_map(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """The ConfigMap's data, binary data included; None if there is no such ConfigMap."""
        try:
            config_map = await self._client.get(ConfigMap, name, namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise
        text = {key: value.encode() for key, value in (config_map.data or {}).items()}
        return text | {key: base64.b64decode(value) for key, value in (config_map.binaryData or {}).items()}

    async def token(self, pod: Pod, projection: ServiceAccountTokenProjection) -> Token:
        """A token of the pod's service account, bound to this very pod, as a projected volume asks for it."""
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
            answer = await self._client.create(request, account, namespace=pod.metadata.namespace)
        except ApiError as error:
            raise SourceError(f"failed to fetch token: {error}") from error
        assert answer.status is not None
        assert answer.status.token is not None
        assert answer.status.expirationTimestamp is not None
        return Token(answer.status.token, answer.status.expirationTimestamp)


def field_value(pod: Pod, pod_ip: str, path: str) -> str:
    """What a `fieldRef` names: a fact about the pod.

    Raises:
        SourceError: the path is none that Kubernetes has.
    """
    meta, spec = pod.metadata, pod.spec
    assert meta is not None
    assert spec is not None
    if subscript := _SUBSCRIPT.fullmatch(path):
        values: Mapping[str, str] = (meta.labels if subscript[1] == "labels" else meta.annotations) or {}
        return values.get(subscript[2], "")
    ip = HOST_IP if spec.hostNetwork else pod_ip
    facts: dict[str, str | None] = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "metadata.labels": _as_lines(meta.labels),
        "metadata.annotations": _as_lines(meta.annotations),
        "spec.nodeName": spec.nodeName,
        "spec.serviceAccountName": spec.serviceAccountName,
        "status.hostIP": HOST_IP,
        "status.hostIPs": HOST_IP,
        "status.podIP": ip,
        "status.podIPs": ip,
    }
    if path not in facts:
        raise SourceError(f"unsupported fieldPath: {path}")
    return facts[path] or ""


def _as_lines(values: Mapping[str, str] | None) -> str:
    quoted = ((key, value.replace("\\", "\\\\").replace('"', '\\"')) for key, value in sorted((values or {}).items()))
    return "\n".join(f'{key}="{value}"' for key, value in quoted)
