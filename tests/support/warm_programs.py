"""Run Pulumi programs as forks of a process that has imported the SDKs, so that tests do not wait for Python's imports.

The engine and its language host start `python3` from PATH. Here it is a script that runs programs and dynamic providers
by the server of `lab.prefork`, and prints a recorded list of pip's packages. For any other command, and for a program
with a PYTHONPATH of its own, it executes the interpreter. The library's installed plugin, which the engine also starts
from PATH, is a fork too.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from lab.interfaces import clean_environment
from lab.prefork import CLIENT
from lab.prefork.start import start
from lab.tools import Tools

MODULES = (
    *("pulumi", "pulumi.dynamic", "pulumi_aws.ec2", "pulumi_aws.eks", "pulumi_aws.iam", "pulumi_eks"),
    *("pulumi_kubernetes.core.v1", "pulumi_kubernetes.rbac.v1", "pydantic", "boto3", "lightkube", "dill"),
    *("eks_identity.testing", str(Path(__file__).with_name("warm_library.py"))),
)
"""Modules that the server imports, and one that it runs."""
PLUGIN = "pulumi-resource-eks-identity"
_PIP = ("-m", "pip", "list", "-v", "--format", "json")


@contextmanager
def warm(tools: Tools, folder: Path, modules: Sequence[str] = MODULES) -> Iterator[Tools]:
    """Return the tools with this `python3` before the interpreter's own. Its server imports `modules`."""
    links, packages = folder / "bin", folder / "packages.json"
    links.mkdir()
    for program in tools.bin.iterdir():
        (links / program.name).symlink_to(program)
    packages.write_bytes(subprocess.run([sys.executable, *_PIP], capture_output=True, check=True).stdout)
    fork = shlex.join([sys.executable, "-I", "-S", str(CLIENT), str(folder / "server")])
    python = f"""case "$PYTHONPATH|$*" in
  "|{" ".join(_PIP)}") exec cat {shlex.quote(str(packages))} ;;
  "|-u -m pulumi.dynamic "* | "|"*pulumi-language-python-exec\\ --*)
    exec {fork} "$@" ;;
esac
exec {shlex.quote(sys.executable)} "$@"
"""
    plugin = Path(sys.executable).with_name(PLUGIN)
    scripts = {"python": python, "python3": python, PLUGIN: f'exec {fork} {shlex.quote(str(plugin))} "$@"\n'}
    for name, script in scripts.items():
        (links / name).write_text(f"#!/bin/sh\n{script}")
        (links / name).chmod(0o755)
    server = start(folder / "server", modules, log=folder / "server.log", environment=clean_environment({}))
    try:
        yield replace(tools, bin=links)
    finally:
        forks = psutil.Process(server.pid).children(recursive=True)
        server.kill()
        for fork in forks:
            fork.kill()


def link_virtual_environment(folder: Path, tools: Tools) -> None:
    """Create a copy of the tests' virtual environment in `folder`, with the `python3` of `tools`."""
    folder.mkdir()
    for entry in Path(sys.executable).parents[1].iterdir():
        (folder / entry.name).symlink_to(tools.bin if entry.name == "bin" else entry)
