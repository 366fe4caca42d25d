"""The command `eks-access`, run in this process: to start Python and import it takes longer than most of its runs."""

from __future__ import annotations

import subprocess

from eks_access.cli import main
from support.command_lines import call


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command without AWS and Kubernetes. An exception, which would be a traceback, is raised."""
    done = call(main, *arguments)
    return subprocess.CompletedProcess(arguments, done.code, done.stdout, done.stderr)
