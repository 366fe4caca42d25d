"""Pulumi programs, and `aws`, as forks of a process that has imported the SDKs: tests do not wait for Python's imports.

The engine and its language host start `python3` from PATH. Here that is a script: it has the server of `lab.prefork`
run programs and dynamic providers, and gives the list of packages as pip gave it once. For anything else, and for a
program with a PYTHONPATH of its own, it becomes the interpreter. kubectl, which starts `aws` for each token, starts the
server's in the same way.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from lab.cluster.processes import Process
from lab.contract import clean_environment
from lab.prefork import CLIENT, SERVER
from lab.tools import Tools

MODULES = {
    "python": (
        *("pulumi", "pulumi.dynamic", "pulumi_aws.ec2", "pulumi_aws.eks", "pulumi_aws.iam", "pulumi_eks"),
        *("pulumi_kubernetes.core.v1", "pulumi_kubernetes.rbac.v1", "pydantic", "boto3", "lightkube", "dill"),
        "eks_identity.testing",
    ),
    "aws": ("awscli.clidriver", "awscli.handlers", "awscli.customizations.eks.get_token"),
}
"""Modules that each server imports. `aws` has its own server: importing it changes where botocore finds its data."""
_PIP = ("-m", "pip", "list", "-v", "--format", "json")


@contextmanager
def warm(tools: Tools, folder: Path) -> Iterator[Tools]:
    """The same tools, with this `python3` and `aws` before the interpreter's own."""
    links, packages = folder / "bin", folder / "packages.json"
    links.mkdir()
    for program in tools.bin.iterdir():
        (links / program.name).symlink_to(program)
    packages.write_bytes(subprocess.run([sys.executable, *_PIP], capture_output=True, check=True).stdout)
    aws, fork = str(Path(sys.executable).parent / "aws"), (sys.executable, "-I", "-S", str(CLIENT))
    python = f"""case "$PYTHONPATH|$*" in
  "|{" ".join(_PIP)}") exec cat {shlex.quote(str(packages))} ;;
  "|-u -m pulumi.dynamic "* | "|"*pulumi-language-python-exec\\ --*)
    exec {shlex.join((*fork, str(folder / "python")))} "$@" ;;
esac
exec {shlex.quote(sys.executable)} "$@"
"""
    scripts = {"python": python, "aws": f'exec {shlex.join((*fork, str(folder / "aws"), aws))} "$@"\n'}
    for name, script in (scripts | {"python3": python}).items():
        (links / name).write_text(f"#!/bin/sh\n{script}")
        (links / name).chmod(0o755)
    with ExitStack() as servers:
        for name, modules in MODULES.items():
            servers.enter_context(_server(folder / name, modules))
        yield replace(tools, bin=links)


@contextmanager
def _server(socket: Path, modules: Sequence[str]) -> Iterator[None]:
    command = [sys.executable, str(SERVER), str(socket), *modules]
    environment = clean_environment({}) | {"PYTHONSAFEPATH": "1"}
    log = socket.with_suffix(".log")
    server = Process(f"prefork of {socket.name}", command, log=log, folder=socket.parent, environment=environment)
    try:
        yield
    finally:
        forks = psutil.Process(server.pid).children(recursive=True)
        server.kill()
        for fork in forks:
            fork.kill()
