"""Tags that AWS would refuse halfway through an update."""

import pytest

from eks_identity.model import tags


@pytest.mark.parametrize(
    "given",
    [
        {"aws:cloudformation:stack-name": "x"},
        {"AWS:x": "x"},
        {"": "x"},
        {"k" * 129: "x"},
        {"a*": "x"},
        {"a": "x" * 257},
        {"a": "x;y"},
        {f"tag-{number}": "x" for number in range(51)},
        {"Team": "x", "team": "y"},
    ],
    ids=lambda given: next(iter(given))[:20],
)
def test_what_aws_refuses_is_refused(given):
    """Reserved keys, what is too long or too many, other characters, and a key that differs in its case alone."""
    (problem,) = tags.problems(given)
    assert problem.rule
    assert problem.fix


def test_what_aws_takes_is_taken():
    """Empty values, every letter, and a value that comes late; and EKS tells cases apart."""
    assert not tags.problems({"a": "", "Größe +-=._:/@": "x" * 256, "k" * 128: object()})
    assert not tags.problems({"Team": "x", "team": "y"}, keys_have_case=True)
