"""The checks of the tests with hostile inputs fail for each defect of a message that they search for."""

import traceback

import pytest

from eks_identity.errors import Problem
from eks_identity.redaction import SECRET
from eks_identity.runtime.inputs import InvalidInputError
from support.hostile_checks import MARK, check_message, check_problems, check_text

GOOD = Problem("path", "must begin with / (IAM)", "a", "write /a/")


def seeded_traceback() -> str:
    try:
        int("seeded")
    except ValueError:
        return traceback.format_exc()


def error(*problems):
    return InvalidInputError(problems, subject='IrsaRole "thing"')


def test_complete_message_passes():
    check_message(error(GOOD, Problem("name", "must be a name (IAM)", SECRET, "write a name")), "IrsaRole")


@pytest.mark.parametrize(
    "problem",
    [
        Problem("", "must begin with / (IAM)", "a", "write /a/"),
        Problem("path", "", "a", "write /a/"),
        Problem("path", "must begin with / (IAM)", "a", ""),
        Problem("path", f"must begin with / (IAM), and is {MARK}", "a", "write /a/"),
        Problem("path", "must begin with / (IAM)", f"a{MARK.upper()}", "write /a/"),
        Problem("path", "must begin with / (IAM)", "a", f"fix this:\n{seeded_traceback()}"),
    ],
    ids=["no input", "no rule", "no fix", "secret in the rule", "secret value", "traceback"],
)
def test_message_with_a_defect_fails(problem):
    with pytest.raises(AssertionError):
        check_message(error(GOOD, problem), "IrsaRole")


def test_message_of_another_component_fails():
    with pytest.raises(AssertionError):
        check_message(error(GOOD), "ChainedRole")


@pytest.mark.parametrize(
    "line", [seeded_traceback(), '  File "/x/y.py", line 3, in f', f"token: {MARK}", "\x1b[31mred", "a\rb", "\u202ex"]
)
def test_output_of_the_engine_with_a_defect_fails(line):
    """The traceback of a program, one of the plugin without its head, a secret, and characters that terminals obey."""
    output = f"Diagnostics:\n  pulumi:pulumi:Stack (dev):\n    error: {GOOD}\n"
    check_text(output)
    with pytest.raises(AssertionError):
        check_text(f"{output}{line}\n")


@pytest.mark.parametrize("left_out", ["path: 'a'", "must begin", "write /a/"])
def test_output_without_a_part_of_a_problem_fails(left_out):
    output = f"    error: {GOOD}".replace("\n", "\n      ")
    check_problems([GOOD], output)
    with pytest.raises(AssertionError):
        check_problems([GOOD], output.replace(left_out, ""))
