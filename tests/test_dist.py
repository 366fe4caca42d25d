"""The wheels of the component library, of eks-access and of eks-pipeline, installed into an empty environment."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PROGRAM = """
from pathlib import Path

import eks_identity
import pulumi
from eks_identity import Cluster, ClusterAccess
from eks_identity.testing import deploy

OPERATOR = "arn:aws:iam::111122223333:user/eks-ope"


def program():
    cluster = Cluster("eks-clu", {"name": "eks-clu"})
    args = {"cluster": cluster.connection, "group": "operators", "rbac_roles": [{"name": "view"}]}
    options = pulumi.ResourceOptions(providers=[cluster.provider])
    ClusterAccess("operators", {**args, "principals": [{"arn": OPERATOR}]}, options)


deployment = deploy(program)
deployment.assert_can(OPERATOR, "list", "pods")
deployment.assert_cannot(OPERATOR, "delete", "pods")
print(Path(eks_identity.__file__).parent)
"""


def run(*command, folder, check=True):
    """Run a command with no Python path of this repository."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build the wheels as `make dist` does, with the build backend of the locks."""
    folder = tmp_path_factory.mktemp("dist")
    options = ("--quiet", "--wheel", "--offline", "--no-build-isolation", "--python", sys.executable)
    for project in ("components", "access_graph", "policies", "pipeline"):
        run(BIN / "uv", "build", *options, "--out-dir", folder, REPOSITORY / project, folder=folder)
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheels, tmp_path_factory):
    """Install the wheels into an empty environment, in the versions of the lock: from uv's cache if it has them all."""
    folder = tmp_path_factory.mktemp("environment")
    run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, folder / ".venv", folder=folder)
    python = folder / ".venv" / "bin" / "python"
    install = (BIN / "uv", "pip", "install", "--quiet", "--python", python)
    what = ("--constraints", REPOSITORY / "requirements.lock", *wheels)
    if run(*install, "--offline", *what, folder=folder, check=False).returncode:
        run(*install, *what, folder=folder)
    return python


def test_each_wheel_has_its_package_and_nothing_else(wheels):
    """A wheel contains its package with the marker for type checkers, and no tests, lab or settings."""
    packages = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        (package,) = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
        assert f"{package}/py.typed" in names
        assert package != "eks_access" or "eks_access/catalogue/aws_managed_policies.json.gz" in names
        packages.append(package)
    assert packages == ["eks_access", "eks_identity", "eks_pipeline", "eks_policies"]


def test_an_installed_wheel_runs_a_component(environment):
    """A program in an empty environment declares a component and asserts its access."""
    done = run(environment, "-W", "ignore", "-c", PROGRAM, folder=environment.parent)
    assert Path(done.stdout.strip()).is_relative_to(environment.parents[1])


def test_an_installed_wheel_has_the_plugin(environment):
    """The wheel installs the plugin under the name that the engine looks for."""
    assert (environment.parent / "pulumi-resource-eks-identity").exists()


@pytest.mark.parametrize("command", ["eks-access", "eks-pipeline", "kubectl-eks_access"])
def test_an_installed_wheel_has_the_command(environment, command):
    """The wheels install `eks-access`, the program that `kubectl eks-access` runs, and `eks-pipeline`."""
    done = run(environment.parent / command, "--version", folder=environment.parent)
    assert "0.1.0" in done.stdout
