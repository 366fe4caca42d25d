"""Start prefork servers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.cluster.processes import Process
from lab.prefork import SERVER


def start(socket: Path, modules: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Process:
    """Start a server that imports `modules` and then listens on `socket`, in a folder that only the user can enter."""
    return Process(
        f"prefork of {socket.name}",
        [sys.executable, str(SERVER), str(socket), *modules],
        log=log,
        folder=socket.parent,
        environment={**environment, "PYTHONSAFEPATH": "1"},
    )
