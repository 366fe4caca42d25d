"""An environment stays in the account that it names, by what AWS itself says of the credentials."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.environment import process_environment

REPOSITORY = Path(__file__).resolve().parents[2]
OTHER_ACCOUNT = "210987654321"
"""The lab's second account, which `other-admin` administers."""
EXTRA = f"""
from stacks import guard

def compose() -> None:
    guard.account_is("{OTHER_ACCOUNT}")
"""


@pytest.fixture
def project(tmp_path):
    """A copy of the project with one environment more: a module and a settings file, as the layout promises."""
    for name in ("stacks", "Pulumi.yaml", "Pulumi.lab.yaml", "__main__.py"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    (tmp_path / "stacks" / "extra.py").write_text(EXTRA)
    (tmp_path / "Pulumi.extra.yaml").write_text("config:\n  aws:region: ap-northeast-1\n")
    return tmp_path


@pytest.fixture
def preview(running_lab, tools, project):
    def run(stack, principal):
        real_looking = {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_PROFILE": "production",
        }
        environment = process_environment(running_lab, tools.bin, principal, inherit={**os.environ, **real_looking})
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "preview", "--stack", stack, "--cwd", str(project), "--json"],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize(
    ("stack", "principal", "account", "named"),
    [
        ("lab", "other-admin", OTHER_ACCOUNT, "123456789012"),
        ("extra", "lab-admin", "123456789012", OTHER_ACCOUNT),
    ],
)
def test_accounts_are_kept_apart(preview, stack, principal, account, named):
    """The lab's stack refuses every account but the lab's, and other stacks refuse the lab's, at preview."""
    report = preview(stack, principal)
    said = "\n".join(report["diagnostics"])
    assert report["result"] == "failed"
    assert f"AWS credentials: '{account}'" in said
    assert f"credentials of account {named}, which the settings of this stack name" in said
    assert "fix:" in said
    assert not [change for change in report["changes"] if change["operation"] == "create"]


def test_one_module_and_one_settings_file_are_an_environment(preview):
    """In the account that it names, an environment of one module and one settings file is picked by its name."""
    assert preview("extra", "other-admin")["result"] == "succeeded"
