"""The steps of example 14's workflows, run as jobs on the lab: comment, review, update, and access of the roles.

The states of the fleet are in a bucket, for which the roles have the permissions of `state_bucket`. The secrets of the
stack `second` are encrypted with a KMS key, for which they have those of `kms_key_arn`.
"""

import base64
import json
import re
import shutil

import pytest
import yaml

from eks_access.render.markdown import text
from lab.ci_issuers import CiService, issue
from lab.principals import client
from lab.scenarios.clients import LabClients
from support.ci_files import EXAMPLE
from support.github_server import GitHub
from support.workflow_checkout import BACKEND, BUCKET, JOBS, REPOSITORY, ROLES, Checkout

USER = "workflow-reader"
SECOND = "workflow-second"
"""The readers of the stacks `prod` and `second`."""
HAND = "workflow-hand"
FLEET = "workflows"
"""The encryption context of the data keys that the roles may use."""
STATE = f"arn:aws:s3:::{BUCKET}/.pulumi"


@pytest.fixture(scope="module")
def github():
    server = GitHub()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def kms_key(running_lab):
    """Return the ARN of a KMS key with the default key policy."""
    kms = client(running_lab, "kms")
    key = kms.create_key()["KeyMetadata"]
    yield key["Arn"]
    kms.schedule_key_deletion(KeyId=key["KeyId"])


def secrets_provider(key, fleet=FLEET):
    return f"awskms:///{key}?region=ap-northeast-1&awssdk=v2&context_fleet={fleet}"


@pytest.fixture(scope="module")
def checkout(running_lab, tools, repository, github, kms_key):
    world = LabClients(running_lab, tools.bin)
    folder = repository / "examples" / "pipeline-workflows"
    shutil.copytree(EXAMPLE, folder)
    checkout = Checkout(world, folder, github)
    s3 = client(running_lab, "s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    iam = client(running_lab, "iam")
    arns = [iam.create_user(UserName=name)["User"]["Arn"] for name in (USER, SECOND)]
    checkout.set(readers=arns[:1])
    checkout.add_stack("second", secrets_provider(kms_key), readers=arns[1:])
    assert checkout.run("aws", "eks", "update-kubeconfig", "--name", "irsa").worked
    checkout.pulumi(folder, "stack", "init", "lab")
    checkout.pulumi(folder, "config", "set", "state_bucket", BUCKET, "--stack", "lab")
    checkout.pulumi(folder, "config", "set", "kms_key_arn", kms_key, "--stack", "lab")
    checkout.pulumi(folder, "config", "set", "--path", "kms_encryption_context.fleet", FLEET, "--stack", "lab")
    checkout.pulumi(folder, "up", "--yes", "--skip-preview", "--stack", "lab")
    yield checkout
    clusters = folder / "clusters"
    for project, stack in ((clusters, "prod"), (clusters, "second"), (folder, "lab")):
        for command in (("destroy", "--skip-preview"), ("stack", "rm", "--force")):
            world.run("pulumi", "-C", str(project), *command, "--yes", "--stack", stack, **BACKEND)
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    s3.delete_bucket(Bucket=BUCKET)
    for name in (USER, SECOND):
        iam.delete_user(UserName=name)


def states(checkout):
    """Return the content of each object in the bucket of the states."""
    s3 = client(checkout.world.home, "s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_preview_role_cannot_create_a_stack(checkout, kms_key):
    """The first run of a stack writes its state, and encrypts its data key, if any. The errors name role, action and
    resource, and their fix works.
    """
    before = states(checkout)
    done = checkout.run_as("access-preview", "eks-pipeline preview --fleet fleet.yaml --stack clusters")
    assert done.returncode == 1
    assert (
        "stack 'prod' does not exist, and arn:aws:sts::123456789012:assumed-role/eks-pipeline-preview/" in done.stderr
    )
    assert "must be allowed s3:PutObject on" in done.stderr
    assert "run `eks-pipeline refresh` for it once" in done.stderr
    assert "the settings of stack 'second' have no encryptedkey, and arn:aws:sts::123456789012:assumed-role/eks-" in (
        done.stderr
    )
    assert f"must be allowed kms:Encrypt on {kms_key} to create it" in done.stderr
    assert states(checkout) == before
    created = checkout.run_as("access-up", "eks-pipeline refresh --fleet fleet.yaml --stack clusters")
    assert created.returncode == 0, created.stderr
    assert checkout.settings("second")["encryptedkey"]


def test_preview_step_posts_one_comment_and_replaces_it(checkout):
    for policy in ("AmazonEKSAdminViewPolicy", "AmazonEKSViewPolicy"):
        checkout.set(policy=policy)
        done = checkout.step("access-preview", "Preview")
        assert done.returncode == 0, done.stderr
    assert checkout.github.writes == ["POST", "PATCH"]
    (comment,) = checkout.github.comments
    assert "## Preview of 2 of 3 stacks" in comment["body"]
    for name, stack in ((USER, "prod"), (SECOND, "second")):
        assert re.search(f"{name} gains get, list, watch on .* [(]{stack}[)]", comment["body"])
    assert "AmazonEKSAdminViewPolicy" not in comment["body"]
    assert comment["body"] == (checkout.folder / "comment.md").read_text()


def test_update_step_stops_after_a_change_and_applies_what_was_reviewed(checkout):
    """It follows the preview above."""
    (checkout.folder / "reviewed").mkdir()
    shutil.copy(checkout.folder / "preview.json", checkout.folder / "reviewed")
    checkout.set(policy="AmazonEKSEditPolicy")
    stopped = checkout.step("access-up", "Update")
    assert stopped.returncode == 4, stopped.stderr
    assert re.search(f"now, and not reviewed: .*{USER} gains", stopped.stderr)
    eks = client(checkout.world.home, "eks")
    entries = eks.list_access_entries(clusterName="irsa")["accessEntries"]
    assert not [arn for arn in entries if arn.endswith(USER)]

    checkout.set(policy="AmazonEKSViewPolicy")
    applied = checkout.step("access-up", "Update")
    assert applied.returncode == 0, applied.stderr
    assert "up of 2 stacks: 2 succeeded" in applied.stdout
    (arn,) = [arn for arn in eks.list_access_entries(clusterName="irsa")["accessEntries"] if arn.endswith(USER)]
    (policy,) = eks.list_associated_access_policies(clusterName="irsa", principalArn=arn)["associatedAccessPolicies"]
    assert policy["policyArn"].endswith("/AmazonEKSViewPolicy")


def test_preview_role_reads_the_state_and_cannot_write_it(checkout):
    """Whatever a pull request runs: an update, a deletion of the stack, a removed lock."""
    before = states(checkout)
    updated = checkout.run_as("access-preview", "eks-pipeline up --fleet fleet.yaml --stack clusters")
    assert updated.returncode == 1
    assert f"must be allowed s3:PutObject on {STATE}/locks/organization/clusters/prod/" in updated.stderr
    removed = checkout.run_as("access-preview", "pulumi -C clusters stack rm --yes --force --stack prod")
    assert removed.returncode != 0
    assert states(checkout) == before
    previewed = checkout.run_as("access-preview", "eks-pipeline preview --fleet fleet.yaml --stack clusters")
    assert previewed.returncode == 0, previewed.stderr
    assert states(checkout) == before


@pytest.fixture
def denied_job(checkout, request):
    """Remove the permissions for KMS from the role of a workflow's job, and return the workflow's name."""
    iam = client(checkout.world.home, "iam")
    policy = {"RoleName": f"eks-pipeline-{JOBS[request.param][0]}", "PolicyName": "statements"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    remaining = [each for each in document["Statement"] if "kms:" not in json.dumps(each["Action"])]
    iam.put_role_policy(**policy, PolicyDocument=json.dumps({**document, "Statement": remaining}))
    yield request.param
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))


@pytest.mark.parametrize("denied_job", ["access-preview", "access-up"], indirect=True)
def test_role_without_permission_for_the_key_of_the_secrets(checkout, kms_key, denied_job):
    """Preview and update fail with an error that names role, action and key."""
    role = JOBS[denied_job][0]
    operation = denied_job.removeprefix("access-")
    done = checkout.run_as(denied_job, f"eks-pipeline {operation} --fleet fleet.yaml --stack second")
    assert done.returncode == 1
    assert f"assumed-role/eks-pipeline-{role}/job must be allowed kms:Decrypt on {kms_key}, the key" in done.stderr


@pytest.fixture
def data_key_of_another_fleet(checkout, kms_key):
    """Replace the data key of the stack `second` by one that has another encryption context under the same key."""
    kms = client(checkout.world.home, "kms")
    encrypted = kms.encrypt(KeyId=kms_key, Plaintext=bytes(32), EncryptionContext={"fleet": "other"})["CiphertextBlob"]
    file = checkout.settings_file("second")
    before = file.read_text()
    data_key = {
        "secretsprovider": secrets_provider(kms_key, "other"),
        "encryptedkey": base64.b64encode(encrypted).decode(),
    }
    file.write_text(yaml.safe_dump(checkout.settings("second") | data_key))
    yield
    file.write_text(before)


@pytest.mark.usefixtures("data_key_of_another_fleet")
def test_role_cannot_use_a_data_key_of_another_encryption_context(checkout, kms_key):
    """Fleets may share a key: a pull request of one cannot decrypt the secrets of another."""
    done = checkout.run_as("access-preview", "eks-pipeline preview --fleet fleet.yaml --stack second")
    assert done.returncode == 1
    assert f"/job must be allowed kms:Decrypt on {kms_key}, the key" in done.stderr


@pytest.fixture
def by_hand(checkout):
    """Create an access entry and a binding that no state has; return how the comparison names them."""
    iam, eks = client(checkout.world.home, "iam"), client(checkout.world.home, "eks")
    arn = iam.create_user(UserName=HAND)["User"]["Arn"]
    eks.create_access_entry(clusterName="irsa", principalArn=arn, kubernetesGroups=["readers"])
    created = checkout.kubectl("create", "clusterrolebinding", HAND, "--clusterrole=view", "--group=readers")
    assert created.worked, created.stderr
    yield f"access entry of {arn}", f"ClusterRoleBinding {HAND}"
    iam.delete_user(UserName=HAND)


def test_drift_steps_pass_after_the_update(checkout):
    """The states of the fleet have everything that gives access, with the roles of the jobs."""
    done = checkout.step("access-drift", "Compare")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Access: no difference." in (checkout.folder / "drift.md").read_text()


def test_drift_steps_fail_for_access_added_by_hand_until_it_is_removed(checkout, by_hand):
    """The summary names each object with the command that removes it: after these commands the job passes."""
    done = checkout.step("access-drift", "Compare")
    assert done.returncode == 1, done.stdout + done.stderr
    assert checkout.step("access-drift", "Summary").returncode == 0
    summary = (checkout.folder / "summary.md").read_text()
    found = dict(re.findall("^in no state: (.*?): .*; remove it: (.*) [(]", done.stdout, re.MULTILINE))
    assert tuple(found) == by_hand
    for name, command in found.items():
        assert f"- {text(name)}: " in summary
        assert f"remove it: {text(command)}" in summary
        removed = checkout.run("bash", "-c", command)
        assert removed.worked, removed.stderr
    assert checkout.step("access-drift", "Compare").returncode == 0


@pytest.mark.parametrize(
    ("role", "subject"),
    [
        ("deploy", f"repo:{REPOSITORY}:pull_request"),
        ("deploy", f"repo:{REPOSITORY}:ref:refs/heads/main"),
        ("deploy", "repo:octo-org/other:environment:prod"),
        ("preview", f"repo:{REPOSITORY}:ref:refs/heads/feature"),
        ("preview", f"repo:{REPOSITORY}:environment:prod"),
    ],
)
def test_aws_cli_of_another_job_is_denied(checkout, role, subject):
    token = issue(checkout.world.home, CiService.GITHUB, subject, "sts.amazonaws.com")
    assume = ("sts", "assume-role-with-web-identity", "--role-session-name", "job", "--role-arn", f"{ROLES}{role}")
    done = checkout.world.aws(*assume, "--web-identity-token", token)
    assert not done.worked
    assert "AccessDenied" in done.stderr


def test_aws_cli_with_a_token_for_another_audience_is_rejected(checkout):
    token = issue(checkout.world.home, CiService.GITHUB, JOBS["access-up"][1], "https://github.com/octo-org")
    assume = ("sts", "assume-role-with-web-identity", "--role-session-name", "job", "--role-arn", f"{ROLES}deploy")
    assert "Incorrect token audience" in checkout.world.aws(*assume, "--web-identity-token", token).stderr
