"""Options that cannot be used together, before any engine starts."""

import pytest
from click.testing import CliRunner

from eks_pipeline import cli
from eks_pipeline.errors import ExitCode, UsageError


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Return a function that runs the command in a project with two stacks and a `pulumi` that is never called."""
    monkeypatch.chdir(tmp_path)
    for name in ("dev", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    (tmp_path / "fleet.yaml").write_text("stacks: {dev: {}, prod: {}}\n")
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 99\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))

    def invoke(*arguments):
        return CliRunner().invoke(cli.commands, arguments)

    return invoke


UNUSABLE = {
    "no stack": (["up"], "--stack or --fleet must be set"),
    "settings of several stacks": (
        ["up", "--stack", "dev", "--stack", "prod", "--config-file", "Pulumi.dev.yaml"],
        "--config-file must be set for one --stack only",
    ),
    "resume with stacks": (["up", "--resume", "r", "--stack", "dev"], "must be omitted with --resume"),
    "resume nothing": (["up", "--resume", "r"], "--resume 'r' must be a run in"),
    "category": (["up", "--stack", "dev", "--require-approval", "wide"], "--require-approval 'wide' must be a list"),
    "stack of the fleet": (["up", "--fleet", "fleet.yaml", "--stack", "stage"], "must be a stack or a group"),
    "unknown stack": (["destroy", "--stack", "deev"], "fix: pass one of dev, prod"),
    "review": (["up", "--stack", "dev", "--reviewed", "fleet.yaml"], "must be a preview of eks-pipeline"),
    "comment": (["preview", "--stack", "dev", "--comment-to", "x"], "must be OWNER/REPOSITORY#NUMBER"),
}


@pytest.mark.parametrize(("arguments", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_options_end_the_command_before_a_run_starts(invoke, tmp_path, arguments, message):
    error = invoke(*arguments).exception
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert "fix: " in str(error)
    assert not (tmp_path / ".eks-pipeline").exists()


def test_help_lists_the_exit_codes(invoke):
    text = " ".join(invoke("--help").output.split())
    assert all(f"{code.value} {code.name.lower()}" in text for code in ExitCode)


def test_runs_are_ignored_by_git(invoke, tmp_path):
    """A run in the project's folder is no change of the repository, and only its owner reads its previews."""
    invoke("outputs", "--stack", "dev")
    assert (tmp_path / ".eks-pipeline" / ".gitignore").read_text() == "*\n"
    (run,) = (each for each in (tmp_path / ".eks-pipeline").iterdir() if each.is_dir())
    assert run.stat().st_mode & 0o777 == 0o700
