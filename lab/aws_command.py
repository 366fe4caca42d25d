"""`aws` as a fork of a process that has imported it: kubectl and the engine's plugin start it for each token.

It is the vendor's, whose start takes half a second of processor time and a fork of it a tenth of that.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final

from lab.prefork import CLIENT

MODULES: Final = ("lab.warm_aws",)
"""Modules that the server imports. It serves nothing else: awscli changes where botocore finds its data."""


def install(folder: Path, socket: Path) -> None:
    """Put a command `aws` into `folder` that has the server at `socket` run it, and runs by itself where none is."""
    folder.mkdir(exist_ok=True)
    python = Path(sys.executable)
    command = shlex.join([str(python), "-I", "-S", str(CLIENT), str(socket), str(python.with_name("aws"))])
    script = folder / "aws"
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    script.chmod(0o755)
