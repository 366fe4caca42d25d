"""`aws` of a lab's shell: the vendor's, as a fork of the lab's server where one answers."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab import aws_command
from lab.environment import process_environment

VENDORS = str(Path(sys.executable).with_name("aws"))


@pytest.fixture
def environment(running_lab, tools):
    return process_environment(running_lab, tools.bin)


@pytest.fixture
def run(environment):
    def run(*command):
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_it_answers_as_the_vendor_s(run, running_lab):
    """It is the first on PATH, and prints what the vendor's prints, for what works and for what does not."""
    assert run("sh", "-c", "command -v aws").stdout.strip() == str(running_lab.bin / "aws")
    for asked in (["sts", "get-caller-identity"], ["iam", "get-user", "--user-name", "nobody"], ["eks", "no-such"]):
        own, theirs = run("aws", *asked), run(VENDORS, *asked)
        assert (own.returncode, own.stdout, own.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)


def test_it_is_a_fork(environment, running_lab):
    """The lab's server runs it: it has a child while a command waits for its input."""
    words = {str(running_lab.prefork / "aws"), *aws_command.MODULES}
    (server,) = [each for each in psutil.process_iter(["cmdline"]) if words <= set(each.info["cmdline"] or [])]
    command = ["aws", "configure"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout.read(1)  # it asks
        assert server.children()
        waiting.kill()


def test_without_a_server_it_runs_by_itself(run, tmp_path):
    """A lab whose server has not come up, or is gone, has the same command."""
    aws_command.install(tmp_path / "bin", tmp_path / "nobody-listens")
    assert run(tmp_path / "bin" / "aws", "--version").stdout.startswith("aws-cli/")
