"""A lab for the tests that look at a whole one: brought up once a run, removed at its end."""

import io
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from lab.clusters import DEFAULT_CLUSTERS
from lab.home import Home
from lab.lifecycle import Plugins, reset, up
from lab.progress import Timeline
from lab.tools import Tools


@pytest.fixture(scope="session", autouse=True)
def programs_on_path(tools: Tools) -> None:
    """The engine and the cluster's programs, for every process that a test starts."""
    os.environ["PATH"] = os.pathsep.join([str(tools.bin), str(Path(sys.executable).parent), os.environ["PATH"]])


@contextmanager
def a_lab() -> Iterator[Home]:
    home = Home(f"test-{uuid.uuid4().hex[:8]}")
    try:
        up(home, DEFAULT_CLUSTERS, Plugins.STAND_IN, Timeline(Console(file=io.StringIO())))
        yield home
    finally:
        reset(home)


@pytest.fixture(scope="session")
def fresh_lab() -> Callable[[], AbstractContextManager[Home]]:
    """A lab that nobody has been in, for tests that begin with clusters as they come up."""
    return a_lab


@pytest.fixture(scope="session")
def running_lab() -> Iterator[Home]:
    with a_lab() as home:
        yield home
