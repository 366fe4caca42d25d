"""The command `make outdated`: print the pinned versions older than a year, with the newest version of each.

It covers every Python package in the lock files, and the Go modules of the compiled programs, which determine the rest.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
from packaging.version import InvalidVersion, Version
from rich.console import Console
from rich.table import Table

from lab.tools.programs import CATALOGUE, EKSCTL, LANGUAGE_HOSTS
from lab.tools.provider_plugins import BUILDS
from lab.tools.toolbox import MODULES

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = ("requirements-uv.txt", "requirements.lock")
YEAR = timedelta(days=365)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_SIMPLE = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Pin:
    """A pinned version of a Python package or of a Go module."""

    name: str
    version: str
    published: datetime
    newest: str

    def is_older(self, than: timedelta, now: datetime) -> bool:
        return now - self.published > than


def python_pins(locks: Iterable[str], index: str) -> list[Pin]:
    """Return every package in the texts of `locks`, with data of a package index with upload times (PEP 700).

    Raises `httpx2.HTTPError` if the index does not respond, `KeyError` if it has no upload times.
    """
    pinned = sorted({match for text in locks for match in _PINNED.findall(text)})
    with httpx2.Client(base_url=index, headers={"accept": _SIMPLE}, follow_redirects=True, timeout=60) as client:

        def pin(name: str, version: str) -> Pin:
            response = client.get(f"{name}/")
            response.raise_for_status()
            page = response.json()
            file = f"{name}-{version}".lower().replace("-", "_").replace(".", "_")
            uploaded = [
                entry["upload-time"]
                for entry in page["files"]
                if re.match(rf"{re.escape(file)}(_|$)", re.sub(r"[-.]", "_", entry["filename"].lower()))
            ]
            return Pin(name, version, _time(min(uploaded)), newest(page["versions"]))

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda package: pin(*package), pinned))


def newest(versions: Sequence[str]) -> str:
    """Return the newest version; a pre-release only if there is no release."""
    valid = [Version(version) for version in versions if is_version(version)]
    return str(max([version for version in valid if not version.is_prerelease] or valid))


def is_version(text: str) -> bool:
    """Return whether a release name is a valid version (PEP 440): indexes list some older names."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def go_pins(modules: Path = MODULES) -> Iterator[Pin]:
    """Yield the module of every compiled program, with data of the module proxy. Raises `CalledProcessError`."""
    programs = (*CATALOGUE, *LANGUAGE_HOSTS.values(), EKSCTL)
    builds = [*BUILDS.values(), *(build for program in programs for build in program.compiled.values())]
    sources = {(build.module, build.package) for build in builds}
    sources |= {(copy.module, copy.source) for build in builds for copy in build.embedded.values()}
    pinned: set[tuple[str, str]] = set()
    for module, package in sources:
        required = re.findall(r"^(?:require)?\s+(\S+) v\S+", (modules / module / "go.mod").read_text(), re.MULTILINE)
        matching = [path for path in required if package.startswith(path)]  # none for a program of our own
        pinned |= {(module, max(matching, key=len))} if matching else set()
    for module, path in sorted(pinned):
        command = ["go", "list", "-m", "-json", "-mod=readonly"]
        current = json.loads(_go([*command, path], modules / module))
        latest = json.loads(_go([*command, f"{path}@latest"], modules / module))
        yield Pin(path, current["Version"], _time(current["Time"]), latest["Version"])


def _go(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def main() -> None:
    """Print the pins that are older than a year."""
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
    now = datetime.now(UTC)
    locks = ((REPOSITORY / name).read_text() for name in LOCKS)
    pins = [*python_pins(locks, f"{index.rstrip('/')}/"), *go_pins()]
    old = sorted((pin for pin in pins if pin.is_older(YEAR, now)), key=lambda pin: pin.published)
    table = Table("pinned", "version", "published", "newest")
    for pin in old:
        table.add_row(pin.name, pin.version, f"{pin.published:%Y-%m-%d}", pin.newest)
    Console(width=110).print(table if old else "No pin is older than a year.")
    sys.stderr.write(f"{len(old)} of {len(pins)} pins are older than a year\n")


if __name__ == "__main__":
    main()
