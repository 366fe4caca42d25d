"""components/ as Pulumi runs a folder: a component package that others name by its path."""

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from lab.environment import process_environment

COMPONENTS = Path(__file__).resolve().parents[2] / "components"
MARK = "\nfrom pathlib import Path\n\nPath(__file__).with_name('ran').touch()\n"
PROGRAM = """
import pulumi

pulumi.ComponentResource("eks-identity:index:NodeIsolation", "nodes", {}, remote=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the folder, which leaves a mark when it runs."""
    copy = tmp_path_factory.mktemp("package") / "components"
    shutil.copytree(COMPONENTS, copy, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    main = copy / "__main__.py"
    main.write_text(main.read_text().replace("\nfrom eks_identity", f"{MARK}from eks_identity"))
    return copy


@pytest.fixture(scope="module")
def schema(folder, tools, tmp_path_factory):
    """What the engine says of the folder. It installs it first: what it depends on is there, but in no environment."""
    there = {"PYTHONPATH": sysconfig.get_path("purelib"), "PULUMI_HOME": str(tmp_path_factory.mktemp("home"))}
    done = subprocess.run(
        [tools.pulumi, "package", "get-schema", folder],
        env=os.environ | there | {"PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_get_schema_says_the_committed_one(schema, folder):
    """`pulumi package get-schema ./components` says what components/schema.json does."""
    assert json.loads(schema) == json.loads((COMPONENTS / "schema.json").read_text())
    assert (folder / "ran").exists()


def test_the_engine_installs_where_the_package_says(schema, folder):
    """The virtual environment is the one that PulumiPlugin.yaml names, and the folder has nothing else that is new."""
    new = {path.name for path in folder.iterdir()} - {path.name for path in COMPONENTS.iterdir()}
    assert new - {".venv", "__pycache__"} == {"ran"}
    assert (folder / ".venv" / "pyvenv.cfg").exists()


def test_a_program_runs_the_folder(schema, folder, running_lab, tools, tmp_path):
    """A program that names the folder in its project gets its components from there."""
    (folder / "ran").unlink()
    providers = [{"name": "eks-identity", "path": str(folder)}]
    project = {"name": "folder", "runtime": "python", "plugins": {"providers": providers}}
    (tmp_path / "Pulumi.yaml").write_text(json.dumps(project))
    (tmp_path / "__main__.py").write_text(PROGRAM)
    environment = process_environment(running_lab, tools.bin)
    environment["PYTHONPATH"] = sysconfig.get_path("purelib")

    def pulumi(*arguments):
        command = [tools.pulumi, *arguments, "--stack", "folder", "--non-interactive", "--color", "never"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert pulumi("stack", "init").returncode == 0
    assert pulumi("config", "set", "aws:region", "ap-northeast-1").returncode == 0
    previewed = pulumi("preview")
    assert pulumi("stack", "rm", "--yes").returncode == 0
    assert previewed.returncode == 0, previewed.stdout + previewed.stderr
    assert "eks-identity:index:NodeIsolation nodes create" in previewed.stdout
    assert "aws:ec2:LaunchTemplate" in previewed.stdout
    assert (folder / "ran").exists()
