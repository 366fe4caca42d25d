"""The command `python -m lab`: repeated starts, killed processes, several labs, and real-looking credentials."""

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import tenacity
from click.testing import CliRunner

from lab.cli import main
from lab.cluster import Confinement
from lab.clusters import NODE_GROUP
from lab.lab_dir import LabDir, PodConfinement
from lab.principals import client

pytestmark = pytest.mark.xdist_group("command-line")

REPOSITORY = Path(__file__).resolve().parents[2]
REAL_LOOKING = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "a-session-of-production",
    "AWS_ENDPOINT_URL": "https://sts.us-east-1.amazonaws.com",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.us-east-1.amazonaws.com",
    "AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/production",
    "PULUMI_ACCESS_TOKEN": "pul-0123456789abcdef",
    "PULUMI_STACK": "prod",
    "HTTPS_PROXY": "http://proxy.production.example:3128",
}

OWNED = ["--owner", str(os.getpid())]
"""Labs of these tests stop when the test process ends, even if it is killed."""


def lab(*arguments, name=None, **environment):
    options = ["--lab", name] if name else []
    owner = OWNED if arguments[0] == "up" else []
    return subprocess.run(
        [sys.executable, "-m", "lab", *options, *arguments, *owner],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def in_shell(home, script, *, principal="lab-admin", **environment):
    """Run `script` in a shell after `eval` of the lab's environment, as a user does."""
    enter = f'eval "$({shlex.quote(sys.executable)} -m lab --lab {home.name} env --as {principal})"\n'
    return subprocess.run(
        ["bash", "-ec", enter + script],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def lab_name():
    """A name for a lab of this test; the lab is reset afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    lab("reset", name=name)


def lab_processes(home):
    daemon = psutil.Process(home.running().pid)
    return [daemon, *daemon.children(recursive=True)]


def test_second_up_changes_nothing(running_lab):
    """A second `up` of a running lab keeps its processes."""
    before = {process.pid for process in lab_processes(running_lab)}
    second = lab("up", name=running_lab.name)
    assert second.returncode == 0, second.stderr
    assert {process.pid for process in lab_processes(running_lab)} == before


def test_status(running_lab):
    """`status` prints the account, the clusters and their state; without a lab it exits with code 3 and a fix."""
    status = lab("status", name=running_lab.name)
    assert status.returncode == 0
    assert "123456789012" in status.stdout
    assert "cluster eks-clu" in status.stdout
    assert "ACTIVE" in status.stdout
    confinement = Confinement.detect()
    (pods,) = [line for line in status.stdout.splitlines() if line.strip().startswith("pods")]
    assert ("not confined" not in pods) is confinement.is_active
    assert confinement.detail.split(";")[0] in pods
    missing = lab("status", name="no-such-lab")
    assert missing.returncode == 3
    assert "fix: run `python -m lab --lab no-such-lab up`" in missing.stdout


@pytest.mark.parametrize("pods", ["confined", "unconfined"])
def test_up_reports_unconfined_pods(monkeypatch, tmp_path, pods):
    """`up` says once that pods are not confined, why, and what they can read then; `--pods` reaches the daemon."""
    detail = "Landlock is not available (Function not implemented); it needs Linux 5.13 or newer"
    monkeypatch.setenv("EKS_LAB_HOME", str(tmp_path))
    requests = []

    def start(home, *_, confine_pods, **__):
        requests.append(confine_pods)
        home.prepare()
        home.write_pod_confinement(PodConfinement(is_active=False, detail=detail))

    monkeypatch.setattr("lab.lifecycle.up", start)
    result = CliRunner().invoke(main, ["up", "--pods", pods])
    assert result.exit_code == 0
    assert f"Pods are not confined: {detail}. They can read your files and the lab's keys.\n" in result.stderr
    assert requests == [pods == "confined"]


def test_unconfined_pods(lab_name):
    """`--pods unconfined` switches the confinement off; `status` says so."""
    up = lab("up", "--pods", "unconfined", "--cluster", "c=API", name=lab_name)
    assert up.returncode == 0, up.stderr
    assert up.stderr.count("Pods are not confined: switched off by `--pods unconfined`") == 1
    assert "not confined" in lab("status", name=lab_name).stdout


def test_logs(running_lab):
    """`logs` lists the logs and prints one; the error for an unknown log lists all of them."""
    logs = lab("logs", name=running_lab.name)
    names = [line.split()[0] for line in logs.stdout.splitlines()]
    assert "daemon" in names
    server = next(name for name in names if "eks-clu" in name and "apiserver" in name)
    assert "kube-apiserver" in lab("logs", server, name=running_lab.name).stdout or server
    unknown = lab("logs", "nothing", name=running_lab.name)
    assert unknown.returncode == 2
    assert "daemon" in unknown.stderr


def test_only_loopback(running_lab):
    """Processes of the lab listen only on loopback addresses."""
    listening = [
        connection.laddr.ip
        for process in lab_processes(running_lab)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_lab_folder_is_private(running_lab):
    """Only the user can read the lab's folder, and files with secrets have private modes themselves."""
    assert stat.S_IMODE(running_lab.folder.stat().st_mode) == 0o700
    secrets = [file for file in running_lab.folder.rglob("*") if file.name == "credentials" or file.suffix == ".key"]
    assert secrets
    assert not [file for file in secrets if stat.S_IMODE(file.stat().st_mode) & 0o077]


def test_env_overrides_real_credentials(running_lab, tmp_path):
    """With real-looking credentials in files and variables, the lab's shell has only the lab administrator's."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = secret\n"
        "[production]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = secret\n"
    )
    (tmp_path / ".aws" / "config").write_text("[default]\nendpoint_url = https://example.com\nregion = us-west-2\n")
    script = "aws sts get-caller-identity; env; aws configure list"
    result = in_shell(running_lab, script, HOME=str(tmp_path), EKS_LAB_HOME=str(running_lab.root), **REAL_LOOKING)
    assert result.returncode == 0, result.stderr
    assert '"arn:aws:iam::123456789012:user/lab-admin"' in result.stdout
    for value in REAL_LOOKING.values():
        assert value not in result.stdout
    assert "EXAMPLE" not in result.stdout


def test_env_without_a_lab_removes_all_credentials():
    """If the lab is not running, its shell has no credentials, so that no command reaches a real account."""
    failed = in_shell(LabDir("no-such-lab"), "true", **REAL_LOOKING)
    assert failed.returncode != 0
    assert "is not running" in failed.stderr
    script = f'eval "$({sys.executable} -m lab --lab no-such-lab env 2>/dev/null)" || true; env; aws configure list'
    output = subprocess.run(
        ["bash", "-c", script],
        cwd=REPOSITORY,
        env={**os.environ, **REAL_LOOKING},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "PULUMI_ACCESS_TOKEN", "AWS_ROLE_ARN"):
        assert f"{name}=" not in output
    assert "EXAMPLE" not in output


def test_proxy_denies_other_hosts(running_lab):
    """The lab's proxy denies hosts that the lab does not simulate, other AWS hosts included."""
    proxy = urllib.request.ProxyHandler({"https": running_lab.running().proxy_url})
    opener = urllib.request.build_opener(proxy)
    for host in ("example.com", "sts.amazonaws.com.example.com", "169.254.169.254", "api.pulumi.com"):
        with pytest.raises(urllib.error.URLError, match="403"):
            opener.open(f"https://{host}/", timeout=10)


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("unknown", ["no IAM user 'unknown'", "lab-admin"]),
        ("role/unknown", ["no IAM role 'unknown'", "eks-lab-node"]),
        ("arn:aws:iam::999999999999:user/unknown", ["not 999999999999", "other-admin"]),
        ("user/", ["must be an IAM user or an IAM role", "role/ops"]),
        ("", ["must be an IAM user or an IAM role", "role/ops"]),
    ],
)
def test_env_of_an_unknown_principal(running_lab, principal, expected):
    """The error for an unknown principal lists the existing ones, and the shell has no credentials."""
    failed = lab("env", "--as", principal, name=running_lab.name)
    assert failed.returncode == 2
    assert all(text in failed.stderr for text in expected), failed.stderr
    assert "AWS_CONFIG_FILE=/dev/null" in failed.stdout
    assert failed.stdout.endswith("false\n")


@pytest.mark.parametrize("arguments", [["env", "--sa", "x"], ["--lab", "A B", "env"]], ids=["option", "name"])
def test_env_with_a_usage_error(arguments):
    """After a usage error the shell has no credentials, so that no command reaches a real account."""
    failed = lab(*arguments)
    assert failed.returncode == 2
    assert "AWS_CONFIG_FILE=/dev/null" in failed.stdout
    assert failed.stdout.endswith("false\n")


def test_env_as_a_recreated_user(running_lab):
    """A user that was deleted and created again gets a valid access key."""
    iam = client(running_lab, "iam")
    arn = iam.create_user(UserName="again")["User"]["Arn"]
    assert client(running_lab, "sts", "again").get_caller_identity()["Arn"] == arn
    for key in iam.list_access_keys(UserName="again")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="again", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="again")
    iam.create_user(UserName="again")
    assert client(running_lab, "sts", "again").get_caller_identity()["Arn"] == arn


@pytest.mark.parametrize(
    ("clusters", "expected"),
    [(["bad name!"], "1 to 100 letters"), ([""], "1 to 100 letters"), (["a", "a=API"], "twice"), (["a=X"], "one of")],
)
def test_up_rejects_invalid_clusters(lab_name, clusters, expected):
    """Clusters that EKS would reject are rejected before the lab starts."""
    options = [option for cluster in clusters for option in ("--cluster", cluster)]
    failed = lab("up", *options, name=lab_name)
    assert failed.returncode == 2
    assert expected in failed.stderr
    assert not LabDir(lab_name).folder.exists()


def test_up_rejects_invalid_plugin_sources(lab_name):
    """Unknown plugins are rejected before the lab starts."""
    failed = lab("up", "--plugins", "kubernets=official", name=lab_name)
    assert failed.returncode == 2
    assert "'kubernets=official' must name one of the plugins" in failed.stderr
    assert not LabDir(lab_name).folder.exists()


def test_env_as_a_role(running_lab):
    """`env --as role/NAME` assumes the role by its own trust policy."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    create = f"aws iam create-role --role-name ops --assume-role-policy-document {shlex.quote(json.dumps(trust))}"
    assert in_shell(running_lab, create).returncode == 0
    identity = in_shell(running_lab, "aws sts get-caller-identity --query Arn --output text", principal="role/ops")
    assert identity.stdout.startswith("arn:aws:sts::123456789012:assumed-role/ops/"), identity.stderr


@pytest.fixture(scope="module")
def second_lab():
    """A second lab with a cluster `one`, started by two simultaneous `up` commands, and their exit codes and errors."""
    home = LabDir(f"test-{uuid.uuid4().hex[:8]}")
    command = [sys.executable, "-m", "lab", "--lab", home.name, "up", "--cluster", "one=API", *OWNED]
    both = [subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=300)[1] for process in both]
    yield SimpleNamespace(home=home, exit_codes=[process.returncode for process in both], errors=errors)
    lab("reset", name=home.name)


def test_two_ups_at_once(second_lab):
    """Two simultaneous `up` commands of one lab start one lab."""
    assert second_lab.exit_codes == [0, 0], second_lab.errors
    processes = psutil.process_iter(["cmdline"])
    assert len([process for process in processes if _is_daemon_of(process, second_lab.home.name)]) == 1


def _is_daemon_of(process, name):
    command = process.info["cmdline"] or []
    return "lab.daemon" in command and name in command


def test_killed_lab(second_lab):
    """A lab whose daemon is killed leaves no process running; the next `up` cleans up and starts again."""
    home = second_lab.home
    daemon, *children = lab_processes(home)
    assert children
    first = home.running().instance
    daemon.kill()
    _, alive = psutil.wait_procs([daemon, *children], timeout=10)
    assert not alive
    assert lab("status", name=home.name).returncode == 3
    assert lab("up", "--cluster", "one=API", name=home.name).returncode == 0
    assert home.running().instance != first


def test_two_labs_are_independent(running_lab, second_lab):
    """A second lab has its own AWS and clusters, and stopping it does not affect the first one."""
    other = second_lab.home
    clusters = in_shell(other, "aws eks list-clusters --output text; kubectl --context one get nodes -o name")
    assert "CLUSTERS\tone\n" in clusters.stdout
    assert "eks-clu" not in clusters.stdout
    assert "node/" in clusters.stdout, clusters.stderr
    processes = lab_processes(other)
    assert lab("down", name=other.name).returncode == 0
    assert not [process for process in processes if process.is_running()]
    assert running_lab.running()
    assert "eks-clu" in in_shell(running_lab, "aws eks list-clusters --output text").stdout
    assert lab("reset", name=other.name).returncode == 0
    assert not other.folder.exists()


def test_interrupted_up(lab_name):
    """After Ctrl-C during `up`, the next `up` continues, and creates the node group that a cluster lacks."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "--lab", lab_name, "up", "--cluster", "one", *OWNED],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    home = LabDir(lab_name)
    for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05)):
        with attempt:
            assert home.running()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert f"run `python -m lab --lab {lab_name} up` to continue" in stderr
    second = lab("up", "--cluster", "one", name=lab_name)
    assert second.returncode == 0, second.stderr
    assert "ACTIVE" in lab("status", name=lab_name).stdout
    eks = client(home, "eks")
    group = {"clusterName": "one", "nodegroupName": NODE_GROUP}
    eks.delete_nodegroup(**group)
    eks.get_waiter("nodegroup_deleted").wait(**group, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    assert lab("up", "--cluster", "one", name=lab_name).returncode == 0
    assert eks.describe_nodegroup(**group)["nodegroup"]["status"] == "ACTIVE"
