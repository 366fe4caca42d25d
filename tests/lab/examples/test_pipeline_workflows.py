"""The steps of example 14's workflows, run as jobs on the lab: comment, review, update, and access of the roles.

The states of the fleet are in a bucket, for which the roles have the permissions of `state_bucket`.
"""

import re
import shutil

import pytest
import yaml

from eks_access.render.markdown import text
from lab.ci_issuers import CiService, issue
from lab.principals import client
from lab.scenarios.clients import LabClients
from support.ci_files import EXAMPLE, only_job, run_script, scripts_of, workflow
from support.github_server import GitHub

ROLES = "arn:aws:iam::123456789012:role/eks-pipeline-"
REPOSITORY = "octo-org/clusters"
JOBS = {
    "access-preview": ("preview", f"repo:{REPOSITORY}:pull_request"),
    "access-up": ("deploy", f"repo:{REPOSITORY}:environment:prod"),
    "access-drift": ("preview", f"repo:{REPOSITORY}:ref:refs/heads/main"),
}
"""The role of each workflow, and the `sub` claim of its job."""
USER = "workflow-reader"
SECOND = "workflow-second"
"""The readers of the stacks `prod` and `second`."""
HAND = "workflow-hand"
BUCKET = "workflow-states"
BACKEND = {"PULUMI_BACKEND_URL": f"s3://{BUCKET}?region=ap-northeast-1&awssdk=v2"}
STATE = f"arn:aws:s3:::{BUCKET}/.pulumi"


@pytest.fixture(scope="module")
def github():
    server = GitHub()
    yield server
    server.shutdown()
    server.server_close()


class Checkout:
    """A checkout of the example's folder, in which the steps of its workflows run."""

    def __init__(self, world, folder, github):
        self.world = world
        self.folder = folder
        self.github = github

    def step(self, name, step):
        """Run a step of a workflow as its job."""
        return self.run_as(name, scripts_of(workflow(name))[step])

    def run_as(self, name, script):
        """Run a script as the job of a workflow: with the token of the job, and the credentials of the role."""
        role, subject = JOBS[name]
        token = issue(self.world.home, CiService.GITHUB, subject, "sts.amazonaws.com")
        assumed = client(self.world.home, "sts").assume_role_with_web_identity(
            RoleArn=f"{ROLES}{role}", RoleSessionName="job", WebIdentityToken=token
        )["Credentials"]
        variables = self.world.environment()
        if "PULUMI_CONFIG_PASSPHRASE" not in only_job(workflow(name))["env"]:
            del variables["PULUMI_CONFIG_PASSPHRASE"]
        return run_script(
            script,
            self.folder,
            **variables
            | BACKEND
            | {
                "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
                "AWS_SESSION_TOKEN": assumed["SessionToken"],
                "GITHUB_API_URL": f"http://127.0.0.1:{self.github.server_port}",
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                "GITHUB_TOKEN": "right",
                "NO_PROXY": "127.0.0.1",
                "NUMBER": "12",
            },
        )

    def set(self, stack="prod", **values):
        """Change settings of a stack."""
        file = self.folder / "clusters" / f"Pulumi.{stack}.yaml"
        document = yaml.safe_load(file.read_text())
        document["config"] |= {f"clusters:{name}": value for name, value in values.items()}
        file.write_text(yaml.safe_dump(document))

    def add_stack(self, stack, **values):
        """Add a stack with the program and the settings of `prod` to the fleet."""
        shutil.copy(self.folder / "clusters" / "Pulumi.prod.yaml", self.folder / "clusters" / f"Pulumi.{stack}.yaml")
        self.set(stack, **values)
        fleet = yaml.safe_load((self.folder / "fleet.yaml").read_text())
        fleet["stacks"][stack] = fleet["stacks"]["prod"]
        (self.folder / "fleet.yaml").write_text(yaml.safe_dump(fleet))

    def run(self, *command):
        """Run a command as the administrator of the cluster."""
        return self.world.run(*command, KUBECONFIG=str(self.folder / "kubeconfig"))

    def kubectl(self, *arguments):
        return self.run("kubectl", *arguments)

    def pulumi(self, folder, *arguments):
        done = self.world.run("pulumi", "-C", str(folder), *arguments, "--non-interactive", **BACKEND)
        assert done.worked, done.stderr


@pytest.fixture(scope="module")
def checkout(running_lab, tools, repository, github):
    world = LabClients(running_lab, tools.bin)
    folder = repository / "examples" / "pipeline-workflows"
    shutil.copytree(EXAMPLE, folder)
    checkout = Checkout(world, folder, github)
    s3 = client(running_lab, "s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    iam = client(running_lab, "iam")
    arns = [iam.create_user(UserName=name)["User"]["Arn"] for name in (USER, SECOND)]
    checkout.set(readers=arns[:1])
    checkout.add_stack("second", readers=arns[1:])
    assert checkout.run("aws", "eks", "update-kubeconfig", "--name", "irsa").worked
    checkout.pulumi(folder, "stack", "init", "lab")
    checkout.pulumi(folder, "config", "set", "state_bucket", BUCKET, "--stack", "lab")
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


def test_preview_role_cannot_create_a_stack(checkout):
    """The first run of a stack writes its state. The error names role, action and object, and its fix works."""
    before = states(checkout)
    done = checkout.run_as("access-preview", "eks-pipeline preview --fleet fleet.yaml --stack clusters")
    assert done.returncode == 1
    assert (
        "stack 'prod' does not exist, and arn:aws:sts::123456789012:assumed-role/eks-pipeline-preview/" in done.stderr
    )
    assert "must be allowed s3:PutObject on" in done.stderr
    assert "run `eks-pipeline refresh` for it once" in done.stderr
    assert states(checkout) == before
    created = checkout.run_as("access-up", "eks-pipeline refresh --fleet fleet.yaml --stack clusters")
    assert created.returncode == 0, created.stderr


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
