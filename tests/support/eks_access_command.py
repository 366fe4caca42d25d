"""The command `eks-access` as a process of its own."""

from __future__ import annotations

import subprocess
import sys


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command without AWS and Kubernetes."""
    command = [sys.executable, "-m", "eks_access", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
