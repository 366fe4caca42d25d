"""The vendor's release archives, taken only if the vendor's own checksum agrees.

Nothing is taken unchecked: where the vendor's list of checksums cannot be had, or does not name the file, the archive
counts as not to be had either. A host that cannot be reached is asked once a run, and given up within seconds.
"""

from __future__ import annotations

import hashlib
import queue
import shutil
import tarfile
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from lab.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    from lab.tools.programs import Platform, Program

_CONNECT_SECONDS = 3.0
_READ_SECONDS = 30.0
# Looking a name up is not under httpx's time limits: where no name server answers it can take half a minute.
_FIRST_ANSWER_SECONDS = 6.0
_ALGORITHMS = {64: "sha256", 128: "sha512"}


class UnavailableError(Exception):
    """The archive cannot be had here and now. Says why."""


class Downloads:
    """Fetches files, and remembers for the run which hosts do not answer."""

    def __init__(self, *, first_answer_seconds: float = _FIRST_ANSWER_SECONDS) -> None:
        self._first_answer_seconds = first_answer_seconds
        self._shut: dict[str, str] = {}

    def text(self, url: str) -> str:
        """A small file. Raises `UnavailableError`."""
        host = urlsplit(url).netloc
        if host in self._shut:
            raise UnavailableError(self._shut[host])
        try:
            return self._within_seconds(lambda: self._get(url))
        except (httpx2.HTTPError, TimeoutError) as error:
            self._shut[host] = f"{host} cannot be reached ({str(error) or type(error).__name__})"
            raise UnavailableError(self._shut[host]) from error

    def save(self, url: str, target: Path, algorithm: str, moved: Callable[[int, int | None], None]) -> str:
        """Download to `target`; returns the hex digest. Raises `UnavailableError`.

        `moved` gets the bytes done, and in all where the server says it.
        """
        digest = hashlib.new(algorithm)
        try:
            with self._client() as client, client.stream("GET", url) as response, target.open("wb") as file:
                _check_status(response)
                size = int(response.headers["content-length"]) if "content-length" in response.headers else None
                for chunk in response.iter_raw():
                    digest.update(chunk)
                    file.write(chunk)
                    moved(response.num_bytes_downloaded, size)
        except httpx2.HTTPError as error:
            raise UnavailableError(f"{url} broke off ({str(error) or type(error).__name__})") from error
        return digest.hexdigest()

    @staticmethod
    def _client() -> httpx2.Client:
        timeout = httpx2.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        # Identity: a checksum is of the file as it lies there, not as a server packs it for the way.
        return httpx2.Client(timeout=timeout, follow_redirects=True, headers={"accept-encoding": "identity"})

    def _get(self, url: str) -> str:
        with self._client() as client:
            response = client.get(url)
        _check_status(response)
        return response.text

    def _within_seconds(self, call: Callable[[], str]) -> str:
        """The call's result. Raises what it raises, or `TimeoutError` when it takes too long."""
        results: queue.SimpleQueue[str | Exception] = queue.SimpleQueue()

        def run() -> None:
            try:
                results.put(call())
            except Exception as error:  # noqa: BLE001 - raised again by the waiting thread
                results.put(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            result = results.get(timeout=self._first_answer_seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {self._first_answer_seconds:g} s") from None
        if isinstance(result, Exception):
            raise result
        return result


def take(
    program: Program,
    here: Platform,
    folder: Path,
    downloads: Downloads,
    moved: Callable[[int, int | None], None],
) -> str:
    """Put the program's files from the vendor's release into `folder`; returns the address.

    Raises:
        UnavailableError: there is no release for this platform, or it or its checksum cannot be had.
        ToolError: what was downloaded is not what the vendor's checksum says.
    """
    address = program.address(here)
    if address is None:
        raise UnavailableError(f"the vendor publishes none for {here.os}/{here.arch}")
    url = address.url
    file_name = Path(urlsplit(url).path).name
    expected = checksum_of(file_name, downloads.text(address.checksums))
    if expected is None:
        raise UnavailableError(f"{address.checksums} names no checksum of {file_name}")
    archive = folder / f".{file_name}"
    seen = downloads.save(url, archive, _ALGORITHMS[len(expected)], moved)
    if seen != expected:
        raise ToolError(
            f"{url} is not what the vendor published: {_ALGORITHMS[len(expected)]} expected {expected}, seen {seen}",
            fix=f"look at what stands between this machine and {urlsplit(url).netloc}; "
            f"or put a {program.name} {program.fits} of your own on PATH",
        )
    try:
        _unpack(archive, address.members, folder)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise UnavailableError(f"{url} is not laid out as expected: {error}") from error
    archive.unlink(missing_ok=True)
    return url


def checksum_of(file_name: str, checksums: str) -> str | None:
    """The hex digest of a file in a vendor's list: `digest  name` or `digest *name` a line, or one digest alone."""
    lines = [line.split() for line in checksums.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1:
        found = lines[0][0]
    else:
        found = next((line[0] for line in lines if len(line) == 2 and line[1].removeprefix("*") == file_name), "")
    found = found.lower()
    return found if len(found) in _ALGORITHMS and set(found) <= set("0123456789abcdef") else None


def _check_status(response: httpx2.Response) -> None:
    if response.status_code != 200:
        raise UnavailableError(f"{response.url} answered {response.status_code}")


def _unpack(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Take just the members by their names: nothing else in the archive is written anywhere."""
    if archive.name.endswith(".tar.gz"):
        with tarfile.open(archive, "r:gz") as tar:
            for name, member in members.items():
                content = tar.extractfile(member)
                if content is None:
                    raise KeyError(f"{member} is not a file")
                _write_program(content, folder / name)
    elif archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as packed:
            for name, member in members.items():
                with packed.open(member) as content:
                    _write_program(content, folder / name)
    else:
        (name,) = members
        archive.chmod(0o755)
        archive.rename(folder / name)


def _write_program(content: IO[bytes], path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(0o755)
