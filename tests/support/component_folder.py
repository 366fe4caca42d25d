"""The folder components/ as a user adds it to a project, and the environment of the user's shell."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

COMPONENTS = Path(__file__).resolve().parents[2] / "components"
PYTHONPATH = {"PYTHONPATH": sysconfig.get_path("purelib")}
"""The installed dependencies of the folder, outside of a virtual environment: pip installs only the folder itself."""


def copied(folder):
    """Copy components/ into `folder`, where the engine creates a virtual environment in it. Return the copy."""
    shutil.copytree(COMPONENTS, folder / "components", ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    return folder / "components"


def outside(folder, *path):
    """Return the environment of a shell outside the lab, where pip and npm reach registries; `path` comes first."""
    own = {"PULUMI_HOME": str(folder / "home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    return os.environ | PYTHONPATH | own | {"PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])}


def added(components, project, environment):
    """Add the folder's package to a project. Return the output of `pulumi package add`."""
    command = ["pulumi", "package", "add", os.path.relpath(components, project)]
    completed = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout
