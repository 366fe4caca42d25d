"""Pulumi programs as forks of a process that has imported the SDKs: what a test waits for is not Python's imports.

The engine and its language host start `python3` from PATH. Here that is a script: it has the server of `lab.prefork`
run programs and dynamic providers, and gives the list of packages as pip gave it once. For anything else, and for a
program with a PYTHONPATH of its own, it becomes the interpreter.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from lab.cluster.processes import Process
from lab.contract import clean_environment
from lab.prefork import CLIENT, SERVER
from lab.tools import Tools

MODULES = (
    *("pulumi", "pulumi.dynamic", "pulumi_aws.ec2", "pulumi_aws.eks", "pulumi_aws.iam", "pulumi_eks"),
    *("pulumi_kubernetes.core.v1", "pulumi_kubernetes.rbac.v1", "pydantic", "boto3", "lightkube", "dill"),
    "eks_identity.testing",
)
_PIP = ("-m", "pip", "list", "-v", "--format", "json")


@contextmanager
def warm(tools: Tools, folder: Path) -> Iterator[Tools]:
    """The same tools, with this `python3` before the interpreter's own."""
    links, socket, packages = folder / "bin", folder / "prefork", folder / "packages.json"
    links.mkdir()
    for program in tools.bin.iterdir():
        (links / program.name).symlink_to(program)
    packages.write_bytes(subprocess.run([sys.executable, *_PIP], capture_output=True, check=True).stdout)
    python = shlex.quote(sys.executable)
    script = f"""#!/bin/sh
case "$PYTHONPATH|$*" in
  "|{" ".join(_PIP)}") exec cat {shlex.quote(str(packages))} ;;
  "|-u -m pulumi.dynamic "* | "|"*pulumi-language-python-exec\\ --*)
    exec {python} -I -S {shlex.quote(str(CLIENT))} {shlex.quote(str(socket))} "$@" ;;
esac
exec {python} "$@"
"""
    for name in ("python", "python3"):
        (links / name).write_text(script)
        (links / name).chmod(0o755)
    log = folder / "prefork.log"
    command = [sys.executable, str(SERVER), str(socket), *MODULES]
    environment = clean_environment({}) | {"PYTHONSAFEPATH": "1"}
    server = Process("prefork", command, log=log, folder=folder, environment=environment)
    try:
        yield replace(tools, bin=links)
    finally:
        forks = psutil.Process(server.pid).children(recursive=True)
        server.kill()
        for fork in forks:
            fork.kill()
