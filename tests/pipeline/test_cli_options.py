"""Options that cannot be used together, before any engine starts."""

import pytest
from click.testing import CliRunner

from eks_pipeline import cli
from eks_pipeline.errors import ExitCode, OperationFailedError, ReviewDiffersError, UsageError
from eks_pipeline.review.stack_preview import FleetPreview, write
from support.stack_previews import preview, step


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
    "resume with options": (
        ["up", "--resume", "r", "--fail-fast", "--require-approval", "lockout"],
        "--fail-fast, --require-approval must be omitted with --resume",
    ),
    "resume with a migration": (["migrate", "--resume", "r", "--set", "a=b"], "--set must be omitted with --resume"),
    "no category": (["up", "--stack", "dev", "--require-approval", ""], "--require-approval '' must be a list"),
    "approval of nothing": (
        ["up", "--stack", "dev", "--approve", "a"],
        "--approve must be set with --require-approval",
    ),
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


def test_a_result_is_written_to_a_folder_that_exists(invoke, tmp_path):
    for option in ("--save", "--save-comment"):
        error = invoke("preview", "--stack", "dev", option, "missing/preview.json")
        assert error.exit_code == ExitCode.USAGE
        assert "the folder of 'missing/preview.json' must exist" in error.output
    assert not (tmp_path / ".eks-pipeline").exists()


def test_result_is_printed_although_the_comment_cannot_be_posted(invoke, monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    result = invoke("preview", "--stack", "dev", "--comment-to", "octo-org/clusters#12")
    assert isinstance(result.exception, OperationFailedError)
    assert "preview of dev: failed in " in result.output


def test_update_does_not_start_if_the_fleet_lacks_a_reviewed_stack(invoke, tmp_path):
    """The reviewer saw its change, which would not be applied. `--stack` leaves it out on purpose, and says so."""
    reviewed = FleetPreview(stacks=(preview(stack="dev"), preview(stack="gone", steps=(step(),))))
    write(reviewed, tmp_path / "reviewed.json")
    result = invoke("up", "--fleet", "fleet.yaml", "--reviewed", "reviewed.json")
    assert isinstance(result.exception, ReviewDiffersError)
    assert "has stacks that the fleet file does not have: gone; nothing was changed" in str(result.exception)
    (run,) = (tmp_path / ".eks-pipeline").glob("*/run.json")
    assert isinstance(invoke("up", "--resume", run.parent.name).exception, ReviewDiffersError)
    selected = invoke("up", "--fleet", "fleet.yaml", "--stack", "dev", "--reviewed", "reviewed.json")
    assert "reviewed, and not selected by --stack: gone\n" in selected.output


def test_run_is_not_resumed_without_a_stack_that_it_had(invoke, tmp_path):
    invoke("outputs", "--fleet", "fleet.yaml")
    (run,) = (tmp_path / ".eks-pipeline").glob("*/run.json")
    (tmp_path / "fleet.yaml").write_text("stacks: {dev: {}}\n")
    error = invoke("outputs", "--resume", run.parent.name).exception
    assert isinstance(error, UsageError)
    assert "has stacks that the fleet file does not have any more: prod" in str(error)


def test_help_lists_the_exit_codes(invoke):
    text = " ".join(invoke("--help").output.split())
    assert all(f"{code.value} {code.name.lower()}" in text for code in ExitCode)


def test_runs_are_ignored_by_git(invoke, tmp_path):
    """A run in the project's folder is no change of the repository, and only its owner reads its previews."""
    invoke("outputs", "--stack", "dev")
    assert (tmp_path / ".eks-pipeline" / ".gitignore").read_text() == "*\n"
    (run,) = (each for each in (tmp_path / ".eks-pipeline").iterdir() if each.is_dir())
    assert run.stat().st_mode & 0o777 == 0o700


def test_interrupt_outside_a_run_ends_the_command_without_a_traceback(monkeypatch, capsys):
    """While a run goes on, its own handler takes Ctrl-C: see test_operations."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.commands.commands["outputs"], "invoke", interrupt)
    monkeypatch.setattr("sys.argv", ["eks-pipeline", "outputs", "--stack", "dev"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == ExitCode.CANCELLED
    printed = capsys.readouterr()
    assert printed.err.split() == ["interrupted"]
    assert printed.out == ""
