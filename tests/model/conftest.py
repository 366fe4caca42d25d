"""Fixtures for tests of the validation rules."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from eks_identity.errors import InvalidInput, Problem

# A slow machine must not fail a test.
settings.register_profile("model", deadline=None)
settings.load_profile("model")


@pytest.fixture
def problems_of() -> Callable[..., list[Problem]]:
    """Return a function that calls another, which must raise `InvalidInput`, and returns the problems."""

    def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Problem]:
        with pytest.raises(InvalidInput) as error:
            function(*args, **kwargs)
        assert error.value.problems
        for problem in error.value.problems:
            assert problem.rule.startswith("must ")
            assert problem.fix
            assert f"rule: {problem.rule}" in str(error.value)
            assert f"fix:  {problem.fix}" in str(error.value)
        return list(error.value.problems)

    return call
