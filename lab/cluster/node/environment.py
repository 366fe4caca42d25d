"""A container's environment: what the pod declares and what the node adds, and nothing of the lab's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .volume_sources import SourceError, VolumeSources, field_value

if TYPE_CHECKING:
    from lightkube.models.core_v1 import Container, EnvFromSource, EnvVarSource
    from lightkube.resources.core_v1 import Pod

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`text` with `$(NAME)` replaced as Kubernetes does it: an unknown name stays as written, `$$` is one dollar."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return "$" if name is None else variables.get(name, match.group())

    return _REFERENCE.sub(value, text)


class EnvironmentBuilder:
    """Works out the variables that a pod's containers declare."""

    def __init__(self, sources: VolumeSources, pod: Pod, pod_ip: str) -> None:
        assert pod.metadata is not None
        assert pod.metadata.namespace is not None
        self._sources = sources
        self._pod = pod
        self._pod_ip = pod_ip
        self._namespace = pod.metadata.namespace

    async def declared(self, container: Container, base: Mapping[str, str]) -> dict[str, str]:
        """`envFrom`, then `env` in its order; `$(NAME)` sees what stands before it, and `base`.

        Raises:
            SourceError: a Secret, ConfigMap or key that is not optional is missing.
        """
        found: dict[str, str] = {}
        for source in container.envFrom or []:
            found.update({(source.prefix or "") + key: value for key, value in (await self._all(source)).items()})
        for variable in container.env or []:
            if variable.valueFrom is None:
                found[variable.name] = expand(variable.value or "", {**base, **found})
            else:
                value = await self._value(variable.valueFrom)
                if value is not None:
                    found[variable.name] = value
        return found

    async def _value(self, source: EnvVarSource) -> str | None:
        if source.fieldRef:
            return field_value(self._pod, self._pod_ip, source.fieldRef.fieldPath)
        if (secret := source.secretKeyRef) and secret.name:
            data = await self._sources.secret(self._namespace, secret.name)
            return self._key(data, "Secret", secret.name, secret.key, optional=bool(secret.optional))
        if (config := source.configMapKeyRef) and config.name:
            data = await self._sources.config_map(self._namespace, config.name)
            return self._key(data, "ConfigMap", config.name, config.key, optional=bool(config.optional))
        raise SourceError(
            "the lab's node knows fieldRef, secretKeyRef and configMapKeyRef in valueFrom, no other source"
        )

    def _key(self, data: Mapping[str, bytes] | None, kind: str, name: str, key: str, *, optional: bool) -> str | None:
        if data is not None and key in data:
            return data[key].decode()
        if optional:
            return None
        if data is None:
            raise SourceError(f'{kind.lower()} "{name}" not found')
        raise SourceError(f"couldn't find key {key} in {kind} {self._namespace}/{name}")

    async def _all(self, source: EnvFromSource) -> dict[str, str]:
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
