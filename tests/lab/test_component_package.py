"""The folder components/ as a Pulumi component package that projects add by its path."""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lab.environment import process_environment
from support.component_folder import COMPONENTS, PYTHONPATH, added, copied, outside

MARK = "\nfrom pathlib import Path\n\nPath(__file__).with_name('ran').touch()\n"
RUNTIME = {"name": "python", "options": {"toolchain": "pip", "virtualenv": "venv"}}
"""The runtime of a project from `pulumi new`."""
PROGRAM = Path(__file__).with_name("component_package_program.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the folder that writes a file when it runs."""
    copy = copied(tmp_path_factory.mktemp("package"))
    main = copy / "__main__.py"
    main.write_text(main.read_text().replace("\nfrom eks_identity", f"{MARK}from eks_identity"))
    return copy


@pytest.fixture(scope="module")
def python(folder, tools):
    """A new Python project with the added package."""
    project = folder.parent / "python"
    project.mkdir()
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "python", "runtime": RUNTIME}))
    (project / "requirements.txt").write_text("pulumi>=3,<4\npulumi-kubernetes>=4,<5\n")
    shutil.copy(PROGRAM, project / "__main__.py")
    return SimpleNamespace(folder=project, output=added(folder, project, outside(folder.parent, tools.bin)))


def test_get_schema_equals_the_committed_schema(python, folder, tools):
    """`pulumi package get-schema ./components` prints components/schema.json."""
    command = [tools.pulumi, "package", "get-schema", folder]
    completed = subprocess.run(command, env=outside(folder.parent), capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert json.loads(completed.stdout) == json.loads((COMPONENTS / "schema.json").read_text())
    assert (folder / "ran").exists()


def test_engine_uses_the_package_s_virtual_environment(python, folder):
    """The engine creates the virtual environment of PulumiPlugin.yaml, and no other file in the folder."""
    new = {path.name for path in folder.iterdir()} - {path.name for path in COMPONENTS.iterdir()}
    assert new - {".venv", "__pycache__"} == {"ran"}
    assert (folder / ".venv" / "pyvenv.cfg").exists()


def test_package_add_links_the_sdk(python):
    """`pulumi package add` adds the folder to the project and its SDK to the requirements, and prints the import."""
    assert yaml.safe_load((python.folder / "Pulumi.yaml").read_text()) == {
        "name": "python",
        "runtime": RUNTIME,
        "packages": {"eks-identity": "../components"},
    }
    assert (python.folder / "requirements.txt").read_text().splitlines()[-1] == "sdks/eks-identity"
    assert "import pulumi_eks_identity as eks_identity" in python.output


def test_program_uses_the_generated_sdk(python, folder, running_lab, tools):
    """A program imports the SDK from the project's virtual environment, and the folder serves the components."""
    (folder / "ran").unlink()
    environment = process_environment(running_lab, tools.bin) | PYTHONPATH

    def pulumi(*arguments):
        command = [tools.pulumi, *arguments, "--stack", "folder", "--non-interactive", "--color", "never"]
        return subprocess.run(command, cwd=python.folder, env=environment, capture_output=True, text=True, check=False)

    assert pulumi("stack", "init").returncode == 0
    assert pulumi("config", "set", "aws:region", "ap-northeast-1").returncode == 0
    preview = pulumi("preview")
    assert pulumi("stack", "rm", "--yes").returncode == 0
    assert preview.returncode == 0, preview.stdout + preview.stderr
    for resource in ("ClusterAccess operators", "AwsAuthMapping operators"):
        assert f"eks-identity:index:{resource}" in preview.stdout
    assert "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding" in preview.stdout
    assert f'sdk: "{python.folder / "venv"}' in " ".join(preview.stdout.split())
    assert (folder / "ran").exists()
