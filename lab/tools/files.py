"""Atomic writes, and folders of links that several runs share: another process sees the complete file or none."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Mapping

UNUSED_SECONDS = 7 * 24 * 3600
"""A folder of links that no run has requested for this time is removed."""


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` by a rename. Raises `OSError`."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def link_folder(cache: Path, name: str, links: Mapping[str, Path]) -> Path:
    """Return the folder `<name>-<digest of the links>` in `cache`, with these links. Raises `OSError`.

    Folders with this name and other links are removed if they are unused. A lock keeps a run from removing a folder
    that another run is about to use.
    """
    digest = hashlib.sha256(repr(sorted(links.items())).encode()).hexdigest()[:12]
    folder = cache / f"{name}-{digest}"
    with FileLock(cache / f".{name}-links.lock", preserve_lock_file=True):
        folder.mkdir(exist_ok=True)
        for link_name, target in links.items():
            _link(folder / link_name, target)
        os.utime(folder)
        _remove_unused(cache, name)
    return folder


def _link(link: Path, target: Path) -> None:
    """Create the link by a rename: programs start from this folder at any moment."""
    if link.is_symlink() and link.readlink() == target:
        return
    new = link.with_name(f".{link.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _remove_unused(cache: Path, name: str) -> None:
    """Remove the folders that no run has requested for a week, except those from which a process runs.

    The daemon of a lab has the paths of its programs in its command line, and may run for longer.
    """
    pattern, oldest = re.compile(rf"{name}-[0-9a-f]{{12}}"), time.time() - UNUSED_SECONDS
    old = [each for each in cache.iterdir() if pattern.fullmatch(each.name) and each.stat().st_mtime < oldest]
    if not old:
        return
    import psutil  # noqa: PLC0415 - rarely used

    arguments = [argument for process in psutil.process_iter(["cmdline"]) for argument in process.info["cmdline"] or ()]
    for folder in old:
        if not any(f"{folder}{os.sep}" in argument for argument in arguments):
            shutil.rmtree(folder, ignore_errors=True)
