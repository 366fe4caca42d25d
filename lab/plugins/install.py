"""Install the provider plugins of a lab: `PULUMI_HOME/plugins/resource-<name>-v<version>/`.

The engine requests the version of the SDK that a program uses, so each plugin has the version of the installed SDK: a
stand-in, and a link to an official plugin. The engine uses a plugin in this folder without a warning, unlike one on
PATH.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lab.prefork import CLIENT

PLUGINS: Final = ("aws", "eks", "kubernetes")
MODULES: Final = (*(f"lab.plugins.{name}.provider" for name in PLUGINS), "lab.plugins.serve", "lab.plugins.warm")
"""Modules that the prefork server of the stand-ins imports."""
REPOSITORY: Final = Path(__file__).resolve().parents[2]


def install(
    pulumi_home: Path, python: str, prefork: Path | None = None, *, official: Mapping[str, Path] | None = None
) -> None:
    """Install the plugins in `pulumi_home`. A second call changes nothing.

    `official` has the executables of official plugins, by name. The others are stand-ins, run by the interpreter
    `python`. `prefork` is the socket of a server that has imported them: while it runs, they run as its forks.

    Raises:
        importlib.metadata.PackageNotFoundError: one of the SDKs is not installed.
    """
    for name in PLUGINS:
        executable = _executable(pulumi_home, name)
        if official and name in official:
            _link(executable, official[name])
        else:
            _write(executable, _script(name, python, prefork).encode())


def sdk_version(name: str) -> str:
    """Return the version of the installed Python SDK of the package `name`, which its programs request."""
    return version(f"pulumi_{name}")


def _executable(pulumi_home: Path, name: str) -> Path:
    return pulumi_home / "plugins" / f"resource-{name}-v{sdk_version(name)}" / f"pulumi-resource-{name}"


def _script(name: str, python: str, prefork: Path | None) -> str:
    # PYTHONSAFEPATH keeps the program's folder, which is the plugin's working directory, out of the module search.
    command = [python] if prefork is None else [python, "-I", "-S", str(CLIENT), str(prefork)]
    return (
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(REPOSITORY))} PYTHONSAFEPATH=1 PYTHONWARNINGS=ignore "
        f'exec {shlex.join([*command, "-m", f"lab.plugins.{name}"])} "$@"\n'
    )


def _write(path: Path, content: bytes) -> None:
    if path.is_symlink():
        path.unlink()  # writing would change the official plugin
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
    path.chmod(0o755)


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    shutil.rmtree(path.parent, ignore_errors=True)
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
