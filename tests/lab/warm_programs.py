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
    *("awscli.clidriver", "awscli.handlers", "awscli.customizations.eks.get_token", "eks_identity.testing"),
)
_PIP = ("-m", "pip", "list", "-v", "--format", "json")


@contextmanager
def warm(tools: Tools, folder: Path) -> Iterator[Tools]:
    """The same tools, with this `python3` and `aws` before the interpreter's own."""
    links, socket, packages = folder / "bin", folder / "prefork", folder / "packages.json"
    links.mkdir()
    for program in tools.bin.iterdir():
        (links / program.name).symlink_to(program)
    aws = Path(sys.executable).parent / "aws"
    packages.write_bytes(subprocess.run([sys.executable, *_PIP], capture_output=True, check=True).stdout)
    python = shlex.quote(sys.executable)
    forked = f"exec {python} -I -S {shlex.quote(str(CLIENT))} {shlex.quote(str(socket))}"
    script = f"""#!/bin/sh
case "$PYTHONPATH|$*" in
  "|{" ".join(_PIP)}") exec cat {shlex.quote(str(packages))} ;;
  "|-u -m pulumi.dynamic "* | "|"*pulumi-language-python-exec\\ --*)
    {forked} "$@" ;;
esac
exec {python} "$@"
"""
    scripts = {"python": script, "python3": script, "aws": f'#!/bin/sh\n{forked} {shlex.quote(str(aws))} "$@"\n'}
    for name, text in scripts.items():
        (links / name).write_text(text)
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
