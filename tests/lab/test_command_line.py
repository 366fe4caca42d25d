"""`python -m lab` as its users type it: started twice, killed, side by side, with real-looking credentials around."""

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

from lab.clusters import NODE_GROUP
from lab.lab_dir import LabDir
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
"""Labs of these tests end with them, also where these are killed."""


def lab(*arguments, name=None, **environment):
    named = ["--lab", name] if name else []
    owner = OWNED if arguments[0] == "up" else []
    return subprocess.run(
        [sys.executable, "-m", "lab", *named, *arguments, *owner],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def in_shell(home, script, *, principal="lab-admin", **environment):
    """What a person would type: enter the lab's shell with eval, then run `script`."""
    entered = f'eval "$({shlex.quote(sys.executable)} -m lab --lab {home.name} env --as {principal})"\n'
    return subprocess.run(
        ["bash", "-ec", entered + script],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def named():
    """A name for a lab of this test alone; whatever it leaves is removed."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    lab("reset", name=name)


def family(home):
    daemon = psutil.Process(home.running().pid)
    return [daemon, *daemon.children(recursive=True)]


def test_up_again_changes_nothing(running_lab):
    """A second `up` finds the lab up, and leaves its processes alone."""
    before = {process.pid for process in family(running_lab)}
    again = lab("up", name=running_lab.name)
    assert again.returncode == 0, again.stderr
    assert {process.pid for process in family(running_lab)} == before


def test_status(running_lab):
    """`status` names the account, the clusters and their state; without a lab it exits with 3 and says what to do."""
    shown = lab("status", name=running_lab.name)
    assert shown.returncode == 0
    assert "123456789012" in shown.stdout
    assert "cluster eks-clu" in shown.stdout
    assert "ACTIVE" in shown.stdout
    none = lab("status", name="no-such-lab")
    assert none.returncode == 3
    assert "fix: run `python -m lab --lab no-such-lab up`" in none.stdout


def test_logs(running_lab):
    """`logs` lists the parts, prints one, and names them all where one is asked for that is not there."""
    listed = lab("logs", name=running_lab.name)
    parts = [line.split()[0] for line in listed.stdout.splitlines()]
    assert "daemon" in parts
    server = next(part for part in parts if "eks-clu" in part and "apiserver" in part)
    assert "kube-apiserver" in lab("logs", server, name=running_lab.name).stdout or server
    unknown = lab("logs", "nothing", name=running_lab.name)
    assert unknown.returncode == 2
    assert "daemon" in unknown.stderr


def test_only_loopback(running_lab):
    """No process of the lab listens on an address that another machine could reach."""
    listening = [
        connection.laddr.ip
        for process in family(running_lab)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_only_the_user_reads(running_lab):
    """Nobody else can read into the lab's folder, and files that hold secrets are closed by themselves too."""
    assert stat.S_IMODE(running_lab.folder.stat().st_mode) == 0o700
    secrets = [file for file in running_lab.folder.rglob("*") if file.name == "credentials" or file.suffix == ".key"]
    assert secrets
    assert not [file for file in secrets if stat.S_IMODE(file.stat().st_mode) & 0o077]


def test_real_credentials_do_not_reach_in(running_lab, tmp_path):
    """With real-looking credentials everywhere, the lab's shell is the lab's administrator and nobody else."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = secret\n"
        "[production]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE\naws_secret_access_key = secret\n"
    )
    (tmp_path / ".aws" / "config").write_text("[default]\nendpoint_url = https://example.com\nregion = us-west-2\n")
    script = "aws sts get-caller-identity; env; aws configure list"
    done = in_shell(running_lab, script, HOME=str(tmp_path), EKS_LAB_HOME=str(running_lab.root), **REAL_LOOKING)
    assert done.returncode == 0, done.stderr
    assert '"arn:aws:iam::123456789012:user/lab-admin"' in done.stdout
    for value in REAL_LOOKING.values():
        assert value not in done.stdout
    assert "EXAMPLE" not in done.stdout


def test_no_lab_no_account():
    """Where the lab cannot be entered, its shell has no credentials at all: nothing is done to a real account."""
    refused = in_shell(LabDir("no-such-lab"), "true", **REAL_LOOKING)
    assert refused.returncode != 0
    assert "is not running" in refused.stderr
    entered = f'eval "$({sys.executable} -m lab --lab no-such-lab env 2>/dev/null)" || true; env; aws configure list'
    left = subprocess.run(
        ["bash", "-c", entered],
        cwd=REPOSITORY,
        env={**os.environ, **REAL_LOOKING},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "PULUMI_ACCESS_TOKEN", "AWS_ROLE_ARN"):
        assert f"{name}=" not in left
    assert "EXAMPLE" not in left


def test_nothing_else_is_reached(running_lab):
    """From the lab's shell no host answers that the lab does not stand in for, AWS's own others included."""
    proxy = urllib.request.ProxyHandler({"https": running_lab.running().proxy_url})
    opener = urllib.request.build_opener(proxy)
    for host in ("example.com", "sts.amazonaws.com.example.com", "169.254.169.254", "api.pulumi.com"):
        with pytest.raises(urllib.error.URLError, match="403"):
            opener.open(f"https://{host}/", timeout=10)


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        ("nobody", ["no IAM user 'nobody'", "lab-admin"]),
        ("role/nobody", ["no IAM role 'nobody'", "eks-lab-node"]),
        ("arn:aws:iam::999999999999:user/nobody", ["not 999999999999", "other-admin"]),
        ("user/", ["neither an IAM user nor a role", "role/ops"]),
        ("", ["neither an IAM user nor a role", "role/ops"]),
    ],
)
def test_env_of_an_unknown_principal(running_lab, principal, words):
    """A principal that is not there is refused with those that are, and the shell is left without credentials."""
    refused = lab("env", "--as", principal, name=running_lab.name)
    assert refused.returncode == 2
    assert all(word in refused.stderr for word in words), refused.stderr
    assert "AWS_CONFIG_FILE=/dev/null" in refused.stdout
    assert refused.stdout.endswith("false\n")


@pytest.mark.parametrize("arguments", [["env", "--sa", "x"], ["--lab", "A B", "env"]], ids=["option", "name"])
def test_env_with_a_slip(arguments):
    """A command that is not understood leaves the shell without credentials, not with those of a real account."""
    refused = lab(*arguments)
    assert refused.returncode == 2
    assert "AWS_CONFIG_FILE=/dev/null" in refused.stdout
    assert refused.stdout.endswith("false\n")


def test_env_as_a_user_made_again(running_lab):
    """A user that was deleted and made again gets an access key that AWS knows."""
    iam = client(running_lab, "iam")
    arn = iam.create_user(UserName="again")["User"]["Arn"]
    assert client(running_lab, "sts", "again").get_caller_identity()["Arn"] == arn
    for key in iam.list_access_keys(UserName="again")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="again", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="again")
    iam.create_user(UserName="again")
    assert client(running_lab, "sts", "again").get_caller_identity()["Arn"] == arn


@pytest.mark.parametrize(
    ("clusters", "words"),
    [(["bad name!"], "1 to 100 letters"), ([""], "1 to 100 letters"), (["a", "a=API"], "twice"), (["a=X"], "one of")],
)
def test_up_with_clusters_that_cannot_be(named, clusters, words):
    """Clusters that EKS would refuse are refused before anything is started."""
    options = [option for cluster in clusters for option in ("--cluster", cluster)]
    refused = lab("up", *options, name=named)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert not LabDir(named).folder.exists()


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
    seen = in_shell(running_lab, "aws sts get-caller-identity --query Arn --output text", principal="role/ops")
    assert seen.stdout.startswith("arn:aws:sts::123456789012:assumed-role/ops/"), seen.stderr


@pytest.fixture(scope="module")
def second_lab():
    """A lab beside the shared one, with a cluster `one`: brought up by two commands at once, whose ends it has."""
    home = LabDir(f"test-{uuid.uuid4().hex[:8]}")
    command = [sys.executable, "-m", "lab", "--lab", home.name, "up", "--cluster", "one=API", *OWNED]
    both = [subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=300)[1] for process in both]
    yield SimpleNamespace(home=home, name=home.name, codes=[process.returncode for process in both], said=said)
    lab("reset", name=home.name)


def test_two_ups_at_once(second_lab):
    """Two `up` of one lab at once give one lab."""
    assert second_lab.codes == [0, 0], second_lab.said
    processes = psutil.process_iter(["cmdline"])
    assert len([process for process in processes if _is_daemon_of(process, second_lab.name)]) == 1


def _is_daemon_of(process, name):
    command = process.info["cmdline"] or []
    return "lab.daemon" in command and name in command


def test_killed_lab(second_lab):
    """A lab whose daemon is killed leaves no process behind; the next `up` cleans up and starts anew."""
    home = second_lab.home
    daemon, *children = family(home)
    assert children
    first = home.running().instance
    daemon.kill()
    _, alive = psutil.wait_procs([daemon, *children], timeout=10)
    assert not alive
    assert lab("status", name=home.name).returncode == 3
    assert lab("up", "--cluster", "one=API", name=home.name).returncode == 0
    assert home.running().instance != first


def test_side_by_side(running_lab, second_lab):
    """A second lab has its own AWS and its own clusters, and its end does not disturb the first one."""
    other = second_lab.home
    clusters = in_shell(other, "aws eks list-clusters --output text; kubectl --context one get nodes -o name")
    assert "CLUSTERS\tone\n" in clusters.stdout
    assert "eks-clu" not in clusters.stdout
    assert "node/" in clusters.stdout, clusters.stderr
    processes = family(other)
    assert lab("down", name=other.name).returncode == 0
    assert not [process for process in processes if process.is_running()]
    assert running_lab.running()
    assert "eks-clu" in in_shell(running_lab, "aws eks list-clusters --output text").stdout
    assert lab("reset", name=other.name).returncode == 0
    assert not other.folder.exists()


def test_interrupted_up(named):
    """Ctrl-C in the middle of `up` is no harm: the next `up` goes on, and makes the node that a cluster lacks."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "--lab", named, "up", "--cluster", "one", *OWNED],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    home = LabDir(named)
    for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(60), wait=tenacity.wait_fixed(0.05)):
        with attempt:
            assert home.running()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert f"run `python -m lab --lab {named} up` to continue" in stderr
    again = lab("up", "--cluster", "one", name=named)
    assert again.returncode == 0, again.stderr
    assert "ACTIVE" in lab("status", name=named).stdout
    eks = client(home, "eks")
    group = {"clusterName": "one", "nodegroupName": NODE_GROUP}
    eks.delete_nodegroup(**group)
    eks.get_waiter("nodegroup_deleted").wait(**group, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    assert lab("up", "--cluster", "one", name=named).returncode == 0
    assert eks.describe_nodegroup(**group)["nodegroup"]["status"] == "ACTIVE"
