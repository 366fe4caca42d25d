"""The process of a stack without an engine: its events, crashes and cancellation."""

import queue
from pathlib import Path

import pytest

from eks_pipeline import events
from eks_pipeline.errors import ExitCode
from eks_pipeline.report import Operation, Result
from eks_pipeline.runner import stack_process
from eks_pipeline.runner.stack_process import StackProcess
from eks_pipeline.stack.job import Job, decode, encode

REPORT = '{"stack":"a","operation":"up","result":"succeeded","exit_code":0}'
SUCCEED = f"""print('a library prints')
print('{{"event":"stack_status","stack":"a","text":"updating"}}')
print('{{"event":"stack_finished","stack":"a","result":"succeeded","report":{REPORT}}}')"""
WAIT = 'import signal; print(\'{"event":"stack_started","stack":"a"}\', flush=True); signal.pause()'


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return a function that starts a process with this program in place of the operation."""

    def start(program):
        (tmp_path / "fake_operation.py").write_text(program)
        monkeypatch.setattr(stack_process, "_MODULE", "fake_operation")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        received = queue.SimpleQueue()
        return StackProcess(job(tmp_path), received.put), received

    return start


def job(folder):
    return Job(name="a", stack="a", project=Path(folder), operation=Operation.UP, folder=folder / "a")


def test_events_of_the_process_are_received_and_other_lines_are_not(start):
    _, received = start(SUCCEED)
    assert received.get(timeout=60).text == "updating"
    assert received.get(timeout=60).result is Result.SUCCEEDED


def test_a_process_that_crashes_is_a_failed_stack_with_its_last_output(start):
    _, received = start("import sys; sys.stderr.write('no memory'); sys.exit(9)")
    event = received.get(timeout=60)
    assert isinstance(event, events.StackFinished)
    assert event.result is Result.FAILED
    assert event.report.reason == "the process of the stack ended with code 9: no memory"


def test_a_process_that_is_cancelled_before_it_can_report_is_a_cancelled_stack(start):
    process, received = start(WAIT)
    assert isinstance(received.get(timeout=60), events.StackStarted)
    process.cancel()
    event = received.get(timeout=60)
    assert (event.result, event.report.exit_code) == (Result.CANCELLED, ExitCode.CANCELLED)
    assert event.report.reason == "up of stack 'a' was cancelled before it began"
    process.cancel()  # an ended process is not signalled again


def test_the_process_has_a_group_of_its_own(start):
    """Ctrl-C in the terminal reaches the run alone, which signals each stack once."""
    _, received = start("import os, sys; sys.exit(0 if os.getpgrp() == os.getpid() else 1)")
    assert "code 0" in received.get(timeout=60).report.reason


def test_a_job_is_the_same_after_its_encoding(tmp_path):
    assert decode(encode(job(tmp_path)), Job) == job(tmp_path)
