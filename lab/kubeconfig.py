"""Write kubeconfigs with the aws command, so that they equal those of AWS's users."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.environment import process_environment
from lab.errors import StartError
from lab.lab_dir import LabDir
from lab.principals import ADMINISTRATOR


def update_kubeconfig(home: LabDir, bin_folder: Path, cluster: str, principal: str = ADMINISTRATOR) -> None:
    """Run `aws eks update-kubeconfig` as `principal`. Raises `StartError` with its error output if it fails."""
    done = subprocess.run(
        ["aws", "eks", "update-kubeconfig", "--name", cluster, "--alias", cluster],
        env=process_environment(home, bin_folder, principal),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StartError(
            f"`aws eks update-kubeconfig --name {cluster}` as {principal} failed: {done.stderr.strip()}",
            fix=f"allow {principal} eks:DescribeCluster on {cluster}",
        )
