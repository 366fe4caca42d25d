"""The pipeline against the real engine: what its users type, and what they get back."""

import json
import signal
from pathlib import Path

import tenacity


def until_exists(file: Path) -> None:
    for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05)):
        with attempt:
            assert file.exists()


def report(runner, *arguments):
    done = runner(*arguments, "--stack", "test", "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def locks(runner) -> list[Path]:
    state = Path(runner.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    return [file for file in state.rglob("*") if file.is_file() and "locks" in file.parts]


def test_life_of_a_stack(runner):
    """Preview changes nothing, up makes, a second up finds nothing to do, outputs are shown, destroy removes."""
    preview = report(runner, "preview")
    assert preview["result"] == "succeeded"
    assert [change["operation"] for change in preview["changes"]] == ["create"]
    assert preview["outputs"] == {}

    up = report(runner, "up")
    assert up["summary"] == {"create": 2}
    assert up["outputs"].pop("users")["me"]["password"] == "[secret]"
    assert up["outputs"] == {"greeting": "hello", "password": "[secret]"}

    assert "s3cret" not in runner("outputs", "--stack", "test").stdout

    again = report(runner, "up")
    assert again["summary"] == {"same": 2}
    assert again["changes"] == []

    refreshed = report(runner, "refresh")
    assert refreshed["result"] == "succeeded"

    assert report(runner, "outputs", "--show-secrets")["outputs"]["password"] == "s3cret"

    destroyed = report(runner, "destroy")
    assert destroyed["summary"] == {"delete": 2}


def test_what_is_protected_is_not_destroyed(runner, settings):
    """Where anything is protected nothing is deleted, and the refusal names it with the command that unprotects it."""
    settings(protected="true")
    assert runner("up", "--stack", "test").returncode == 0
    done = runner("destroy", "--stack", "test", "--json")
    assert done.returncode == 1
    assert "nothing of it was deleted" in done.stderr
    assert "fix: `pulumi state unprotect 'urn:pulumi:test::" in done.stderr
    assert json.loads(done.stdout)["result"] == "failed"
    assert report(runner, "up")["summary"] == {"same": 2}


def test_unknown_stack(runner):
    """A stack without a settings file is refused with the names of those that have one."""
    done = runner("up", "--stack", "prood")
    assert done.returncode == 2
    assert "'prood'" in done.stderr
    assert "fix: name one of test" in done.stderr


def test_failing_program(runner, settings):
    """What the program raised is shown, reported and answered with exit code 1."""
    settings(broken="true")
    done = runner("preview", "--stack", "test", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["result"] == "failed"
    assert any("the program is broken on purpose" in line for line in report["diagnostics"])


def test_up_changes_nothing_if_its_preview_fails(runner, settings):
    """`up` stops before the first step if the preview fails; a warning of preview and update is reported once."""
    program = runner.project / "__main__.py"
    plain = program.read_text()
    program.write_text(f"{plain}\npulumi.log.warn('mind the gap')\n")
    assert report(runner, "up")["diagnostics"] == ["warning: mind the gap"]

    settings(until="/nonexistent/never")
    program.write_text(f"{plain}\nif pulumi.runtime.is_dry_run():\n    raise ValueError('rejected at preview')\n")
    done = runner("up", "--stack", "test", "--json")
    failed = json.loads(done.stdout)
    assert done.returncode == 1
    assert any("rejected at preview" in line for line in failed["diagnostics"])
    assert failed["changes"] == []
    assert failed["summary"] == {}


def test_settings_of_one_run(runner, tmp_path):
    """Settings named for one run are used in it, and the stack's own stay as they were."""
    other = tmp_path / "other.yaml"
    other.write_text("config:\n  tiny:broken: true\n")
    assert runner("preview", "--stack", "test").returncode == 0
    before = (runner.project / "Pulumi.test.yaml").read_text()
    assert runner("preview", "--stack", "test", "--config-file", str(other)).returncode == 1
    assert (runner.project / "Pulumi.test.yaml").read_text() == before


def test_missing_engine(runner):
    """Without an engine on PATH the error says how to get one."""
    runner.environment["PATH"] = "/nonexistent"
    done = runner("up", "--stack", "test")
    assert done.returncode == 2
    assert "no `pulumi` on PATH" in done.stderr
    assert "fix:" in done.stderr


def test_locked_stack(runner, settings, tmp_path):
    """While one update is at work, another is refused with exit code 3, and the first one is not disturbed."""
    gate = tmp_path / "gate"
    settings(until=gate)
    first = runner.start("up", "--stack", "test", "--json")
    until_exists(Path(f"{gate}.begun"))
    second = runner("up", "--stack", "test")
    assert second.returncode == 3
    assert "locked by another update" in second.stderr
    gate.touch()
    stdout, _ = first.communicate(timeout=60)
    assert first.returncode == 0
    assert json.loads(stdout)["result"] == "succeeded"


def test_interrupt(runner, settings, tmp_path):
    """Ctrl-C ends an update with exit code 130 and leaves no lock: the next update goes through."""
    gate = tmp_path / "gate"
    settings(until=gate)
    process = runner.start("up", "--stack", "test", "--json")
    until_exists(Path(f"{gate}.begun"))
    assert locks(runner)
    process.send_signal(signal.SIGINT)
    gate.touch()
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert json.loads(stdout)["result"] == "cancelled"
    assert not locks(runner)
    settings()
    assert runner("up", "--stack", "test").returncode == 0
