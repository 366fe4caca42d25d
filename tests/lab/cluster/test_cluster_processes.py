"""Child processes: environment, log, readiness and end."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from lab.cluster.processes import Process
from lab.errors import StartError


@pytest.fixture
def run(tmp_path):
    started = []

    def start(code, **environment):
        arguments = (sys.executable, "-u", "-c", code)
        process = Process("program", arguments, log=tmp_path / "log", folder=tmp_path, environment=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


def test_process_has_only_its_configured_environment(run, monkeypatch):
    """No variable of the lab's own environment reaches the program."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    process = run("import os; print(sorted(os.environ))", ONLY="this")
    process.wait_until(lambda: "ONLY" in process.log_text(), what="done", timeout=20)
    assert "AWS" not in process.log_text()
    assert "PATH" not in process.log_text()


def test_expect_log_line_waits_for_the_line(run):
    """The block ends when the program has logged the line."""
    process = run("import time\nfor i in range(10**6): print('line', i); time.sleep(.001)")
    with process.expect_log_line("line", "200"):
        assert "line 200\n" not in process.log_text()
    assert "line 200\n" in process.log_text()


def test_wait_ends_when_the_process_ends(run):
    """A wait of an hour ends with the program; the error has the exit status, the log and a fix."""
    with pytest.raises(StartError, match=r"(?s)program ended with exit status 3.*no room.*fix: read .*log"):
        run("print('no room'); raise SystemExit(3)").wait_until(lambda: False, what="ready", timeout=3600)


def test_missing_inotify_instances_have_their_own_fix(run):
    """The whole log is searched, not only its last lines."""
    code = "print('fsnotify.NewWatcher: too many open files'); print('later\\n' * 20); raise SystemExit(1)"
    with pytest.raises(StartError, match=r"fix: reset unused labs.*sysctl -w fs\.inotify\.max_user_instances=1024"):
        run(code).wait_until(lambda: False, what="ready", timeout=3600)


def test_wait_for_readiness_times_out(run):
    """The error contains the condition or the log words."""
    process = run("import signal; signal.pause()")
    with pytest.raises(StartError, match=r"was not ready within 0\.1 s"):
        process.wait_until(lambda: False, what="ready", timeout=0.1)
    with pytest.raises(StartError, match=r"did not log 'x' within 0\.1 s"), process.expect_log_line("x", timeout=0.1):
        pass


def test_kill_ends_a_process_that_ignores_sigterm(run):
    """The process has ended and is reaped when kill returns."""
    process = run("import signal; signal.signal(15, signal.SIG_IGN); print('up'); signal.pause()")
    process.wait_until(lambda: "up" in process.log_text(), what="up", timeout=20)
    process.kill()
    assert not process.is_running
    assert not psutil.pid_exists(process.pid)


def test_killed_parent_leaves_no_process(tmp_path):
    """The kernel ends the children of a killed parent."""
    code = (
        "import sys, signal; from pathlib import Path; from lab.cluster.processes import Process\n"
        "folder = Path(sys.argv[1])\n"
        "child = Process('c', (sys.executable, '-c', 'import signal; signal.pause()'),"
        " log=folder / 'log', folder=folder, environment={})\n"
        "print(child.pid, flush=True); signal.pause()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as lab:
        child = psutil.Process(int(lab.stdout.readline()))
        lab.send_signal(signal.SIGKILL)
    assert child.wait(20) is None
