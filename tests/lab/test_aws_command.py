"""The command `aws` of a lab's shell: AWS's own, as a fork of the lab's prefork server if one runs."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab import aws_command
from lab.environment import process_environment
from lab.plugins.install import REPOSITORY

OFFICIAL = str(Path(sys.executable).with_name("aws"))


@pytest.fixture
def environment(running_lab, tools):
    return process_environment(running_lab, tools.bin)


@pytest.fixture
def run(environment):
    def run(*command):
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_aws_command_equals_the_official_one(run, running_lab):
    """It is the first `aws` on PATH, and has the output and the exit code of the official one, errors included."""
    assert run("sh", "-c", "command -v aws").stdout.strip() == str(running_lab.bin / "aws")
    for arguments in (
        ["sts", "get-caller-identity"],
        ["iam", "get-user", "--user-name", "missing-user"],
        ["eks", "no-such"],
    ):
        own, official = run("aws", *arguments), run(OFFICIAL, *arguments)
        assert (own.returncode, own.stdout, own.stderr) == (official.returncode, official.stdout, official.stderr)


def test_aws_command_caches_sessions_of_roles_in_its_own_home(environment, run, tmp_path):
    """Two commands with different HOMEs share no session: a role that was created again gets a new one."""
    account = json.loads(run("aws", "sts", "get-caller-identity").stdout)["Account"]
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": statement})
    created = run("aws", "iam", "create-role", "--role-name", "cached", "--assume-role-policy-document", trust)
    arn = json.loads(created.stdout)["Role"]["Arn"]
    config = Path(environment["AWS_CONFIG_FILE"]).read_text()
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "config").write_text(f"{config}\n[profile cached]\nrole_arn = {arn}\nsource_profile = default\n")
    environment |= {"HOME": str(home), "AWS_CONFIG_FILE": str(tmp_path / "config")}
    done = subprocess.run(
        ["aws", "sts", "get-caller-identity", "--profile", "cached"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    run("aws", "iam", "delete-role", "--role-name", "cached")
    assert "assumed-role/cached" in done.stdout, done.stderr
    assert len(list((home / ".aws" / "cli" / "cache").iterdir())) == 1


def test_aws_command_is_a_fork(environment, running_lab):
    """The lab's prefork server runs it: the server has a child while a command waits for input."""
    words = {str(running_lab.prefork / "aws"), *aws_command.MODULES}
    (server,) = [process for process in psutil.process_iter(["cmdline"]) if words <= set(process.info["cmdline"] or [])]
    command = ["aws", "configure"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout.read(1)  # its prompt
        assert server.children()
        waiting.kill()


def test_aws_command_reuses_the_service_models_of_the_server():
    """A command gets the loader of the server, with the models that the server has read, and no loader of its own."""
    program = "from lab.warm_aws import driver, session; driver.create_clidriver().main(['eks', 'get-token'])"
    loaders = f"{program}; info = session.create_loader.cache_info(); print(info.misses, info.hits > 0)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", loaders], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1:] == ["1 True"], done.stderr


def test_aws_command_without_a_server(run, tmp_path):
    """Without a prefork server the command runs by itself."""
    aws_command.install(tmp_path / "bin", tmp_path / "no-server")
    assert run(tmp_path / "bin" / "aws", "--version").stdout.startswith("aws-cli/")
