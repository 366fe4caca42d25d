"""Hooks that wait for the real engine after another resource failed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.tools import Tools

PROGRAM = Path(__file__).parents[1] / "support" / "waiting_hooks_program.py"


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


def test_update_ends_when_hooks_wait_for_the_engine_after_a_failure(tmp_path: Path, environment: dict[str, str]):
    """Hooks that wait for what never arrives give up, as the engine waits for them. Nothing is created unchecked."""
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    shutil.copy(PROGRAM, tmp_path / "__main__.py")
    subprocess.run(["pulumi", "stack", "init", "test"], cwd=tmp_path, env=environment, check=True)
    command = ["pulumi", "up", "--stack", "test", "--yes", "--skip-preview", "--non-interactive"]
    update = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert update.returncode != 0
    assert "fails on purpose" in update.stdout
    for name in ("calls", "resolves"):
        assert f'"{name}" is not verified: its check {name}-check did not end within 1 s' in update.stdout
        assert f"{name} created" not in update.stdout
