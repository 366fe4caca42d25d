"""Every fix works when followed: the error that names it is gone, and no other one comes in its place."""

import re
from pathlib import Path

import pytest

from eks_identity.runtime.inputs import InvalidInputError
from support.component_contract import declare
from support.component_program import Cloud
from support.fix_plays import ELSEWHERE, PLAYS, arguments
from support.fix_texts import templates

REPOSITORY = Path(__file__).parents[2]


def problems(play):
    """Return the problems of the wrong arguments."""
    return declared(play.component, play.wrong, play.cloud)


def remaining(play):
    """Return the problems after the fix was followed."""
    return declared(play.instead or play.component, play.right, {**play.cloud, **play.changed_cloud})


def declared(component, changes, responses):
    try:
        declare(
            component,
            lambda: arguments(component, changes),
            preview=True,
            cloud=Cloud(**responses) if responses else None,
        )
    except InvalidInputError as refused:
        return refused.problems
    return ()


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_a_fix_works_when_followed(play):
    """Invalid args produce the fix, no other fix contradicts it, and args that follow it have no error."""
    found = problems(play)
    assert [problem.fix for problem in found if problem.fix.startswith(play.fix)], [each.fix for each in found]
    assert [str(problem) for problem in remaining(play)] == []
    removed = [problem.input for problem in found if problem.rule.startswith("must be omitted")]
    assert [problem.input for problem in found if is_below(problem.input, removed)] == []


@pytest.fixture(scope="module")
def left():
    """The fixes in the source that no play brings up, as the source has them."""
    played = [problem.fix for play in PLAYS for problem in problems(play)]
    texts = [text for text in templates() if text and not any(re.fullmatch(text, fix, re.DOTALL) for fix in played)]
    return [re.sub(r"\\(.)", r"\1", text) for text in texts]


def test_every_fix_in_the_source_is_followed_by_a_test(left):
    """A fix that is written into the library is in a play, or in the list of those that other tests follow."""
    assert [text for text in left if not any(is_of(part, text) for part in ELSEWHERE)] == []
    assert [part for part in ELSEWHERE if not any(is_of(part, text) for text in left)] == []


def is_below(path, paths):
    """Return whether `path` is a part of an input of `paths`: a second fix for it would contradict the first."""
    return any(path.startswith((f"{other}.", f"{other}[")) for other in paths)


def is_of(part, text):
    """Return whether `part` names the fix `text`: the complete text if it has holes, or a part of it."""
    return text == part if ".*" in part else part in text


@pytest.mark.parametrize(("file", "name"), sorted(set(ELSEWHERE.values())))
def test_the_tests_that_follow_other_fixes_exist(file, name):
    """By file and name."""
    assert f"def {name}(" in (REPOSITORY / file).read_text()
