"""Fixtures of the tests with hostile inputs."""

import hypothesis
import pytest


@pytest.fixture
def examples(is_soak):
    """Return the settings of hypothesis for a number of examples, ten times as many with `--soak`."""
    return lambda number: hypothesis.settings(
        max_examples=number * 10 if is_soak else number,
        suppress_health_check=list(hypothesis.HealthCheck),
        database=None,
    )
