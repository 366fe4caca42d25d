"""The preflight check of the AWS account: the credentials must belong to the account in the settings."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.environment import process_environment
from support.pipeline_events import report_of

REPOSITORY = Path(__file__).resolve().parents[2]
OTHER_ACCOUNT = "210987654321"
"""The lab's second account, which `other-admin` administers."""
EXTRA = f"""
from stacks import preflight

def compose() -> None:
    preflight.check_account("{OTHER_ACCOUNT}")
"""


@pytest.fixture
def project(tmp_path):
    """A copy of the project with an added environment: a module and a settings file."""
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
        command = [sys.executable, "-m", "pipeline", "preview"]
        result = subprocess.run(
            [*command, "--stack", stack, "--cwd", str(project), "--runs", str(project / "runs"), "--json"],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stdout, result.stderr
        return report_of(result.stdout)

    return run


@pytest.mark.parametrize(
    ("stack", "principal", "account", "expected"),
    [
        ("lab", "other-admin", OTHER_ACCOUNT, "123456789012"),
        ("extra", "lab-admin", "123456789012", OTHER_ACCOUNT),
    ],
)
def test_preflight_rejects_credentials_of_another_account(preview, stack, principal, account, expected):
    """At preview the lab's stack rejects every account but the lab's, and other stacks reject the lab's account."""
    report = preview(stack, principal)
    diagnostics = "\n".join(report["diagnostics"])
    assert report["result"] == "failed"
    assert f"AWS credentials: '{account}'" in diagnostics
    assert f"must belong to account {expected}, which the settings of this stack name" in diagnostics
    assert "fix:" in diagnostics
    assert not [change for change in report["changes"] if change["operation"] == "create"]


def test_preflight_allows_credentials_of_the_account(preview):
    """An environment of one module and one settings file previews with credentials of its account."""
    assert preview("extra", "other-admin")["result"] == "succeeded"
