"""Words for the tests of the pure rules: what was refused, and how it was said."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from eks_identity.errors import InvalidInput, Problem

# A busy machine is no failure.
settings.register_profile("model", deadline=None)
settings.load_profile("model")


@pytest.fixture
def refused() -> Callable[..., list[Problem]]:
    """Calls a function that must refuse, and returns the problems; each has a rule and a fix."""

    def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Problem]:
        with pytest.raises(InvalidInput) as refusal:
            function(*args, **kwargs)
        assert refusal.value.problems
        for problem in refusal.value.problems:
            assert problem.rule
            assert problem.fix
            assert f"rule: {problem.rule}" in str(refusal.value)
            assert f"fix:  {problem.fix}" in str(refusal.value)
        return list(refusal.value.problems)

    return call
