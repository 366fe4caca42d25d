"""A small Pulumi project with its own backend, for runs of the pipeline with the real engine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.tools import Tools
from support.warm_programs import warm

PROGRAM = Path(__file__).with_name("program.py")
FLEET_PROGRAM = Path(__file__).with_name("fleet_program.py")
POLICY_PROGRAM = Path(__file__).with_name("policy_program.py")
WAIT = Path(__file__).with_name("wait.py")


class Runner:
    """Runs `eks-pipeline` in the test project."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.project = project
        self.runs = project.parent / "runs"
        self.environment = environment

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "eks_pipeline", *arguments, "--cwd", str(self.project), "--runs", str(self.runs)]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )

    def pulumi(self, *arguments: str, stack: str = "test") -> subprocess.CompletedProcess[str]:
        """Run the engine's command on a stack."""
        command = ["pulumi", *arguments, "--stack", stack, "--cwd", str(self.project), "--non-interactive"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=120)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def tools(found_tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    with warm(found_tools, tmp_path_factory.mktemp("tools"), ("pulumi", "pulumi.dynamic", "dill")) as warmed:
        yield warmed


@pytest.fixture
def runner(tmp_path: Path, tools: Tools) -> Runner:
    return create_project(tmp_path, tools, PROGRAM)


@pytest.fixture(scope="module")
def shared_runner(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Runner:
    """A project of one stack, which the tests of a module share."""
    return create_project(tmp_path_factory.mktemp("shared"), tools, PROGRAM)


@pytest.fixture(scope="module")
def fleet_runner(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Runner:
    """The project of a fleet, whose stacks the tests of a module share."""
    return create_project(tmp_path_factory.mktemp("fleet"), tools, FLEET_PROGRAM)


@pytest.fixture
def new_fleet_runner(tmp_path: Path, tools: Tools) -> Runner:
    """The project of a fleet without stacks."""
    return create_project(tmp_path, tools, FLEET_PROGRAM)


@pytest.fixture(scope="module")
def policy_runner(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Runner:
    """The project of a fleet whose stacks violate rules of the policy pack."""
    return create_project(tmp_path_factory.mktemp("policies"), tools, POLICY_PROGRAM)


def create_project(tmp_path: Path, tools: Tools, program: Path) -> Runner:
    """Create a project with its own backend, and the settings of one stack, `test`."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (project / "Pulumi.test.yaml").write_text("config: {}\n")
    shutil.copy(program, project / "__main__.py")
    shutil.copy(WAIT, project)
    (tmp_path / "state").mkdir()
    return Runner(
        project,
        {
            "PATH": os.pathsep.join([str(tools.bin), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(tmp_path),
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        },
    )


@pytest.fixture
def settings(runner: Runner) -> Callable[..., None]:
    """Return a function that writes the stack's settings."""

    def write(**values: object) -> None:
        lines = "".join(f"  tiny:{name}: {value}\n" for name, value in values.items())
        (runner.project / "Pulumi.test.yaml").write_text(f"config:\n{lines}")

    return write
