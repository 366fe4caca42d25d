"""What all tests share: the vendor's programs, found or made once a run."""

import os
import secrets
import signal
from pathlib import Path

import hypothesis
import pytest

from lab.interfaces import Programs
from lab.tools import Toolbox, Tools, default_cache

# No time is asserted anywhere. In CI a commit's verdict depends on the commit: the same examples every time.
hypothesis.settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("unhurried")

# A run that a script started in the background ignores Ctrl-C, and so would every program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Documents of aws-auth are new ones each run, the same in all of its workers: see test_aws_auth_conformance.
os.environ.setdefault("EKS_IDENTITY_CONFORMANCE_SEED", str(secrets.randbelow(1 << 32)))


def pytest_report_header() -> str:
    return f"aws-auth conformance: EKS_IDENTITY_CONFORMANCE_SEED={os.environ['EKS_IDENTITY_CONFORMANCE_SEED']}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The lab's tests first: files that take minutes would leave one worker alone at the end."""
    items.sort(key=lambda item: "lab" not in item.path.relative_to(Path(__file__).parent).parts)


@pytest.fixture(scope="session")
def found_tools() -> Tools:
    return Toolbox(default_cache()).ensure()


@pytest.fixture(scope="session")
def tools(found_tools: Tools) -> Tools:
    return found_tools


@pytest.fixture(scope="session")
def programs(tools: Tools) -> Programs:
    return tools.programs
