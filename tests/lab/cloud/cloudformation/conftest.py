"""Fixtures of the CloudFormation tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.cloud_helpers import client
from support.cloudformation_stacks import Stacks


@pytest.fixture
def stacks(cloud: Any) -> Stacks:
    return Stacks(client(cloud, "cloudformation"))


@pytest.fixture
def stacks_of(cloud: Any) -> Callable[[Any], Stacks]:
    """Return a function that returns CloudFormation as another caller."""
    return lambda caller: Stacks(client(cloud, "cloudformation", caller))


@pytest.fixture
def iam(cloud: Any) -> Any:
    return client(cloud, "iam")
