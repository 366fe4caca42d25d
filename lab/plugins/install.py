"""Put the stand-in plugins where the engine looks for the vendor's: `PULUMI_HOME/plugins/resource-<name>-v<version>/`.

The engine asks for the version of the SDK that a program uses, so each stand-in takes the version of the SDK that is
installed. A plugin that the engine finds here is used without a warning; one on PATH is not.
"""

from __future__ import annotations

import shlex
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lab.prefork import CLIENT

PLUGINS: Final = ("aws", "eks", "kubernetes")
MODULES: Final = (*(f"lab.plugins.{name}.provider" for name in PLUGINS), "lab.plugins.serve", "lab.plugins.warm")
"""Modules that the prefork server imports for the stand-ins."""
REPOSITORY: Final = Path(__file__).resolve().parents[2]
_SHEBANG: Final = b"#!"
"""What stand-ins begin with, and the vendor's binaries do not."""


def install(pulumi_home: Path, python: str, prefork: Path | None = None) -> None:
    """Make `pulumi_home` use the stand-ins, run by the interpreter `python`. Doing it twice changes nothing.

    With `prefork`, the socket of a server that has imported them, they run as its forks while it runs.

    Raises:
        importlib.metadata.PackageNotFoundError: one of the SDKs is not installed.
    """
    for name in PLUGINS:
        executable = _executable(pulumi_home, name)
        executable.parent.mkdir(parents=True, exist_ok=True)
        _write(executable, _script(name, python, prefork).encode())


def uninstall(pulumi_home: Path) -> None:
    """Take the stand-ins away, so that the engine finds the vendor's plugins; those stay where they are there."""
    for name in PLUGINS:
        executable = _executable(pulumi_home, name)
        if executable.exists() and executable.read_bytes().startswith(_SHEBANG):
            shutil.rmtree(executable.parent)


def sdk_version(name: str) -> str:
    """The version of the installed Python SDK of the package `name`: the one that its programs ask for."""
    return version(f"pulumi_{name}")


def _executable(pulumi_home: Path, name: str) -> Path:
    return pulumi_home / "plugins" / f"resource-{name}-v{sdk_version(name)}" / f"pulumi-resource-{name}"


def _script(name: str, python: str, prefork: Path | None) -> str:
    # -P keeps the program's folder, in which the engine starts plugins, out of the module search.
    command = [python] if prefork is None else [python, "-I", "-S", str(CLIENT), str(prefork)]
    return (
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(REPOSITORY))} PYTHONSAFEPATH=1 PYTHONWARNINGS=ignore "
        f'exec {shlex.join([*command, "-m", f"lab.plugins.{name}"])} "$@"\n'
    )


def _write(path: Path, content: bytes) -> None:
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
    path.chmod(0o755)
