"""Operations of the pipeline command with the real engine."""

import re
import shlex
import signal
import subprocess
from itertools import takewhile
from pathlib import Path

import psutil
import pytest
import tenacity

from support.killed_updates import kill_group
from support.pipeline_events import report_of


def wait_for_file(file: Path) -> None:
    for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05)):
        with attempt:
            assert file.exists()


def report(runner, *arguments):
    result = runner(*arguments, "--stack", "test", "--json")
    assert result.stdout, result.stderr
    return report_of(result.stdout)


def lock_files(runner) -> list[Path]:
    state = Path(runner.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    return [file for file in state.rglob("*") if file.is_file() and "locks" in file.parts]


def test_operations_of_a_stack(runner):
    """Preview changes nothing, up creates, a second up changes nothing, outputs prints outputs, destroy deletes."""
    preview = report(runner, "preview")
    assert preview["result"] == "succeeded"
    assert [change["operation"] for change in preview["changes"]] == ["create"]
    assert preview["outputs"] == {}

    up = report(runner, "up")
    assert up["summary"] == {"create": 2}
    assert up["outputs"].pop("users")["me"]["password"] == "[secret]"
    assert up["outputs"] == {"greeting": "hello", "password": "[secret]"}

    assert "s3cret" not in runner("outputs", "--stack", "test").stdout

    second_up = report(runner, "up")
    assert second_up["summary"] == {"same": 2}
    assert second_up["changes"] == []

    refreshed = report(runner, "refresh")
    assert refreshed["result"] == "succeeded"

    assert report(runner, "outputs", "--show-secrets")["outputs"]["password"] == "s3cret"

    destroyed = report(runner, "destroy")
    assert destroyed["summary"] == {"delete": 2}


def test_destroy_with_protected_resources_deletes_nothing(runner, settings):
    """The error names each protected resource and the command that unprotects it."""
    settings(protected="true")
    assert runner("up", "--stack", "test").returncode == 0
    before = runner.pulumi("stack", "export").stdout
    result = runner("destroy", "--stack", "test", "--json")
    assert result.returncode == 1
    assert "nothing was deleted" in result.stderr
    assert "fix: run `pulumi state unprotect 'urn:pulumi:test::" in result.stderr
    assert report_of(result.stdout)["result"] == "failed"
    assert "::waits" in before
    assert runner.pulumi("stack", "export").stdout == before


def test_unknown_stack(runner):
    """The error for a stack without a settings file lists the stacks that have one."""
    result = runner("up", "--stack", "prood")
    assert result.returncode == 2
    assert "'prood'" in result.stderr
    assert "fix: pass one of test" in result.stderr


@pytest.fixture(scope="module")
def broken_preview(shared_runner):
    """A preview with another settings file, of a stack whose previews succeed with its own."""
    other = shared_runner.project.parent / "other.yaml"
    other.write_text("config:\n  tiny:broken: true\n")
    assert shared_runner("preview", "--stack", "test").returncode == 0
    settings = shared_runner.project / "Pulumi.test.yaml"
    content = settings.read_text()
    result = shared_runner("preview", "--stack", "test", "--json", "--config-file", str(other))
    return result, content, settings.read_text()


def test_program_failure(broken_preview):
    """An exception of the program is printed and reported, with exit code 1."""
    result, *_ = broken_preview
    assert result.returncode == 1
    report = report_of(result.stdout)
    assert report["result"] == "failed"
    assert any("the program is broken on purpose" in line for line in report["diagnostics"])


def test_up_with_a_failed_preview_changes_nothing(runner, settings):
    """`up` stops before the first step if the preview fails; a warning of preview and update is reported once."""
    program = runner.project / "__main__.py"
    plain = program.read_text()
    program.write_text(f"{plain}\npulumi.log.warn('mind the gap')\n")
    assert report(runner, "up")["diagnostics"] == ["warning: mind the gap"]

    settings(until="/nonexistent/never")
    program.write_text(f"{plain}\nif pulumi.runtime.is_dry_run():\n    raise ValueError('rejected at preview')\n")
    result = runner("up", "--stack", "test", "--json")
    failed = report_of(result.stdout)
    assert result.returncode == 1
    assert any("rejected at preview" in line for line in failed["diagnostics"])
    assert failed["changes"] == []
    assert failed["summary"] == {}


def test_config_file_option(broken_preview):
    """A `--config-file` applies to one run, and the stack's own file is unchanged."""
    result, before, after = broken_preview
    assert result.returncode == 1
    assert after == before


def test_missing_engine(runner):
    """Without `pulumi` on PATH the command exits with code 2, and the error has a fix."""
    runner.environment["PATH"] = "/nonexistent"
    result = runner("up", "--stack", "test")
    assert result.returncode == 2
    assert "no `pulumi` on PATH" in result.stderr
    assert "fix:" in result.stderr


def test_locked_stack(runner, settings, tmp_path):
    """During an update a second one exits with code 3, and the first one succeeds."""
    gate = tmp_path / "gate"
    settings(until=gate)
    first = runner.start("up", "--stack", "test", "--json")
    wait_for_file(Path(f"{gate}.started"))
    second = runner("up", "--stack", "test")
    assert second.returncode == 3
    assert "locked by another update" in second.stderr
    gate.touch()
    stdout, _ = first.communicate(timeout=60)
    assert first.returncode == 0
    assert report_of(stdout)["result"] == "succeeded"


def start_waiting_update(runner, settings, gate):
    """Start an update, and return its process while it creates a resource."""
    settings(until=gate)
    process = runner.start("up", "--stack", "test", "--json")
    wait_for_file(Path(f"{gate}.started"))
    assert lock_files(runner)
    return process


def test_termination(runner, settings, tmp_path):
    """SIGTERM ends an update as Ctrl-C does: the step is finished, the exit code is 130, the lock is released."""
    gate = tmp_path / "gate"
    process = start_waiting_update(runner, settings, gate)
    process.send_signal(signal.SIGTERM)
    gate.touch()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert report_of(stdout)["result"] == "cancelled"
    assert "interrupted" not in stderr
    assert not lock_files(runner)


def test_second_signal_stops_the_engine_within_a_step(runner, settings, tmp_path):
    """SIGINT, then SIGTERM, as GitHub sends them: the step is interrupted, and the next update names it."""
    process = start_waiting_update(runner, settings, tmp_path / "gate")
    process.send_signal(signal.SIGINT)
    first_lines = list(takewhile(lambda line: "cancelling: the engine finishes" not in line, process.stderr))
    assert "updating\n" in first_lines
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    report = report_of(stdout)
    assert report["result"] == "cancelled"
    assert report["reason"].startswith(
        "up of stack 'test' was cancelled at once: the step that it interrupted may have"
    )
    assert "if the lock remains, run `pulumi cancel --yes -C " in report["reason"]
    assert "Traceback" not in stderr
    assert not lock_files(runner)
    settings()
    again = runner("up", "--stack", "test")
    assert again.returncode == 0, again.stderr
    assert "::waits, interrupted while creating" in again.stderr


def test_update_is_cancelled_when_its_run_is_killed(runner, settings, tmp_path):
    """No update goes on without the run that started it. Its engine ends its step and releases the lock."""
    gate = tmp_path / "gate"
    process = start_waiting_update(runner, settings, gate)
    (stack,) = psutil.Process(process.pid).children()
    process.kill()
    process.communicate(timeout=60)
    log = next(runner.runs.glob("*/test/events.jsonl"))
    for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05)):
        with attempt:
            assert "^C received; cancelling" in log.read_text()
    gate.touch()
    stack.wait(timeout=60)
    assert not lock_files(runner)


def kill_update(runner, settings, gate) -> None:
    """Start an update, and kill all of its processes while it creates a resource."""
    settings(until=gate)
    process = runner.start("up", "--stack", "test")
    wait_for_file(Path(f"{gate}.started"))
    kill_group(psutil.Process(process.pid))
    process.communicate(timeout=60)


def test_empty_attributes_of_the_state_are_explained(runner, settings):
    """A kill can leave the file beside the state empty, and then no command of the engine works: the fix removes it."""
    settings()
    assert runner("up", "--stack", "test").returncode == 0
    state = Path(runner.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    (attributes,) = (state / ".pulumi/stacks").rglob("test.json.attrs")
    attributes.write_text("")
    failed = runner("up", "--stack", "test")
    assert failed.returncode == 1
    assert f"a killed update left {attributes} empty\n" in failed.stderr
    (command,) = re.findall(r"run `(rm [^`]*)`", failed.stderr)
    subprocess.run(shlex.split(command), check=True)
    assert "create" not in runner("preview", "--stack", "test").stdout
    assert runner("up", "--stack", "test").returncode == 0


def test_killed_update_is_explained_and_completed(runner, settings, tmp_path):
    """After a kill the pipeline names the lock and the unfinished operation, and its commands lead to an update."""
    gate = tmp_path / "gate"
    kill_update(runner, settings, gate)
    gate.touch()
    settings()
    locked = runner("up", "--stack", "test")
    assert locked.returncode == 3
    assert "pulumi cancel --yes -C " in locked.stderr
    assert runner.pulumi("cancel", "--yes").returncode == 0
    again = runner("up", "--stack", "test")
    assert again.returncode == 0, again.stderr
    assert "::waits, interrupted while creating" in again.stderr
    assert "--clear-pending-creates`" in again.stderr
    assert runner.pulumi("refresh", "--clear-pending-creates", "--yes").returncode == 0
    assert "interrupted while creating" not in runner("up", "--stack", "test").stderr
    assert not lock_files(runner)
