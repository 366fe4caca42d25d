"""A pod's volumes as folders that only the current user can read.

Supported types: emptyDir, secret, configMap, downwardAPI, projected. Secrets and ConfigMaps are read once, when the pod
starts. Tokens are replaced after 80 % of their lifetime, as the kubelet does.

Nothing is mounted: without root, a process cannot have a file system of its own on every machine, because user
namespaces are often disabled. Instead, each `mountPath` in a container's environment, command or arguments is replaced
by the real folder of the volume when the process starts. So a program finds its files at the path that its environment
has. The pod's spec keeps its paths. A path that is built into a program, as
`/var/run/secrets/kubernetes.io/serviceaccount/token` is in client libraries, does not exist.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from lab.pki import write_secret

from .container_process import FileAccess
from .volume_sources import SourceError, VolumeSources, resolve_field

if TYPE_CHECKING:
    from lightkube.models.core_v1 import (
        Container,
        DownwardAPIVolumeFile,
        KeyToPath,
        ServiceAccountTokenProjection,
        Volume,
        VolumeProjection,
    )
    from lightkube.resources.core_v1 import Pod

log = logging.getLogger(__name__)

SUPPORTED_VOLUMES = "emptyDir, secret, configMap, downwardAPI, projected"


@dataclass
class _MountedToken:
    file: Path
    projection: ServiceAccountTokenProjection
    renew_at: datetime


class PodVolumes:
    """The volumes of one pod, in `folder`."""

    def __init__(self, sources: VolumeSources, pod: Pod, pod_ip: str, folder: Path, renewal: float) -> None:
        assert pod.metadata is not None
        assert pod.metadata.namespace is not None
        self._sources = sources
        self._pod = pod
        self._pod_ip = pod_ip
        self._namespace = pod.metadata.namespace
        self._folder = folder
        self._renewal = renewal
        self._tokens: dict[Path, _MountedToken] = {}

    async def mount(self) -> None:
        """Write the files of every volume. Can be repeated after a failure.

        Raises:
            SourceError: the first volume whose data is missing; the message is the kubelet's.
        """
        assert self._pod.spec is not None
        for volume in self._pod.spec.volumes or []:
            folder = self._folder / volume.name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                await self._write_volume(volume, folder)
            except SourceError as error:
                raise SourceError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error

    def mount_table(self, container: Container) -> MountTable:
        """Return the real folders of the container's mounts."""
        return MountTable(
            {
                mount.mountPath: self._folder / mount.name / (mount.subPath or "")
                for mount in container.volumeMounts or []
            }
        )

    def accessible_files(self, container: Container) -> FileAccess:
        """Return the volumes that the container mounts: emptyDir volumes are writable, unless they are `readOnly`.

        A `subPath` is not a limit. It could be a link, which another container of the pod has made.
        """
        assert self._pod.spec is not None
        empty = {volume.name for volume in self._pod.spec.volumes or [] if volume.emptyDir is not None}
        mounts = container.volumeMounts or []
        writable = {mount.name for mount in mounts if mount.name in empty and not mount.readOnly}
        readable = {mount.name for mount in mounts}
        return FileAccess(
            readable=[self._folder / name for name in readable], writable=[self._folder / name for name in writable]
        )

    async def renew_tokens(self) -> None:
        """Replace each token when it is due, forever."""
        while self._tokens:
            token = min(self._tokens.values(), key=lambda token: token.renew_at)
            await asyncio.sleep((token.renew_at - datetime.now(UTC)).total_seconds())
            try:
                await self._write_token(token.file, token.projection)
            except (SourceError, httpx2.HTTPError) as error:
                log.warning("token %s not renewed: %s", token.file, error)
                await asyncio.sleep(1)

    async def _write_volume(self, volume: Volume, folder: Path) -> None:
        if volume.emptyDir is not None:
            return
        if (secret := volume.secret) is not None:
            assert secret.secretName is not None
            await self._write_secret(folder, secret.secretName, secret.items, optional=bool(secret.optional))
        elif (config := volume.configMap) is not None:
            assert config.name is not None
            await self._write_config_map(folder, config.name, config.items, optional=bool(config.optional))
        elif (downward := volume.downwardAPI) is not None:
            self._write_downward_api(folder, downward.items or [])
        elif (projected := volume.projected) is not None:
            for source in projected.sources or []:
                await self._write_projection(folder, source)
        else:
            raise SourceError(f"the lab's node does not support this type of volume; it supports {SUPPORTED_VOLUMES}")

    async def _write_projection(self, folder: Path, source: VolumeProjection) -> None:
        if token := source.serviceAccountToken:
            await self._write_token(folder / token.path, token)
        elif (secret := source.secret) and secret.name:
            await self._write_secret(folder, secret.name, secret.items, optional=bool(secret.optional))
        elif (config := source.configMap) and config.name:
            await self._write_config_map(folder, config.name, config.items, optional=bool(config.optional))
        elif source.downwardAPI:
            self._write_downward_api(folder, source.downwardAPI.items or [])
        else:
            raise SourceError(
                "the lab's node supports only serviceAccountToken, secret, configMap and downwardAPI "
                "in a projected volume"
            )

    async def _write_token(self, file: Path, projection: ServiceAccountTokenProjection) -> None:
        requested_at = datetime.now(UTC)
        token = await self._sources.token(self._pod, projection)
        write_atomically(file, token.text.encode())
        lifetime = token.expires - requested_at
        self._tokens[file] = _MountedToken(file, projection, requested_at + lifetime * self._renewal)

    async def _write_secret(
        self, folder: Path, name: str, items: Iterable[KeyToPath] | None, *, optional: bool
    ) -> None:
        data = await self._sources.secret(self._namespace, name)
        if data is None and not optional:
            raise SourceError(f'secret "{name}" not found')
        write_items(folder, data or {}, items, optional=optional)

    async def _write_config_map(
        self, folder: Path, name: str, items: Iterable[KeyToPath] | None, *, optional: bool
    ) -> None:
        data = await self._sources.config_map(self._namespace, name)
        if data is None and not optional:
            raise SourceError(f'configmap "{name}" not found')
        write_items(folder, data or {}, items, optional=optional)

    def _write_downward_api(self, folder: Path, items: Iterable[DownwardAPIVolumeFile]) -> None:
        for item in items:
            if item.fieldRef is None:
                raise SourceError(f"{item.path}: the lab's node supports only fieldRef in a downwardAPI volume")
            write_atomically(
                folder / item.path, resolve_field(self._pod, self._pod_ip, item.fieldRef.fieldPath).encode()
            )


def write_items(folder: Path, data: Mapping[str, bytes], items: Iterable[KeyToPath] | None, *, optional: bool) -> None:
    """Write the keys that `items` selects, each to its path. Write all keys if `items` is None."""
    paths = {key: key for key in data} if items is None else {item.key: item.path for item in items}
    missing = sorted(paths.keys() - data.keys())
    if missing and not optional:
        raise SourceError(f"references non-existent secret or config key: {', '.join(missing)}")
    for key, path in paths.items():
        if key in data:
            write_atomically(folder / path, data[key])


def write_atomically(file: Path, content: bytes) -> None:
    """Write `file` atomically: a reader sees either the old or the new content."""
    write_secret(file.with_name(f".{file.name}.{secrets.token_hex(4)}"), content).replace(file)


class MountTable:
    """Mount paths of one container, each with its real folder or file."""

    def __init__(self, mounts: Mapping[str, Path]) -> None:
        self._mounts = {path.rstrip("/"): real for path, real in mounts.items() if path.rstrip("/")}
        longest_first = sorted(self._mounts, key=len, reverse=True)
        alternatives = "|".join(re.escape(path) for path in longest_first)
        # Match whole paths only: not the end of a longer path, and not the start of a longer name.
        self._pattern = re.compile(rf"(?<![\w.-])(?:{alternatives})(?![\w.-])") if alternatives else None

    def rewrite(self, text: str) -> str:
        """Return `text` with real paths instead of mount paths."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: str(self._mounts[match.group()]), text)
