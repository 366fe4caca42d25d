"""Put the stand-in plugins where the engine looks for the vendor's: `PULUMI_HOME/plugins/resource-<name>-v<version>/`.

The engine asks for the version of the SDK that a program uses, so each stand-in takes the version of the SDK that is
installed. A plugin that the engine finds here is used without a warning; one on PATH is not.
"""

from __future__ import annotations

import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Final

PLUGINS: Final = ("aws", "eks", "kubernetes")
REPOSITORY: Final = Path(__file__).resolve().parents[2]


def install(pulumi_home: Path, python: str) -> None:
    """Make `pulumi_home` use the stand-ins, run by the interpreter `python`. Doing it twice changes nothing.

    Raises:
        importlib.metadata.PackageNotFoundError: one of the SDKs is not installed.
    """
    for name in PLUGINS:
        sdk = sdk_version(name)
        folder = pulumi_home / "plugins" / f"resource-{name}-v{sdk}"
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"pulumi-resource-{name}", _script(name, python))


def sdk_version(name: str) -> str:
    """The version of the installed Python SDK of the package `name`: the one that its programs ask for."""
    return version(f"pulumi_{name}")


def _script(name: str, python: str) -> str:
    # -P keeps the program's folder, in which the engine starts plugins, out of the module search.
    return (
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(REPOSITORY))} PYTHONSAFEPATH=1 PYTHONWARNINGS=ignore "
        f'exec {shlex.quote(python)} -m lab.plugins.{name} "$@"\n'
    )


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    path.chmod(0o755)
