"""Fixtures of the plugins' tests: an engine home with the lab's plugins."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.interfaces import clean_environment
from lab.plugins.install import MODULES, install
from lab.prefork.start import start


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory) -> Iterator[Path]:
    """A home of the engine with the lab's plugins, started as forks of a server."""
    home, folder = tmp_path_factory.mktemp("pulumi-home"), tmp_path_factory.mktemp("prefork")
    environment = {**clean_environment(os.environ), "PYTHONWARNINGS": "ignore"}
    server = start(folder / "plugins", MODULES, log=folder / "log", environment=environment)
    install(home, sys.executable, folder / "plugins")
    yield home
    server.kill()
