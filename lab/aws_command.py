"""Install an `aws` command that runs as a fork of a process which has imported awscli.

kubectl and the engine's plugin start `aws` for each token. AWS's own command takes half a second of processor time to
start, a fork of it a tenth of that.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

from lab.prefork import CLIENT

MODULES: Final = ("lab.warm_aws",)
"""Modules that the server imports. It serves no other command: awscli changes where botocore finds its data."""


def install(folder: Path, socket: Path) -> None:
    """Write the command `aws` into `folder`.

    The server at `socket` runs it; without a server the command runs by itself.
    """
    folder.mkdir(exist_ok=True)
    python = Path(sys.executable)
    command = shlex.join([str(python), "-I", "-S", str(CLIENT), str(socket), str(python.with_name("aws"))])
    script = folder / "aws"
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    script.chmod(0o755)
