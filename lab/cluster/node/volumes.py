"""A pod's volumes as folders that only the user can read, and its tokens renewed before they end.

Known: emptyDir, secret, configMap, downwardAPI, projected. Secrets and ConfigMaps are read once, when the pod
starts; tokens are replaced at 80 % of their life, as the kubelet does.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from lab.pki import write_secret

from .mounts import MountTable
from .volume_sources import SourceError, VolumeSources, field_value

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

KNOWN = "emptyDir, secret, configMap, downwardAPI, projected"


@dataclass
class _MountedToken:
    file: Path
    projection: ServiceAccountTokenProjection
    renew_at: datetime


class PodVolumes:
    """The volumes of one pod under `folder`."""

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
        """Fill every volume; safe to repeat after a failure.

        Raises:
            SourceError: in the kubelet's words, the first volume that cannot be filled.
        """
        assert self._pod.spec is not None
        for volume in self._pod.spec.volumes or []:
            folder = self._folder / volume.name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                await self._fill(volume, folder)
            except SourceError as error:
                raise SourceError(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error

    def table(self, container: Container) -> MountTable:
        """Where the container's mounts really are."""
        return MountTable(
            {
                mount.mountPath: self._folder / mount.name / (mount.subPath or "")
                for mount in container.volumeMounts or []
            }
        )

    async def renew_tokens(self) -> None:
        """Replace each token when it is due, for ever."""
        while self._tokens:
            token = min(self._tokens.values(), key=lambda token: token.renew_at)
            await asyncio.sleep((token.renew_at - datetime.now(UTC)).total_seconds())
            try:
                await self._write_token(token.file, token.projection)
            except (SourceError, httpx2.HTTPError) as error:
                log.warning("token %s not renewed: %s", token.file, error)
                await asyncio.sleep(1)

    async def _fill(self, volume: Volume, folder: Path) -> None:
        if volume.emptyDir is not None:
            return
        if (secret := volume.secret) is not None:
            assert secret.secretName is not None
            await self._secret(folder, secret.secretName, secret.items, optional=bool(secret.optional))
        elif (config := volume.configMap) is not None:
            assert config.name is not None
            await self._config_map(folder, config.name, config.items, optional=bool(config.optional))
        elif (downward := volume.downwardAPI) is not None:
            self._downward(folder, downward.items or [])
        elif (projected := volume.projected) is not None:
            for source in projected.sources or []:
                await self._project(folder, source)
        else:
            raise SourceError(f"the lab's node has no such kind of volume; it knows {KNOWN}")

    async def _project(self, folder: Path, source: VolumeProjection) -> None:
        if token := source.serviceAccountToken:
            await self._write_token(folder / token.path, token)
        elif (secret := source.secret) and secret.name:
            await self._secret(folder, secret.name, secret.items, optional=bool(secret.optional))
        elif (config := source.configMap) and config.name:
            await self._config_map(folder, config.name, config.items, optional=bool(config.optional))
        elif source.downwardAPI:
            self._downward(folder, source.downwardAPI.items or [])
        else:
            raise SourceError("the lab's node projects serviceAccountToken, secret, configMap and downwardAPI only")

    async def _write_token(self, file: Path, projection: ServiceAccountTokenProjection) -> None:
        asked = datetime.now(UTC)
        token = await self._sources.token(self._pod, projection)
        replace(file, token.text.encode())
        life = token.expires - asked
        self._tokens[file] = _MountedToken(file, projection, asked + life * self._renewal)

    async def _secret(self, folder: Path, name: str, items: Iterable[KeyToPath] | None, *, optional: bool) -> None:
        data = await self._sources.secret(self._namespace, name)
        if data is None and not optional:
            raise SourceError(f'secret "{name}" not found')
        write_items(folder, data or {}, items, optional=optional)

    async def _config_map(self, folder: Path, name: str, items: Iterable[KeyToPath] | None, *, optional: bool) -> None:
        data = await self._sources.config_map(self._namespace, name)
        if data is None and not optional:
            raise SourceError(f'configmap "{name}" not found')
        write_items(folder, data or {}, items, optional=optional)

    def _downward(self, folder: Path, items: Iterable[DownwardAPIVolumeFile]) -> None:
        for item in items:
            if item.fieldRef is None:
                raise SourceError(f"{item.path}: the lab's node knows fieldRef only in a downwardAPI volume")
            replace(folder / item.path, field_value(self._pod, self._pod_ip, item.fieldRef.fieldPath).encode())


def write_items(folder: Path, data: Mapping[str, bytes], items: Iterable[KeyToPath] | None, *, optional: bool) -> None:
    """Write the keys that `items` choose, each to its path; all keys, if it is None."""
    paths = {key: key for key in data} if items is None else {item.key: item.path for item in items}
    missing = sorted(paths.keys() - data.keys())
    if missing and not optional:
        raise SourceError(f"references non-existent secret or config key: {', '.join(missing)}")
    for key, path in paths.items():
        if key in data:
            replace(folder / path, data[key])


def replace(file: Path, content: bytes) -> None:
    """Give `file` new content at once: a reader sees the old or the new, never a part."""
    write_secret(file.with_name(f".{file.name}.{secrets.token_hex(4)}"), content).replace(file)
