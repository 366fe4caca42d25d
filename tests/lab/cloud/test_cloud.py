"""The `Cloud` class: start and stop, isolation from real AWS credentials, and denial of moto's own API."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import boto3
import httpx2
import pytest

from lab.cloud import Cloud
from lab.errors import StartError
from support.cloud_helpers import AWS_CLI, client, expect_error, expect_error_code, new_user, unique_name

REAL_AWS_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
    "AWS_SECRET_ACCESS_KEY": "realrealrealrealrealrealrealrealrealreal",
    "AWS_SESSION_TOKEN": "real",
    "AWS_PROFILE": "production",
    "AWS_ENDPOINT_URL": "https://sts.example.com",
    "MOTO_ACCOUNT_ID": "111111111111",
}


def test_second_cloud_in_a_process_is_rejected(cloud, tmp_path, authority):
    """A second cloud in the process is rejected with a fix, and the first one still works."""
    second = Cloud(tmp_path, authority)
    with pytest.raises(StartError, match="moto's state belongs to the process"):
        second.start()
    second.stop()
    assert client(cloud, "sts").get_caller_identity()


def test_cloud_that_is_not_running_raises_start_error(tmp_path, authority):
    """`access` and `administrator` raise an error with a fix before the start."""
    idle = Cloud(tmp_path, authority)
    for read in (lambda: idle.access, lambda: idle.administrator):
        with pytest.raises(StartError, match=r"call Cloud\.start\(\) first"):
            read()


def test_accounts_are_isolated(cloud):
    """Each account has its own users and cannot read those of another one."""
    partner = cloud.add_account("210987654321")
    user = unique_name("user")
    client(cloud, "iam").create_user(UserName=user)
    other = client(cloud, "iam", partner)
    assert client(cloud, "sts", partner).get_caller_identity()["Account"] == "210987654321"
    assert expect_error_code(lambda: other.get_user(UserName=user)) == "NoSuchEntity"
    assert other.get_user(UserName="lab-admin")["User"]["Arn"] == "arn:aws:iam::210987654321:user/lab-admin"


@pytest.mark.parametrize("path", ["/moto-api/", "/moto-api/data.json", "/moto-api/reset", "//moto-api/reset-auth"])
def test_moto_api_is_denied(cloud, path):
    """moto's own API, which discloses and changes all state, is denied, even without the proxy."""
    for method in ("GET", "POST"):
        with httpx2.Client(trust_env=False) as http:
            response = http.request(method, f"http://127.0.0.1:{cloud._server.port}{path}")
        assert response.status_code == 403
    assert client(cloud, "sts").get_caller_identity()


def test_requests_without_the_proxy_are_authenticated(cloud):
    """Requests to the port of moto's server are authenticated and authorized too."""
    url = f"http://127.0.0.1:{cloud._server.port}"
    _, key = new_user(cloud)
    direct = boto3.client(
        "iam",
        "us-east-1",
        endpoint_url=url,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
    )
    assert expect_error_code(direct.list_users) == "AccessDenied"
    with httpx2.Client(trust_env=False) as http:
        for path in ("/?Action=ListUsers", "/latest/meta-data/iam/", "/bucket", "/?Action=AssumeRoleWithWebIdentity"):
            assert http.get(f"{url}{path}").status_code in {400, 403}, path


def test_service_outside_the_table_is_rejected(cloud):
    """A service that the lab does not enforce is rejected for everybody, with its name."""
    elasticsearch = client(cloud, "es")
    code, message = expect_error(lambda: elasticsearch.list_tags(ARN="arn:aws:es:ap-northeast-1:123456789012:domain/x"))
    assert code == "NotImplemented"
    assert message.startswith("The lab does not implement es: run `python -m lab services`")


@pytest.mark.parametrize(
    ("service", "action", "call"),
    [
        ("iam", "iam:GetOrganizationsAccessReport", lambda api: api.get_organizations_access_report(JobId="0" * 36)),
        ("s3", "s3:PutBucketCors", lambda api: api.put_bucket_cors(Bucket="b", CORSConfiguration={"CORSRules": []})),
        ("kms", "kms:CreateCustomKeyStore", lambda api: api.create_custom_key_store(CustomKeyStoreName="a")),
        ("ec2", "ec2:CreateNatGateway", lambda api: api.create_nat_gateway(SubnetId="subnet-1")),
    ],
)
def test_operation_outside_the_table_is_rejected(cloud, service, action, call):
    """An operation that the lab does not enforce is rejected in the service's protocol, and the error names it."""
    code, message = expect_error(lambda: call(client(cloud, service)))
    assert code == "NotImplemented"
    assert message.startswith(f"The lab does not implement {action}: it is not among the enforced operations")


@pytest.mark.parametrize(
    ("service", "operation"), [("sts", "get_caller_identity"), ("eks", "list_clusters"), ("s3", "list_buckets")]
)
def test_error_before_an_operation_has_the_form_of_its_service(cloud, monkeypatch, service, operation):
    """An exception in the lab's routing is an InternalFailure that SDKs parse, with the cause."""

    def fail(*_):
        raise RuntimeError("dictionary changed size during iteration")

    monkeypatch.setattr(cloud._server.application.dispatcher, "get_application", fail)
    code, message = expect_error(getattr(client(cloud, service), operation))
    assert code == "InternalFailure"
    assert "RuntimeError('dictionary changed size during iteration')" in message


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


def test_real_aws_credentials_are_not_read(tmp_path):
    """The lab reads no AWS credentials of the environment or of ~/.aws, and uses only its own."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(
        "[production]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n"
    )
    environment = {**REAL_AWS_VARIABLES, "PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(Path.cwd())}
    run = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT, str(tmp_path), str(AWS_CLI)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "123456789012\tarn:aws:iam::123456789012:user/lab-admin" in run.stdout


def test_stop_ends_every_thread(tmp_path):
    """A stopped cloud leaves no thread, and the next one starts empty."""
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


def test_key_files_are_readable_by_the_owner_only(cloud, authority):
    """Private keys that the lab writes are readable by their owner only."""
    assert cloud.folder.stat().st_mode & 0o077 == 0
    for file in authority.folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_concurrent_callers_keep_their_identity(cloud):
    """Concurrent requests of several users each return their own identity."""
    keys = dict(new_user(cloud) for _ in range(8))
    arns = {}

    def read_arn(user):
        arns[user] = {client(cloud, "sts", keys[user]).get_caller_identity()["Arn"] for _ in range(5)}

    threads = [threading.Thread(target=read_arn, args=(user,)) for user in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arns == {user: {f"arn:aws:iam::{cloud.account}:user/{user}"} for user in keys}
