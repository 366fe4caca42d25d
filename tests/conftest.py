"""Fixtures of all tests: the vendors' programs, found or compiled once a run."""

import os
import secrets
import signal
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from lab.interfaces import Programs
from lab.tools import Toolbox, Tools, default_cache

# No test asserts a time. In CI, hypothesis is deterministic: the same commit has the same examples.
hypothesis.settings.register_profile("unhurried", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("unhurried")

# Tests set the variables of Pulumi that they need. The shell's own may be those of a lab that the user has entered.
for name in [name for name in os.environ if name.startswith("PULUMI_")]:
    del os.environ[name]

# Python buffers its output, as in a user's shell: a program that another one waits for must flush what it prints.
os.environ.pop("PYTHONUNBUFFERED", None)

# A shell script's background job ignores SIGINT, and its child processes inherit that. Tests interrupt programs.
signal.signal(signal.SIGINT, signal.default_int_handler)


# One seed for all workers of a run, so that each run generates new cases: see test_aws_auth_conformance.
os.environ.setdefault("EKS_IDENTITY_CONFORMANCE_SEED", str(secrets.randbelow(1 << 32)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", action="store_true", help="also run tests/conformance: see `make conformance`")
    parser.addoption("--soak", action="store_true", help="run the fault tests in full: see `make soak`")
    parser.addoption(
        "--plugins",
        action="append",
        default=[],
        dest="lab_plugins",
        metavar="[NAME=]SOURCE",
        help="provider plugins of the tests' labs: see `python -m lab up --help`",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the comparisons with other programs, which take long and need programs of their own."""
    return (collection_path == Path(__file__).parent / "conformance" and not config.getoption("--conformance")) or None


def pytest_report_header() -> str:
    return f"conformance: EKS_IDENTITY_CONFORMANCE_SEED={os.environ['EKS_IDENTITY_CONFORMANCE_SEED']}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the lab's tests first: a file that takes minutes would occupy one worker alone at the end."""
    items.sort(key=lambda item: "lab" not in item.path.relative_to(Path(__file__).parent).parts)


@pytest.fixture(scope="session")
def is_soak(pytestconfig: pytest.Config) -> bool:
    return bool(pytestconfig.getoption("--soak"))


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print figures of a test, with the seed that repeats it."""

    def show_figures(figures: str) -> None:
        with capsys.disabled():
            print(f"\nsoak, seed {os.environ['EKS_IDENTITY_CONFORMANCE_SEED']}: {figures}")  # noqa: T201 - what `make soak` shows

    return show_figures


@pytest.fixture(scope="session")
def found_tools() -> Tools:
    return Toolbox(default_cache()).ensure()


@pytest.fixture(scope="session")
def tools(found_tools: Tools) -> Tools:
    return found_tools


@pytest.fixture(scope="session")
def programs(tools: Tools) -> Programs:
    return tools.programs
