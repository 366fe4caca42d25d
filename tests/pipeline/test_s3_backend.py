"""State in an S3 bucket with versioning, and secrets under a KMS key: two runs at once, and killed runs."""

import json
import os
import shlex
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tenacity
import yaml

from lab.cloud import Cloud
from lab.interfaces import Credentials
from lab.pki import CertificateAuthority
from support.cloud_helpers import allow, client, new_user
from support.pipeline_events import report_of, reports_of

BUCKET = "states"
HOST = socket.gethostname()


@dataclass
class Backend:
    """A project whose stacks have their state in the bucket."""

    cloud: Cloud
    runner: Any
    s3: Any
    key: str

    def settings(self, stack, **values):
        """Write the settings of a stack, and keep its encrypted data key."""
        file = self.runner.project / f"Pulumi.{stack}.yaml"
        document = yaml.safe_load(file.read_text()) if file.exists() else {}
        document["secretsprovider"] = f"awskms://alias/pulumi?region={self.cloud.region}&awssdk=v2"
        document["config"] = {f"tiny:{name}": value for name, value in values.items()}
        file.write_text(yaml.safe_dump(document))

    def act_as(self, key: Credentials):
        names = {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret_access_key}
        self.runner.environment.update(names)

    def keys(self, prefix):
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())]

    def locks(self):
        """Return the content of each lock file."""
        bodies = (self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in self.keys(".pulumi/locks/"))
        return [json.loads(body) for body in bodies]

    def start_update(self, stack, gate):
        """Start an update that waits for `gate`, and return its process when it waits."""
        self.settings(stack, until=str(gate))
        process = self.runner.start("up", "--stack", stack, "--json")
        for attempt in tenacity.Retrying(stop=tenacity.stop_after_delay(90), wait=tenacity.wait_fixed(0.05)):
            with attempt:
                assert Path(f"{gate}.started").exists(), process.poll()
        return process


@pytest.fixture(scope="module")
def backend(fleet_runner, tmp_path_factory):
    folder = tmp_path_factory.mktemp("aws")
    cloud = Cloud(folder / "cloud", CertificateAuthority(folder / "pki"))
    cloud.start()
    s3, kms = client(cloud, "s3"), client(cloud, "kms")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/pulumi", TargetKeyId=key)
    del fleet_runner.environment["PULUMI_CONFIG_PASSPHRASE"]
    url = f"s3://{BUCKET}?region={cloud.region}&awssdk=v2"
    fleet_runner.environment |= {**cloud.access.environment(), "PULUMI_BACKEND_URL": url}
    backend = Backend(cloud, fleet_runner, s3, key)
    backend.act_as(cloud.administrator)
    yield backend
    cloud.stop()


def test_second_run_at_once_on_a_stack_names_the_holder_of_its_lock(backend, tmp_path):
    """One of two runs has the lock. The other exits with code 3 and names user, host, process and file."""
    gate = tmp_path / "gate"
    first = backend.start_update("shared", gate)
    (lock,) = backend.locks()
    second = backend.runner("up", "--stack", "shared")
    assert second.returncode == 3
    assert f"by {lock['username']} on {HOST}, process {lock['pid']}: that process runs" in second.stderr
    assert f"lock: s3://{BUCKET}/.pulumi/locks/organization/tiny/shared/" in second.stderr
    assert "fix: wait for the running update" in second.stderr
    gate.touch()
    stdout, stderr = first.communicate(timeout=90)
    assert first.returncode == 0, stderr
    assert report_of(stdout)["summary"] == {"create": 3}
    assert backend.locks() == []


def test_two_runs_at_once_on_several_stacks_do_not_interfere(backend):
    groups = (("a", "b"), ("c", "d"))
    for stack in "abcd":
        backend.settings(stack, administrators=[stack])
    processes = [backend.runner.start("up", "--stack", one, "--stack", two, "--json") for one, two in groups]
    for process, stacks in zip(processes, groups, strict=True):
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        assert {name: report["result"] for name, report in reports_of(stdout).items()} == dict.fromkeys(
            stacks, "succeeded"
        )
    assert backend.locks() == []
    for stack in "abcd":
        state = json.loads(backend.s3.get_object(Bucket=BUCKET, Key=f".pulumi/stacks/tiny/{stack}.json")["Body"].read())
        names = {each["urn"].rpartition("::")[2] for each in state["checkpoint"]["latest"]["resources"]}
        assert names == {f"tiny-{stack}", "eks-clu", stack}


def test_secrets_in_the_bucket_are_encrypted_with_the_key(backend):
    """No version of any object has a secret in plain text, and only callers that may use the key read it."""
    versions = backend.s3.list_object_versions(Bucket=BUCKET)["Versions"]
    bodies = {}
    for each in versions:
        stored = backend.s3.get_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])
        bodies[each["Key"], each["VersionId"]] = stored["Body"].read()
    assert not [key for key, body in bodies.items() if b"s3cret" in body]
    assert any(b"awskms://alias/pulumi" in body for body in bodies.values())
    shown = backend.runner("outputs", "--stack", "a", "--show-secrets", "--json")
    assert report_of(shown.stdout)["outputs"] == {"password": "s3cret"}


def test_caller_without_the_key_gets_an_error_that_names_action_and_key(backend):
    user, key = new_user(backend.cloud, allow("s3:*"), allow("kms:Encrypt"))
    backend.act_as(key)
    try:
        previewed = backend.runner("preview", "--stack", "a")
    finally:
        backend.act_as(backend.cloud.administrator)
    assert previewed.returncode == 1
    principal = f"arn:aws:iam::{backend.cloud.account}:user/{user}"
    assert f"error: {principal} must be allowed kms:Decrypt on {backend.key}, the key that" in previewed.stderr
    assert "fix: allow it" in previewed.stderr


def test_permissions_that_the_readme_names_are_enough(backend):
    """A caller with these actions, on the folder of the states and on the key, creates a stack and updates it."""
    bucket = f"arn:aws:s3:::{BUCKET}"
    objects = allow("s3:GetObject", "s3:PutObject", "s3:DeleteObject", on=f"{bucket}/.pulumi/*")
    key = allow("kms:Encrypt", "kms:Decrypt", on=backend.key)
    backend.settings("least", administrators=["ann"])
    backend.act_as(new_user(backend.cloud, allow("s3:ListBucket", on=bucket), objects, key)[1])
    try:
        updated = [backend.runner("up", "--stack", "least") for _ in range(2)]
    finally:
        backend.act_as(backend.cloud.administrator)
    assert [each.returncode for each in updated] == [0, 0], updated[0].stderr + updated[1].stderr
    assert backend.locks() == []


MISSING = {
    "s3:ListBucket": ("preview", f"arn:aws:s3:::{BUCKET}, the backend of stack 'least'"),
    "s3:GetObject": ("preview", f"arn:aws:s3:::{BUCKET}/.pulumi/meta.yaml, the backend of stack 'least'"),
    "s3:PutObject": ("up", f"arn:aws:s3:::{BUCKET}/.pulumi/locks/organization/tiny/least/"),
    "s3:DeleteObject": ("up", f"arn:aws:s3:::{BUCKET}/.pulumi/locks/organization/tiny/least/"),
}
"""For each permission the operation that needs it, and the resource in its error."""


@pytest.mark.parametrize(("missing", "expected"), MISSING.items(), ids=MISSING)
def test_missing_permission_on_the_bucket_is_named(backend, missing, expected):
    """It follows the test above. An update that cannot remove its lock succeeds, with a warning that has the fix."""
    operation, resource = expected
    allowed = [each for each in MISSING if each != missing]
    statements = allow(*allowed, on=[f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"])
    user, key = new_user(backend.cloud, statements, allow("kms:Decrypt", on=backend.key))
    backend.act_as(key)
    try:
        done = backend.runner(operation, "--stack", "least")
    finally:
        backend.act_as(backend.cloud.administrator)
    assert f"arn:aws:iam::{backend.cloud.account}:user/{user} must be allowed {missing} on {resource}" in done.stderr
    if missing != "s3:DeleteObject":
        assert done.returncode == 1
        assert backend.locks() == []
        return
    assert done.returncode == 0, done.stderr
    assert "warning: the lock of stack 'least' remains: " in done.stderr
    assert len(backend.locks()) == 1
    command = shlex.split(done.stderr.partition("run `")[2].partition("`")[0])
    assert subprocess.run(command, env=backend.runner.environment, capture_output=True, check=False).returncode == 0
    assert backend.locks() == []


def test_caller_that_only_reads_states_previews_existing_stacks_and_exports_them(backend, tmp_path):
    """As the preview role of example 14: `drift` exports states, without the key. A new stack must be created.

    Such a caller also sees a stack that the fleet file does not have.
    """
    bucket = f"arn:aws:s3:::{BUCKET}"
    reads = (allow("s3:ListBucket", on=bucket), allow("s3:GetObject", on=f"{bucket}/*"))
    decrypt = allow("kms:Encrypt", "kms:Decrypt", on=backend.key)
    for stack in ("existing", "removed", "new"):
        backend.settings(stack, administrators=["ann"])
    assert backend.runner("up", "--stack", "existing", "--stack", "removed").returncode == 0
    fleet = backend.runner.project / "fleet.yaml"
    fleet.write_text("stacks: {existing: {}}")
    try:
        backend.act_as(new_user(backend.cloud, *reads)[1])
        exported = backend.runner.pulumi("stack", "export", stack="existing")
        backend.act_as(new_user(backend.cloud, *reads, decrypt)[1])
        previewed = backend.runner("preview", "--fleet", str(fleet), "--save", str(tmp_path / "preview.json"))
        denied = backend.runner("preview", "--stack", "new")
    finally:
        backend.act_as(backend.cloud.administrator)
    assert (exported.returncode, previewed.returncode) == (0, 0), exported.stderr + previewed.stderr
    others = json.loads((tmp_path / "preview.json").read_text())["other_stacks"]
    assert "tiny/removed" in [each["stack"] for each in others["stacks"]]
    assert others["not_listed"] == []
    assert denied.returncode == 1
    assert f"must be allowed s3:PutObject on {bucket}/.pulumi/" in denied.stderr


def test_orphaned_lock_of_a_killed_engine_is_recognised_and_its_fix_works(backend, tmp_path):
    """After `kill -9` of the engine the next run says that the lock is orphaned; the printed command removes it."""
    gate = tmp_path / "gate"
    first = backend.start_update("killed", gate)
    (lock,) = backend.locks()
    os.kill(lock["pid"], signal.SIGKILL)
    gate.touch()
    _, stderr = first.communicate(timeout=90)
    assert first.returncode == 1
    assert "SIGKILL killed the engine in `pulumi up`" in stderr

    second = backend.runner("up", "--stack", "killed")
    assert second.returncode == 3
    assert f"process {lock['pid']}: no such process runs on this host, so the lock is orphaned" in second.stderr
    assert backend.locks() == [lock]
    command = second.stderr.partition("run `")[2].partition("`")[0]
    cancelled = subprocess.run(
        shlex.split(command), env=backend.runner.environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert cancelled.returncode == 0, cancelled.stderr
    assert backend.locks() == []
    third = backend.runner("up", "--stack", "killed", "--json")
    assert third.returncode == 0, third.stderr
    assert report_of(third.stdout)["result"] == "succeeded"


def test_updates_that_start_at_the_same_moment_do_not_both_give_up(backend):
    processes = [backend.runner.start("up", "--stack", "b", "--json") for _ in range(3)]
    for process in processes:
        process.communicate(timeout=120)
    codes = [process.returncode for process in processes]
    assert 0 in codes
    assert set(codes) <= {0, 3}
    assert backend.locks() == []


def test_old_version_of_the_state_is_restored(backend):
    """A copy of an old version is the state of the stack again, and the next update starts from it."""
    state = {"Bucket": BUCKET, "Key": ".pulumi/stacks/tiny/c.json"}
    (before,) = (each for each in backend.s3.list_object_versions(Bucket=BUCKET, Prefix=state["Key"])["Versions"]
                 if each["Key"] == state["Key"] and each["IsLatest"])  # fmt: skip
    backend.settings("c", administrators=["c", "eve"])
    assert backend.runner("up", "--stack", "c").returncode == 0
    backend.s3.copy_object(**state, CopySource={**state, "VersionId": before["VersionId"]})
    previewed = backend.runner("preview", "--stack", "c", "--json")
    assert previewed.returncode == 0, previewed.stderr
    created = {each["urn"].rpartition("::")[2] for each in report_of(previewed.stdout)["changes"]}
    assert created == {"eve"}
