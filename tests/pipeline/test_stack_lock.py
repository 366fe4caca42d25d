"""Locks of stacks: whose they are, whether they are orphaned, and races for them."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pulumi import automation as auto
from pulumi.automation.errors import create_command_error

from eks_pipeline.errors import StackLockedError
from eks_pipeline.report import Operation
from eks_pipeline.stack import commands, failures, lock
from eks_pipeline.stack.commands import StackCommands
from eks_pipeline.stack.job import Job
from eks_pipeline.stack.lock import HolderState, LockHolder

HOST = socket.gethostname()
URL = "s3://states/.pulumi/locks/organization/tiny/test/63890279.json?region=ap-northeast-1&awssdk=v2"
NOW = datetime.now(UTC)


def message(*holders):
    """Return the engine's message about locks, as pulumi 3.274.1 prints it."""
    first = "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete "
    lines = "".join(
        f"\n  {each.file}: created by {each.user}@{each.host} (pid {each.pid}) at {each.created:%Y-%m-%dT%H:%M:%SZ}"
        for each in holders
    )
    return f"{first}the lock file with `pulumi cancel`.{lines}"


def holder(pid=1, host=HOST, created=NOW, user="ci"):
    return LockHolder(URL, user, host, pid, created.replace(microsecond=0))


def failure(text, folder, **job):
    error = create_command_error(auto.CommandResult(stdout="", stderr=text, code=255))
    return failures.explain(
        error, Job(name="a", stack="a", project=folder, operation=Operation.UP, folder=folder, **job)
    )


@pytest.fixture
def ended():
    """The process id of a process that ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_holders_are_read_from_the_message_of_the_engine():
    holders = [holder(), holder(2, "host.example", user="DOMAIN\\a user@example.com")]
    assert lock.read_holders(message(*holders)) == holders


def test_lock_of_a_running_process_is_to_be_waited_for(tmp_path):
    error = failure(message(holder(os.getpid())), tmp_path)
    assert isinstance(error, StackLockedError)
    assert f"by ci on {HOST}, process {os.getpid()}: that process runs" in str(error)
    assert "fix: wait for the running update" in str(error)
    assert "pulumi cancel" not in str(error)


def test_lock_of_an_ended_process_is_orphaned(ended, tmp_path):
    """The error has its age, its file, and a command that works in any folder, with the backend of the stack."""
    created = datetime.now(UTC) - timedelta(hours=3, minutes=5)
    environment = {"PULUMI_BACKEND_URL": "s3://states?region=x&awssdk=v2"}
    text = str(failure(message(holder(ended, created=created)), tmp_path, environment=environment))
    assert "locked 3 hours ago" in text
    assert f"process {ended}: no such process runs on this host, so the lock is orphaned" in text
    assert f"lock: {URL}" in text
    command = text.partition("run `")[2].partition("`")[0]
    assert shlex.split(command)[:2] == ["PULUMI_BACKEND_URL=s3://states?region=x&awssdk=v2", "pulumi"]
    assert f"pulumi cancel --yes -C {tmp_path} -s a" in command


def test_process_that_has_only_the_number_of_the_holder_does_not_hold_the_lock():
    """The number of an ended process is used again: a process that started after the lock was created is another."""
    assert holder(os.getpid(), created=datetime.now(UTC) - timedelta(days=400)).state is HolderState.ENDED


def test_killed_process_that_nobody_waited_for_has_ended():
    program = "import signal; print('ready', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        created = datetime.now(UTC)
        assert holder(process.pid, created=created).state is HolderState.RUNNING
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        assert holder(process.pid, created=created).state is HolderState.ENDED


def test_lock_of_another_host_is_not_judged(ended, tmp_path):
    text = str(failure(message(holder(ended, host="runner-7")), tmp_path))
    assert "this host cannot see whether that process runs on runner-7" in text
    assert "fix: wait for it; if it was killed, run `pulumi cancel" in text


def test_one_running_holder_of_two_decides(ended, tmp_path):
    text = str(failure(message(holder(ended), holder(os.getpid())), tmp_path))
    assert "orphaned" in text
    assert "fix: wait for the running update" in text


def test_conflict_of_pulumi_cloud_has_no_holder(tmp_path):
    text = str(failure("error: [409] Conflict: Another update is currently in progress.", tmp_path))
    assert text.startswith("stack 'a' is locked by another update\n  fix: wait for it; if it was killed, run")


class Engine:
    """An engine whose updates find these locks, one after the other, and then succeed."""

    def __init__(self, *texts):
        self.texts, self.runs = list(texts), 0

    def run(self, *_arguments):
        self.runs += 1
        if self.texts:
            raise create_command_error(auto.CommandResult(stdout="", stderr=self.texts.pop(0)(), code=255))
        return auto.CommandResult(stdout="{}", stderr="", code=0)


def new_lock():
    return message(holder(os.getpid(), created=datetime.now(UTC)))


def old_lock():
    return message(holder(os.getpid(), created=datetime.now(UTC) - timedelta(seconds=30)))


@pytest.fixture
def update(tmp_path, monkeypatch):
    """Return a function that updates a stack with an engine."""
    monkeypatch.setattr(commands, "_RACE_SECONDS", (0, 0))
    job = Job(name="a", stack="a", project=Path(tmp_path), operation=Operation.UP, folder=tmp_path)
    return lambda engine: StackCommands(job, engine).up(lambda _: None)


def test_update_that_lost_a_race_for_the_lock_runs_again(update):
    """Two updates that start together can both give up; one of them has to try again."""
    engine = Engine(new_lock, new_lock)
    update(engine)
    assert engine.runs == 3


@pytest.mark.parametrize(("locks", "runs"), [([old_lock], 1), ([new_lock, old_lock], 2), ([new_lock] * 9, 4)])
def test_update_that_finds_an_older_lock_fails_at_once(update, locks, runs):
    """A lock that existed before the update is no race, and a race is not tried forever."""
    engine = Engine(*locks)
    with pytest.raises(auto.CommandError):
        update(engine)
    assert engine.runs == runs
