"""A run of scripted stacks: its events, journal, summary, resumption and cancellation."""

import json
import os
import signal

import jsonschema
import msgspec
import pytest

from eks_pipeline import events
from eks_pipeline.errors import ExitCode, UsageError
from eks_pipeline.fleet import inputs
from eks_pipeline.report import Operation, Result, StackReport, exit_code
from eks_pipeline.review import stack_preview
from eks_pipeline.review.comment import comment
from eks_pipeline.review.stack_preview import FleetPreview
from eks_pipeline.runner.journal import Journal, Request
from eks_pipeline.runner.run import Run, ordered
from support.fleets import ScriptedStacks, fleet_of

AFTER = {"b": {"a": "after"}, "c": {"b": "after"}}


class Runs:
    """Runs over the same fleet, the later ones resuming the first."""

    def __init__(self, folder):
        self.folder = folder
        self.project = folder / "project"
        self.events = []
        self.run = None
        self.journal = None

    def __call__(self, stacks, *names, after=None, resume=False, **options):
        fleet = fleet_of(self.project, *names, after=after)
        if resume:
            self.journal = Journal.open(self.folder / "runs", self.journal.folder.name, Operation.UP)
        else:
            request = Request(operation=Operation.UP, project=self.project, stacks=names, **options)
            self.journal = Journal.create(self.folder / "runs", request)
        self.events.clear()
        with self.journal:
            self.run = Run(fleet, self.journal, stacks.start, self.events.append)
            return self.run.execute()

    def texts(self, name):
        return [event.text for event in self.events if isinstance(event, events.StackStatus) and event.stack == name]


@pytest.fixture
def run(tmp_path):
    # A process reads the program once; each test is like a process of its own.
    inputs._folder_digest.cache_clear()
    return Runs(tmp_path)


def test_run_reports_each_stack_and_the_summary(run):
    stacks = ScriptedStacks({"b": Result.FAILED})
    summary = run(stacks, *"abcd", after=AFTER)
    assert stacks.started == ["a", "d", "b"]
    assert summary.results == {"a": "succeeded", "b": "failed", "c": "skipped", "d": "succeeded"}
    assert summary.exit_code is ExitCode.FAILED
    assert run.run.reports["c"].reason == "b, which it follows (after), failed"
    finished = [event.stack for event in run.events if isinstance(event, events.StackFinished)]
    assert sorted(finished) == ["a", "b", "c", "d"]
    assert (type(run.events[0]), type(run.events[-1])) == (events.RunStarted, events.RunFinished)


def test_reports_are_in_the_order_of_the_fleet_and_not_in_that_of_their_ends(run):
    """The comment of a fleet has the same text each time."""
    summary = run(ScriptedStacks({"c": Result.FAILED}), *"abc", after={"a": {"b": "after"}, "b": {"c": "after"}})
    assert list(run.run.reports) == list(summary.results) == ["a", "b", "c"]


def test_events_have_the_committed_schema_and_survive_their_encoding(run):
    run(ScriptedStacks({"b": Result.FAILED}), *"ab")
    change = events.ResourceStep(
        stack="a", change=msgspec.convert({"urn": "u", "type": "t", "operation": "create"}, events.Change)
    )
    diagnostic = events.Diagnostic(stack="a", severity="error", message="no")
    for event in (*run.events, change, diagnostic):
        line = events.encode(event)
        jsonschema.validate(json.loads(line), events.schema())
        assert events.decode(line) == event


def test_resumed_run_starts_only_what_is_not_done(run):
    run(ScriptedStacks({"b": Result.FAILED}), *"abcd", after=AFTER)
    again = ScriptedStacks()
    summary = run(again, *"abcd", after=AFTER, resume=True)
    assert again.started == ["b", "c"]
    assert set(summary.results.values()) == {Result.SUCCEEDED}
    assert run.run.reports["a"].reason == "done in the earlier part of this run; its inputs did not change"


def test_resumed_run_starts_a_done_stack_again_whose_inputs_changed_and_says_which(run):
    run(ScriptedStacks(), *"ab")
    (run.project / "Pulumi.b.yaml").write_text("config: {a: 1}\n")
    again = ScriptedStacks()
    run(again, *"ab", resume=True)
    assert again.started == ["b"]
    assert run.texts("b") == ["runs again: changed since: settings"]


def test_settings_do_not_change_when_the_engine_adds_its_salt(run):
    """The engine adds `encryptionsalt` when it creates the stack, so after the run noted its inputs, and quotes."""
    run.project.mkdir()
    (run.project / "Pulumi.a.yaml").write_text("config: {b: true, c: 1}\n")
    run(ScriptedStacks(), "a")
    (run.project / "Pulumi.a.yaml").write_text('encryptionsalt: v1:a:b\nconfig:\n  b: "true"\n  c: "1"\n')
    again = ScriptedStacks()
    run(again, "a", resume=True)
    assert again.started == []


def test_settings_do_not_change_when_the_engine_removes_an_empty_config(run):
    """Otherwise the first update after a review differs from it, if a step has a secret."""
    run.project.mkdir()
    (run.project / "Pulumi.a.yaml").write_text("config: {}\n")
    run(ScriptedStacks(), "a")
    (run.project / "Pulumi.a.yaml").write_text("encryptionsalt: v1:a:b\n")
    again = ScriptedStacks()
    run(again, "a", resume=True)
    assert again.started == []


def test_files_that_a_preview_writes_beside_the_program_are_no_change_of_it(run):
    run(ScriptedStacks(), "a")
    stack_preview.write(FleetPreview(), run.project / "preview.json")
    (run.project / "comment.md").write_text(comment(FleetPreview()))
    (run.project / "a.plan.json").write_text("{}")
    inputs._folder_digest.cache_clear()
    again = ScriptedStacks()
    run(again, "a", resume=True)
    assert again.started == []


def test_resumed_run_starts_all_stacks_of_a_changed_program_again(run):
    run(ScriptedStacks(), *"ab")
    (run.project / "__main__.py").write_text("print()\n")
    inputs._folder_digest.cache_clear()
    again = ScriptedStacks()
    run(again, *"ab", resume=True)
    assert again.started == ["a", "b"]
    assert run.texts("a") == ["runs again: changed since: program"]


def test_resumed_run_starts_a_stack_again_whose_end_is_unknown(run):
    """A run that was killed has stacks that started and did not end, and a last line that may be cut off."""
    run(ScriptedStacks(), *"ab")
    journal = run.journal.folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    is_end_of_b = [b'"stack":"b"' in line and b'"result"' in line for line in lines]
    rest = [line for line, is_end in zip(lines, is_end_of_b, strict=True) if not is_end]
    journal.write_bytes(b"".join(rest) + b'{"stack":"b","at":"2026')
    for started in (["b"], []):
        again = ScriptedStacks()
        run(again, *"ab", resume=True)
        assert again.started == started
    assert journal.read_bytes().count(b'"at":"2026{') == 0


def test_a_run_cannot_be_resumed_twice_at_once_or_as_another_operation(run):
    run(ScriptedStacks(), "a")
    runs, name = run.folder / "runs", run.journal.folder.name
    with run.journal, pytest.raises(UsageError, match="is in progress"), Journal.open(runs, name, Operation.UP):
        pass
    with pytest.raises(UsageError, match="must be a run of destroy, and is one of up"):
        Journal.open(runs, name, Operation.DESTROY)
    with pytest.raises(UsageError, match=f"fix: pass one of {name}"):
        Journal.open(runs, "other", Operation.UP)


def test_interrupt_cancels_running_stacks_and_skips_waiting_ones(run):
    """Each Ctrl-C is one cancellation of each running stack: a second one stops the engines at once."""
    stacks = ScriptedStacks(endless="ab")
    stacks.on_start = lambda name: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)] if name == "b" else None
    summary = run(stacks, *"abc")
    assert stacks.cancelled == ["a", "b", "a", "b"]
    assert summary.results == {"a": "cancelled", "b": "cancelled", "c": "skipped"}
    assert summary.exit_code is ExitCode.CANCELLED
    assert run.run.reports["c"].reason == "the run was cancelled"


def test_previews_have_no_order_and_deletions_the_reverse_one(tmp_path):
    fleet = fleet_of(tmp_path, *"abc", after=AFTER)
    assert ordered(fleet, Operation.PREVIEW).predecessors == {}
    assert ordered(fleet, Operation.UP).predecessors == AFTER
    assert {name: set(others) for name, others in ordered(fleet, Operation.DESTROY).predecessors.items()} == {
        "a": {"b"},
        "b": {"c"},
    }


def report(result, code=ExitCode.FAILED):
    return StackReport("a", "up", result, exit_code=code)


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([report(Result.SUCCEEDED, ExitCode.OK)], ExitCode.OK),
        ([report(Result.FAILED, ExitCode.LOCKED), report(Result.SKIPPED)], ExitCode.LOCKED),
        ([report(Result.FAILED, ExitCode.LOCKED), report(Result.FAILED)], ExitCode.FAILED),
        ([report(Result.FAILED), report(Result.CANCELLED, ExitCode.CANCELLED)], ExitCode.CANCELLED),
        ([report(Result.SKIPPED), report(Result.SUCCEEDED, ExitCode.OK)], ExitCode.FAILED),
    ],
)
def test_exit_code_of_a_run(reports, expected):
    assert exit_code(reports) is expected
