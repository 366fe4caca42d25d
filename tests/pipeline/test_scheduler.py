"""The order in which stacks start, and which are skipped."""

import pytest

from eks_pipeline.fleet.fleet import Fleet
from eks_pipeline.fleet.fleet_stack import FleetStack
from eks_pipeline.report import Result
from eks_pipeline.runner.scheduler import Scheduler

SUCCEEDED, FAILED, SKIPPED, CANCELLED = Result.SUCCEEDED, Result.FAILED, Result.SKIPPED, Result.CANCELLED


def scheduler(names, after=None, concurrency=9, groups=None, limits=None, **options):
    stacks = {name: FleetStack(name, name, None, (groups or {}).get(name)) for name in names}
    predecessors = {name: dict.fromkeys(others, "after") for name, others in (after or {}).items()}
    return Scheduler(Fleet(stacks, predecessors, concurrency, limits or {}), **options)


def start_all(run):
    return list(iter(run.start_next, None))


def test_scheduler_starts_stacks_up_to_the_limit():
    run = scheduler("abc", concurrency=2)
    assert start_all(run) == ["a", "b"]
    run.finish("b", SUCCEEDED)
    assert start_all(run) == ["c"]
    assert run.running == {"a", "c"}


def test_scheduler_starts_stacks_of_a_group_up_to_its_limit():
    run = scheduler("abc", groups={"a": "g", "b": "g"}, limits={"g": 1})
    assert start_all(run) == ["a", "c"]
    run.finish("a", SUCCEEDED)
    assert start_all(run) == ["b"]


def test_scheduler_starts_a_stack_after_all_that_it_follows():
    run = scheduler("cab", {"c": "ab"})
    assert start_all(run) == ["a", "b"]
    run.finish("a", SUCCEEDED)
    assert start_all(run) == []
    run.finish("b", SUCCEEDED)
    assert start_all(run) == ["c"]


@pytest.mark.parametrize("result", [FAILED, CANCELLED])
def test_scheduler_skips_what_follows_a_stack_without_success_with_the_reason(result):
    run = scheduler("abcd", {"b": "a", "c": "b"})
    assert start_all(run) == ["a", "d"]
    assert run.finish("a", result) == ["b", "c"]
    ended = "failed" if result is FAILED else "was cancelled"
    assert run.reasons == {
        "b": f"a, which it follows (after), {ended}",
        "c": "b, which it follows (after), was skipped",
    }
    assert not run.is_done
    run.finish("d", SUCCEEDED)
    assert run.results == {"a": result, "b": SKIPPED, "c": SKIPPED, "d": SUCCEEDED}
    assert run.is_done


def test_scheduler_starts_nothing_after_a_failure_with_fail_fast():
    run = scheduler("abc", concurrency=2, fail_fast=True)
    start_all(run)
    assert run.finish("a", FAILED) == ["c"]
    assert run.reasons["c"] == "a failed, and --fail-fast is set"
    assert run.running == {"b"}


def test_scheduler_names_the_canary_that_failed():
    stacks = {name: FleetStack(name, name, None) for name in "ab"}
    run = Scheduler(Fleet(stacks, {"b": {"a": "canary"}}, 2))
    assert start_all(run) == ["a"]
    run.finish("a", FAILED)
    assert run.reasons["b"] == "the canary a failed"


def test_scheduler_continues_an_earlier_run():
    run = scheduler("ab", {"b": "a"}, finished={"a": SUCCEEDED})
    assert start_all(run) == ["b"]
