"""components/ as a user has it who names the folder, and the shell in which they add it to a project."""

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

COMPONENTS = Path(__file__).resolve().parents[2] / "components"
PYTHONPATH = {"PYTHONPATH": sysconfig.get_path("purelib")}
"""What the folder depends on is there, but in no environment: pip installs the folder, and no more."""


def copied(folder):
    """A copy of components/ in `folder`: the engine makes a virtual environment in it."""
    shutil.copytree(COMPONENTS, folder / "components", ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    return folder / "components"


def outside(folder, *path):
    """The environment of a shell outside the lab, as pip and npm ask registries; with `path` first on PATH."""
    own = {"PULUMI_HOME": str(folder / "home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    return os.environ | PYTHONPATH | own | {"PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]])}


def added(components, project, environment):
    """Adds the folder's package to a project; what `pulumi package add` printed."""
    command = ["pulumi", "package", "add", os.path.relpath(components, project)]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
