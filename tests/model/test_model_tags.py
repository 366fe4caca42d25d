"""Validation of tags that AWS would reject in the middle of an update."""

import pytest

from eks_identity.model import tags


@pytest.mark.parametrize(
    "values",
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
    ids=lambda values: next(iter(values))[:20],
)
def test_tags_reject_what_aws_rejects(values):
    """Reserved keys, long keys and values, too many tags, other characters, and keys that differ only in case."""
    (problem,) = tags.problems(values)
    assert problem.rule.startswith("must ")
    assert problem.fix


def test_tags_accept_what_aws_accepts():
    """Empty values, every letter and unresolved values are accepted; EKS distinguishes case."""
    assert not tags.problems({"a": "", "Größe +-=._:/@": "x" * 256, "k" * 128: object()})
    assert not tags.problems({"Team": "x", "team": "y"}, keys_have_case=True)
