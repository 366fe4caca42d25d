"""A container's environment: variables of the pod's spec and of the node, and a kubeconfig.

No variable of the lab's own process reaches a container.

kubectl reads the pod's token at a fixed path, where nothing can be mounted without root (see `volumes`). A container
with kubectl therefore gets a `~/.kube/config` with the real paths of the token and the certificate authority.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lab import yaml_text
from lab.pki import write_secret

from .volume_sources import SourceError, VolumeSources, resolve_field

if TYPE_CHECKING:
    from lightkube.models.core_v1 import Container, EnvFromSource, EnvVarSource
    from lightkube.resources.core_v1 import Pod

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Path at which the ServiceAccount admission plugin mounts a pod's token, `ca.crt` and namespace."""

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return `text` with `$(NAME)` replaced by Kubernetes' rules: unknown names stay unchanged, `$$` is one dollar."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else variables.get(name, match.group())

    return _REFERENCE.sub(value, text)


class EnvironmentBuilder:
    """Resolves the variables in the specs of a pod's containers."""

    def __init__(self, sources: VolumeSources, pod: Pod, pod_ip: str) -> None:
        assert pod.metadata is not None
        assert pod.metadata.namespace is not None
        self._sources = sources
        self._pod = pod
        self._pod_ip = pod_ip
        self._namespace = pod.metadata.namespace

    async def resolve(self, container: Container, base: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of `envFrom`, then of `env`. `$(NAME)` refers to earlier variables and to `base`.

        Raises:
            SourceError: a Secret, ConfigMap or key that is not optional is missing.
        """
        variables: dict[str, str] = {}
        for source in container.envFrom or []:
            variables.update(
                {(source.prefix or "") + key: value for key, value in (await self._read_all(source)).items()}
            )
        for variable in container.env or []:
            if variable.valueFrom is None:
                variables[variable.name] = expand(variable.value or "", {**base, **variables})
            else:
                value = await self._resolve_value(variable.valueFrom)
                if value is not None:
                    variables[variable.name] = value
        return variables

    async def _resolve_value(self, source: EnvVarSource) -> str | None:
        if source.fieldRef:
            return resolve_field(self._pod, self._pod_ip, source.fieldRef.fieldPath)
        if (secret := source.secretKeyRef) and secret.name:
            data = await self._sources.secret(self._namespace, secret.name)
            return self._select_key(data, "Secret", secret.name, secret.key, optional=bool(secret.optional))
        if (config := source.configMapKeyRef) and config.name:
            data = await self._sources.config_map(self._namespace, config.name)
            return self._select_key(data, "ConfigMap", config.name, config.key, optional=bool(config.optional))
        raise SourceError("the lab's node supports only fieldRef, secretKeyRef and configMapKeyRef in valueFrom")

    def _select_key(
        self, data: Mapping[str, bytes] | None, kind: str, name: str, key: str, *, optional: bool
    ) -> str | None:
        if data is not None and key in data:
            return data[key].decode()
        if optional:
            return None
        if data is None:
            raise SourceError(f'{kind.lower()} "{name}" not found')
        raise SourceError(f"couldn't find key {key} in {kind} {self._namespace}/{name}")

    async def _read_all(self, source: EnvFromSource) -> dict[str, str]:
        if (secret := source.secretRef) and secret.name:
            kind, name, optional = "secret", secret.name, secret.optional
            data = await self._sources.secret(self._namespace, name)
        elif (config := source.configMapRef) and config.name:
            kind, name, optional = "configmap", config.name, config.optional
            data = await self._sources.config_map(self._namespace, name)
        else:
            return {}
        if data is None and not optional:
            raise SourceError(f'{kind} "{name}" not found')
        return {key: value.decode() for key, value in (data or {}).items()}


def write_kubeconfig(home: Path, server: str, mounted: Path, namespace: str) -> None:
    """Write `~/.kube/config` for the service account whose token is in the folder `mounted`."""
    name = "in-cluster"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": str(mounted / "ca.crt")}}],
        "users": [{"name": name, "user": {"tokenFile": str(mounted / "token")}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    write_secret(home / ".kube" / "config", yaml_text.dump(document))
