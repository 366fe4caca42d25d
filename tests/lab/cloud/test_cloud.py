"""The whole: its life, its walls, and its distance from anything real."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import httpx2
import pytest
from cloud_helpers import AWS_CLI, client, code, name, new_user

from lab.cloud import Cloud
from lab.errors import StartError

REAL = {
    "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
    "AWS_SECRET_ACCESS_KEY": "realrealrealrealrealrealrealrealrealreal",
    "AWS_SESSION_TOKEN": "real",
    "AWS_PROFILE": "production",
    "AWS_ENDPOINT_URL": "https://sts.example.com",
    "MOTO_ACCOUNT_ID": "111111111111",
}


def test_one_in_a_process(cloud, tmp_path, authority):
    """A second cloud in the process is refused with the way out, and hurts the first not."""
    second = Cloud(tmp_path, authority)
    with pytest.raises(StartError, match="moto's state belongs to the process"):
        second.start()
    second.stop()
    assert client(cloud, "sts").get_caller_identity()


def test_before_the_start_there_is_nothing(tmp_path, authority):
    """What a cloud has only while it runs is refused with what to do."""
    idle = Cloud(tmp_path, authority)
    for ask in (lambda: idle.access, lambda: idle.administrator):
        with pytest.raises(StartError, match=r"call Cloud\.start\(\) first"):
            ask()


def test_accounts_are_apart(cloud):
    """Each account has its own users, and sees no others."""
    partner = cloud.add_account("210987654321")
    user = name("mine")
    client(cloud, "iam").create_user(UserName=user)
    other = client(cloud, "iam", partner)
    assert client(cloud, "sts", partner).get_caller_identity()["Account"] == "210987654321"
    assert code(lambda: other.get_user(UserName=user)) == "NoSuchEntity"
    assert other.get_user(UserName="lab-admin")["User"]["Arn"] == "arn:aws:iam::210987654321:user/lab-admin"


@pytest.mark.parametrize("path", ["/moto-api/", "/moto-api/data.json", "/moto-api/reset", "//moto-api/reset-auth"])
def test_motos_back_door_is_shut(cloud, path):
    """moto's own API, which gives everything away, answers nobody: not even beside the proxy."""
    for method in ("GET", "POST"):
        with httpx2.Client(trust_env=False) as http:
            answer = http.request(method, f"http://127.0.0.1:{cloud._server.port}{path}")
        assert answer.status_code == 403
    assert client(cloud, "sts").get_caller_identity()


def test_beside_the_proxy_nothing_is_open(cloud):
    """Whoever finds moto's port meets the same gate."""
    here = f"http://127.0.0.1:{cloud._server.port}"
    _, key = new_user(cloud)
    direct = boto3.client(
        "iam",
        "us-east-1",
        endpoint_url=here,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
    )
    assert code(direct.list_users) == "AccessDenied"
    with httpx2.Client(trust_env=False) as http:
        for url in ("/?Action=ListUsers", "/latest/meta-data/iam/", "/bucket", "/?Action=AssumeRoleWithWebIdentity"):
            assert http.get(f"{here}{url}").status_code in {400, 403}, url


def test_operations_that_nobody_judges_are_refused(cloud):
    """moto has a few handlers beside its authorization hook: they are closed, to the administrator too."""
    domain = client(cloud, "es")
    assert (
        code(lambda: domain.list_tags(ARN="arn:aws:es:ap-northeast-1:123456789012:domain/x")) == "AccessDeniedException"
    )


def test_what_moto_lacks_is_said(cloud):
    """An operation that moto does not have is told as such, in the service's protocol."""
    iam = client(cloud, "iam")
    assert code(lambda: iam.get_organizations_access_report(JobId="0" * 36)) == "NotImplemented"


SCRIPT = """
import os, sys
from pathlib import Path
from lab.cloud import Cloud
from lab.pki import CertificateAuthority
folder = Path(sys.argv[1])
cloud = Cloud(folder / "cloud", CertificateAuthority(folder / "pki"))
before = dict(os.environ)
cloud.start()
assert "AWS_PROFILE" not in os.environ and "AWS_ACCESS_KEY_ID" not in os.environ
import boto3
assert boto3.Session().get_credentials() is None
import subprocess
environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), **cloud.access.environment()}
environment |= {"AWS_ACCESS_KEY_ID": cloud.administrator.access_key_id}
environment |= {"AWS_SECRET_ACCESS_KEY": cloud.administrator.secret_access_key}
command = [sys.argv[2], "sts", "get-caller-identity", "--output", "text"]
print(subprocess.check_output(command, env=environment, text=True))
cloud.stop()
assert dict(os.environ) == before
"""


def test_real_credentials_around_the_lab_are_not_seen(tmp_path):
    """With real-looking credentials in the environment and in ~/.aws, the lab reads none, and knows only its own."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(
        "[production]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n"
    )
    environment = {**REAL, "PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(Path.cwd())}
    run = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT, str(tmp_path), str(AWS_CLI)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "123456789012\tarn:aws:iam::123456789012:user/lab-admin" in run.stdout


def test_stopping_ends_every_thread(tmp_path):
    """A cloud that was stopped leaves no thread, and the next one starts empty."""
    script = (
        "import sys, threading\nfrom pathlib import Path\nfrom lab.cloud import Cloud\n"
        "from lab.pki import CertificateAuthority\nfolder = Path(sys.argv[1])\n"
        "authority = CertificateAuthority(folder / 'pki')\nkeys = set()\n"
        "for _ in range(2):\n"
        "    cloud = Cloud(folder / 'cloud', authority)\n    cloud.start()\n"
        "    keys.add(cloud.administrator.access_key_id)\n    cloud.stop()\n    cloud.stop()\n"
        "assert len(keys) == 2\nassert threading.enumerate() == [threading.main_thread()], threading.enumerate()\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_secrets_are_the_users_alone(cloud, authority):
    """Keys that the lab writes can be read by nobody else."""
    assert cloud.folder.stat().st_mode & 0o077 == 0
    for file in authority.folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_callers_do_not_mix(cloud):
    """Users that call at once are each answered as themselves."""
    keys = dict(new_user(cloud) for _ in range(8))
    seen = {}

    def ask(user):
        seen[user] = {client(cloud, "sts", keys[user]).get_caller_identity()["Arn"] for _ in range(5)}

    threads = [threading.Thread(target=ask, args=(user,)) for user in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {user: {f"arn:aws:iam::{cloud.account}:user/{user}"} for user in keys}
