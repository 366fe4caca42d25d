"""Checks of the messages that hostile inputs cause: complete, readable, without a traceback and without a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eks_identity.errors import Problem
from eks_identity.redaction import SECRET
from eks_identity.runtime.inputs import InvalidInputError

MARK = "zq7xmark"
"""Part of each secret of the tests."""
TRACEBACK = re.compile(r'Traceback \(most recent call last\)|^\s*File ".*", line \d+', re.MULTILINE)


def check_text(text: str) -> None:
    """Assert that what a user sees has no traceback, no secret and no character that a terminal obeys."""
    assert TRACEBACK.search(text) is None, text
    assert MARK not in text.lower(), text
    assert {each for each in text if not each.isprintable()} <= {"\n"}, repr(text)


def check_problems(problems: Iterable[Problem], text: str) -> None:
    """Assert that `text` names the input, the rule, the value and the fix of each problem, however it is indented."""
    words = " ".join(text.split())
    for problem in problems:
        assert problem.input, problem
        assert problem.rule.startswith("must"), problem
        assert problem.fix, problem
        assert _shown(problem.value) in text, problem
        assert " ".join(str(problem).split()) in words, problem


def check_message(error: InvalidInputError, name: str) -> None:
    """Assert that an error of the component `name` is complete and readable."""
    message = str(error)
    assert message.startswith(f'{name} "thing": '), message
    check_problems(error.problems, message)
    check_text(message)


def _shown(value: object) -> str:
    """Return the beginning of a value as a message shows it; a secret has a mark in its place."""
    return "" if value is SECRET else repr(value)[:20].split("\\")[0]
