"""The platforms that the lab runs on, and the error of its commands on any other."""

import platform

import pytest
from click.testing import CliRunner

from lab.cli import main as lab_command
from lab.errors import ToolError
from lab.tools.__main__ import main as tools_command
from lab.tools.platform import Platform

OTHERS = [("Darwin", "arm64"), ("Darwin", "x86_64"), ("Windows", "AMD64"), ("Linux", "riscv64")]


@pytest.fixture
def error():
    """The error message for a platform, by its system and processor."""
    return (
        "the lab must run on Linux (x86-64 or arm64); this machine is {} on {}\n"
        "  fix: run it in a Linux container or VM; the library and the command lines work on macOS\n"
    ).format


@pytest.fixture(params=OTHERS, ids="-".join)
def other_platform(request, monkeypatch, tmp_path):
    """A machine that the lab does not run on."""
    system, machine = request.param
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setenv("EKS_LAB_HOME", str(tmp_path / "home"))
    return system, machine


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", Platform("linux", "amd64")),
        ("Linux", "aarch64", Platform("linux", "arm64")),
    ],
)
def test_platform_has_the_names_of_go(system, machine, expected):
    """Python's names of systems and processors become Go's."""
    assert Platform.parse(system, machine) == expected


@pytest.mark.parametrize(("system", "machine"), OTHERS)
def test_platform_other_than_linux_is_rejected(system, machine):
    """Another platform is rejected with its name and a fix."""
    with pytest.raises(ToolError, match=f"this machine is {system} on {machine}\n  fix: run it in a Linux container"):
        Platform.parse(system, machine)


@pytest.mark.parametrize("command", ["up", "demo"])
def test_lab_commands_reject_other_platforms(other_platform, error, command, tmp_path):
    """`lab up` and `lab demo` end with 1 and one error, before they write a file."""
    result = CliRunner().invoke(lab_command, [command])
    assert result.exit_code == 1
    assert result.output == f"error: {error(*other_platform)}"
    assert not (tmp_path / "home").exists()


def test_tools_command_rejects_other_platforms(other_platform, error, capsys, tmp_path):
    """`python -m lab.tools` ends with 1 and the same error, before it writes a file."""
    assert tools_command() == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert " ".join(printed.err.split()) == " ".join(error(*other_platform).split())
    assert not (tmp_path / "home").exists()
