"""Download the vendors' release archives, verified by the vendors' own checksums.

No archive is used without verification: if the vendor's list of checksums is not available, or does not name the file,
the archive counts as unavailable too. An unreachable host is queried once per run, with a time limit of seconds.
"""

from __future__ import annotations

import hashlib
import queue
import shutil
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from lab.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    from lab.tools.platform import Platform
    from lab.tools.program import Program

_CONNECT_SECONDS = 3.0
_READ_SECONDS = 30.0
# httpx's time limits do not cover name resolution: without a name server that responds it can download_release half a
# minute.
_FIRST_RESPONSE_SECONDS = 6.0
_ALGORITHMS = {40: "sha1", 64: "sha256", 128: "sha512"}
_SHA1 = 40


class UnavailableError(Exception):
    """The archive is not available. The message names the reason."""


class Downloads:
    """Downloads files, and records the unreachable hosts of the run."""

    def __init__(self, *, first_response_seconds: float = _FIRST_RESPONSE_SECONDS) -> None:
        self._first_response_seconds = first_response_seconds
        self._unreachable: dict[str, str] = {}

    def text(self, url: str) -> str:
        """Return the text of a small file. Raises `UnavailableError`."""
        host = urlsplit(url).netloc
        if host in self._unreachable:
            raise UnavailableError(self._unreachable[host])
        try:
            return self._within_seconds(lambda: self._get(url))
        except (httpx2.HTTPError, TimeoutError) as error:
            self._unreachable[host] = f"{host} cannot be reached ({str(error) or type(error).__name__})"
            raise UnavailableError(self._unreachable[host]) from error

    def save(self, url: str, target: Path, algorithm: str, report: Callable[[int, int | None], None]) -> str:
        """Download to `target` and return the hex digest. Raises `UnavailableError`.

        `report` receives the number of downloaded bytes, and the total if the server sends it.
        """
        digest = hashlib.new(algorithm)
        try:
            with self._client() as client, client.stream("GET", url) as response, target.open("wb") as file:
                _check_status(response)
                size = int(response.headers["content-length"]) if "content-length" in response.headers else None
                for chunk in response.iter_raw():
                    digest.update(chunk)
                    file.write(chunk)
                    report(response.num_bytes_downloaded, size)
        except httpx2.HTTPError as error:
            raise UnavailableError(f"{url} broke off ({str(error) or type(error).__name__})") from error
        return digest.hexdigest()

    @staticmethod
    def _client() -> httpx2.Client:
        timeout = httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        # Identity: the checksum is that of the stored file, not of a compressed transfer.
        return httpx2.Client(timeout=timeout, follow_redirects=True, headers={"accept-encoding": "identity"})

    def _get(self, url: str) -> str:
        with self._client() as client:
            response = client.get(url)
        _check_status(response)
        return response.text

    def _within_seconds(self, call: Callable[[], str]) -> str:
        """Return the call's result. Raises its exception, or `TimeoutError` after the time limit."""
        results: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

        def run() -> None:
            try:
                results.put(call())
            except Exception as error:  # noqa: BLE001 - raised again by the waiting thread
                results.put(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            result = results.get(timeout=self._first_response_seconds)
        except queue.Empty:
            raise TimeoutError(f"no response within {self._first_response_seconds:g} s") from None
        if isinstance(result, Exception):
            raise result
        return result


def download_release(
    program: Program,
    platform: Platform,
    folder: Path,
    downloads: Downloads,
    report: Callable[[int, int | None], None],
) -> str:
    """Download the program's files from the vendor's release into `folder` and return the URL of the archive.

    Raises:
        UnavailableError: the vendor publishes no release for this platform, or it or its checksum is not available.
        ToolError: the download does not match the vendor's checksum.
    """
    address = program.address(platform)
    if address is None:
        raise UnavailableError(f"the vendor publishes no release for {platform.os}/{platform.arch}")
    url = address.url
    file_name = Path(urlsplit(url).path).name
    accepts_sha1 = program.release is not None and program.release.accepts_sha1
    expected = checksum_of(file_name, downloads.text(address.checksums), accepts_sha1=accepts_sha1)
    if expected is None:
        raise UnavailableError(f"{address.checksums} has no checksum of {file_name}")
    archive = folder / f".{file_name}"
    actual = downloads.save(url, archive, _ALGORITHMS[len(expected)], report)
    if actual != expected:
        raise ToolError(
            f"{url} does not match the vendor's checksum: {_ALGORITHMS[len(expected)]} expected {expected}, "
            f"actual {actual}",
            fix=f"check the proxies between this machine and {urlsplit(url).netloc}; "
            f"or put a {program.name} {program.versions} of your own on PATH",
        )
    try:
        _unpack(archive, address.members, folder)
    except (KeyError, tarfile.TarError) as error:
        raise UnavailableError(f"{url} is not laid out as expected: {error}") from error
    archive.unlink(missing_ok=True)
    return url


def checksum_of(file_name: str, checksums: str, *, accepts_sha1: bool = False) -> str | None:
    """Return the hex digest of a file in a vendor's list: lines `digest  name`, `*name` or `./name`, or one digest."""
    lines = [line.split() for line in checksums.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1:
        digest = lines[0][0]
    else:
        names = {file_name, f"*{file_name}", f"./{file_name}"}
        digest = next((line[0] for line in lines if len(line) == 2 and line[1] in names), "")
    digest = digest.lower()
    is_accepted = len(digest) in _ALGORITHMS and (accepts_sha1 or len(digest) != _SHA1)
    return digest if is_accepted and set(digest) <= set("0123456789abcdef") else None


def _check_status(response: httpx2.Response) -> None:
    if response.status_code != 200:
        raise UnavailableError(f"{response.url} returned HTTP {response.status_code}")


def _unpack(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Extract the named members only. No other file of the archive is written."""
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive, "r:gz") as tar:
            packed = {member.name.removeprefix("./"): member for member in tar}
            for name, member in members.items():
                content = tar.extractfile(packed[member])
                if content is None:
                    raise KeyError(f"{member} is not a file")
                _write_program(content, folder / name)
    else:
        (name,) = members
        archive.chmod(0o755)
        archive.rename(folder / name)


def _write_program(content: IO[bytes], path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(0o755)
