"""Progress of a run: plain lines, and one line for each running stack on a terminal."""

import io

import pytest
from rich.console import Console

from eks_pipeline import events
from eks_pipeline.errors import ExitCode
from eks_pipeline.report import Change, Result, StackReport
from eks_pipeline.runner.progress import Progress

ROLE = Change("urn:pulumi:dev::shop::aws:iam/role:Role::app", "aws:iam/role:Role", "update", ["tags", "path"])
FINISHED = StackReport("a", "up", Result.SUCCEEDED, 2.5, {"update": 1, "same": 3}, exit_code=ExitCode.OK)
SKIPPED = StackReport("b", "up", Result.SKIPPED, reason="a, which it follows (after), failed\n  fix: none")


def events_of(*stacks):
    yield events.RunStarted(run="runs/1", operation="up", stacks=list(stacks))
    yield events.StackStarted(stack="a")
    yield events.StackStatus(stack="a", text="updating")
    yield events.ResourceStep(stack="a", change=ROLE)
    yield events.ResourceStep(stack="a", change=ROLE, failed=True)
    yield events.Diagnostic(stack="a", severity="error", message="no [bold]markup[/bold]")
    yield events.StackFinished(stack="a", result=FINISHED.result, report=FINISHED)
    if "b" in stacks:
        yield events.StackFinished(stack="b", result=SKIPPED.result, report=SKIPPED)


def printed(*stacks, **options):
    stream = io.StringIO()
    with Progress(Console(file=stream, width=100, **options)) as progress:
        for event in events_of(*stacks):
            progress.on_event(event)
    return stream.getvalue()


def test_progress_of_several_stacks_is_plain_lines_with_their_names():
    assert printed("a", "b").splitlines() == [
        "run runs/1",
        "a: started",
        "a: updating",
        "a:  ~ aws:iam/role:Role app  tags, path",
        "a:  ! aws:iam/role:Role app  failed",
        "a: error: no [bold]markup[/bold]",
        "a: succeeded (2.5 s; 3 same, 1 update)",
        "b: skipped (a, which it follows (after), failed)",
    ]


def test_progress_of_one_stack_has_no_names():
    lines = printed("a").splitlines()
    assert " ~ aws:iam/role:Role app  tags, path" in lines
    assert not any(line.startswith("a:") for line in lines)


@pytest.mark.parametrize("width", [40, 100])
def test_terminal_shows_what_each_running_stack_does(width):
    """Steps are shown in the line of their stack only; failures, diagnostics and results stay."""
    stream = io.StringIO()
    progress = Progress(Console(file=stream, width=width, force_terminal=True, color_system=None))
    found = events_of("a", "b")
    with progress:
        for _ in range(4):
            progress.on_event(next(found))
        assert progress._table().plain.splitlines() == ["a: update app", "0 of 2 stacks"]
        for event in found:
            progress.on_event(event)
        assert progress._table().plain.splitlines() == ["2 of 2 stacks"]
    text = stream.getvalue()
    assert "aws:iam/role:Role app  tags" not in text
    assert "aws:iam/role:Role app  failed" in text
    assert "b: skipped" in text
