"""Where a container finds its volumes, without a mount.

A user without root cannot give a process a file system of its own on every machine (user namespaces are often
switched off), so nothing is mounted. Instead each `mountPath` that stands in a container's environment, command or
arguments is replaced by the real folder of the volume when the process is started: a program finds its files at the
path that its environment names. The pod's spec keeps the paths that it was given. A path that a program has built in
(`/var/run/secrets/kubernetes.io/serviceaccount/token` in client libraries) is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path


class MountTable:
    """Mount paths of one container, each with the folder or file that stands for it."""

    def __init__(self, mounts: Mapping[str, Path]) -> None:
        self._mounts = {path.rstrip("/"): real for path, real in mounts.items() if path.rstrip("/")}
        longest_first = sorted(self._mounts, key=len, reverse=True)
        alternatives = "|".join(re.escape(path) for path in longest_first)
        # A whole path only: neither the tail of a longer one nor the beginning of another name.
        self._pattern = re.compile(rf"(?<![\w.-])(?:{alternatives})(?![\w.-])") if alternatives else None

    def rewrite(self, text: str) -> str:
        """`text` with real paths in the place of mount paths."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: str(self._mounts[match.group()]), text)
