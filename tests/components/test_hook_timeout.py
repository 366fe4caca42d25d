"""Hooks that wait for the real engine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.tools import Tools

PROGRAMS = Path(__file__).parents[1] / "support"


@pytest.fixture
def environment(tmp_path: Path, tools: Tools) -> dict[str, str]:
    (tmp_path / "state").mkdir()
    return {
        "PATH": os.pathsep.join([str(tools.bin), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def update(program: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `pulumi up` for a program in a new stack."""
    (folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    shutil.copy(PROGRAMS / program, folder / "__main__.py")
    subprocess.run(["pulumi", "stack", "init", "test"], cwd=folder, env=environment, check=True)
    command = ["pulumi", "up", "--stack", "test", "--yes", "--skip-preview", "--non-interactive"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_update_ends_when_hooks_wait_for_the_engine_after_a_failure(tmp_path: Path, environment: dict[str, str]):
    """Hooks that wait for what never arrives give up, as the engine waits for them. Nothing is created unchecked."""
    failed = update("waiting_hooks_program.py", tmp_path, environment)
    assert failed.returncode != 0
    assert "fails on purpose" in failed.stdout
    for name in ("calls", "resolves"):
        assert f'"{name}" is not verified: its check {name}-check did not end within 1 s' in failed.stdout
        assert f"{name} created" not in failed.stdout


def test_hook_does_not_wait_for_a_child_of_the_same_name(tmp_path: Path, environment: dict[str, str]):
    """A child is verified although the parent of another child of its name is registered after it."""
    updated = update("same_child_names_program.py", tmp_path, environment)
    assert updated.returncode == 0, updated.stdout
    for parent in ("First", "Second"):
        assert f"checked urn:pulumi:test::tiny::test:index:{parent}$" in updated.stdout
