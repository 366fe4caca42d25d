"""The steps of example 14's workflows, run as jobs on the lab: comment, review, update, and access of the roles."""

import re
import shutil

import pytest
import yaml

from lab.ci_issuers import CiService, issue
from lab.principals import client
from lab.scenarios.clients import LabClients
from support.ci_files import EXAMPLE, run_script, scripts_of, workflow
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
        """Run a step of a workflow as its job: with the token of the job, and the credentials of the role."""
        role, subject = JOBS[name]
        token = issue(self.world.home, CiService.GITHUB, subject, "sts.amazonaws.com")
        assumed = client(self.world.home, "sts").assume_role_with_web_identity(
            RoleArn=f"{ROLES}{role}", RoleSessionName="job", WebIdentityToken=token
        )["Credentials"]
        return run_script(
            scripts_of(workflow(name))[step],
            self.folder,
            **self.world.environment()
            | {
                "AWS_ACCESS_KEY_ID": assumed["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": assumed["SecretAccessKey"],
                "AWS_SESSION_TOKEN": assumed["SessionToken"],
                "CLUSTER": "irsa",
                "GITHUB_API_URL": f"http://127.0.0.1:{self.github.server_port}",
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_TOKEN": "right",
                "KUBECONFIG": str(self.folder / "kubeconfig"),
                "NO_PROXY": "127.0.0.1",
                "NUMBER": "12",
            },
        )

    def set(self, **values):
        """Change settings of the previewed stack."""
        file = self.folder / "clusters" / "Pulumi.prod.yaml"
        document = yaml.safe_load(file.read_text())
        document["config"] |= {f"clusters:{name}": value for name, value in values.items()}
        file.write_text(yaml.safe_dump(document))

    def pulumi(self, folder, *arguments):
        done = self.world.run("pulumi", "-C", str(folder), *arguments, "--non-interactive")
        assert done.worked, done.stderr


@pytest.fixture(scope="module")
def checkout(running_lab, tools, repository, github):
    world = LabClients(running_lab, tools.bin)
    folder = repository / "examples" / "pipeline-workflows"
    shutil.copytree(EXAMPLE, folder)
    checkout = Checkout(world, folder, github)
    arn = client(running_lab, "iam").create_user(UserName=USER)["User"]["Arn"]
    checkout.set(readers=[arn])
    checkout.pulumi(folder, "stack", "init", "lab")
    checkout.pulumi(folder, "up", "--yes", "--skip-preview", "--stack", "lab")
    yield checkout
    for project, stack in ((folder / "clusters", "prod"), (folder, "lab")):
        world.run("pulumi", "-C", str(project), "destroy", "--yes", "--skip-preview", "--stack", stack)
        world.run("pulumi", "-C", str(project), "stack", "rm", "--yes", "--force", "--stack", stack)
    client(running_lab, "iam").delete_user(UserName=USER)


def test_preview_step_posts_one_comment_and_replaces_it(checkout):
    for policy in ("AmazonEKSAdminViewPolicy", "AmazonEKSViewPolicy"):
        checkout.set(policy=policy)
        done = checkout.step("access-preview", "Preview")
        assert done.returncode == 0, done.stderr
    assert checkout.github.writes == ["POST", "PATCH"]
    (comment,) = checkout.github.comments
    assert f"{USER} gains get, list, watch on" in comment["body"]
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
    (arn,) = [arn for arn in eks.list_access_entries(clusterName="irsa")["accessEntries"] if arn.endswith(USER)]
    (policy,) = eks.list_associated_access_policies(clusterName="irsa", principalArn=arn)["associatedAccessPolicies"]
    assert policy["policyArn"].endswith("/AmazonEKSViewPolicy")


def test_drift_steps_find_access_that_was_added_by_hand(checkout):
    """Right after the update nothing differs; an access policy on the entry is found."""
    snapshot = checkout.step("access-up", "Snapshot")
    assert snapshot.returncode == 0, snapshot.stderr
    assert checkout.step("access-drift", "Compare").returncode == 0
    eks, arn = client(checkout.world.home, "eks"), f"arn:aws:iam::123456789012:user/{USER}"
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
    on_entry = {"clusterName": "irsa", "principalArn": arn, "policyArn": policy}
    eks.associate_access_policy(**on_entry, accessScope={"type": "cluster"})
    assert checkout.step("access-drift", "Compare").returncode == 0
    eks.disassociate_access_policy(**on_entry)
    assert (checkout.folder / "output").read_text() == "code=0\ncode=1\n"
    assert USER in (checkout.folder / "drift.md").read_text()


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
