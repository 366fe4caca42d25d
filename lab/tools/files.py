"""Atomic writes: another process sees the complete file or none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def link_folder(folder: Path, links: Mapping[str, Path]) -> Path:
    """Create `links` in `folder`, each by a rename. Raises `OSError`.

    Several runs may write to it at once: its name is derived from its content, so they all write the same.
    """
    folder.mkdir(exist_ok=True)
    for name, target in links.items():
        link = folder / name
        if link.is_symlink() and link.readlink() == target:
            continue
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
    return folder
