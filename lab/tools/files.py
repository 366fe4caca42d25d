"""Writes that another process sees whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_atomically(path: Path, text: str) -> None:
    """Put `text` at `path` by a rename. Raises `OSError`."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def link_folder(folder: Path, links: Mapping[str, Path]) -> Path:
    """Make `folder` hold `links`, each put in place by a rename. Raises `OSError`.

    Several runs may fill it at once: its name stands for its content, so they all write the same.
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
