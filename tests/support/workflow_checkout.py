"""A checkout of example 14's folder, in which the steps of its workflows run as jobs on the lab."""

from pathlib import Path

import yaml

from lab.ci_issuers import CiService, issue
from lab.principals import client
from lab.scenarios.clients import LabClients
from support.ci_files import only_job, run_script, scripts_of, workflow
from support.github_server import GitHub

ROLES = "arn:aws:iam::123456789012:role/eks-pipeline-"
REPOSITORY = "octo-org/clusters"
JOBS = {
    "access-preview": ("preview", f"repo:{REPOSITORY}:pull_request"),
    "access-up": ("deploy", f"repo:{REPOSITORY}:environment:prod"),
    "access-drift": ("preview", f"repo:{REPOSITORY}:ref:refs/heads/main"),
}
"""The role of each workflow, and the `sub` claim of its job."""
BUCKET = "workflow-states"
BACKEND = {"PULUMI_BACKEND_URL": f"s3://{BUCKET}?region=ap-northeast-1&awssdk=v2"}


class Checkout:
    """A checkout of the example's folder, in which the steps of its workflows run."""

    def __init__(self, world: LabClients, folder: Path, github: GitHub) -> None:
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

    def settings_file(self, stack):
        return self.folder / "clusters" / f"Pulumi.{stack}.yaml"

    def settings(self, stack):
        return yaml.safe_load(self.settings_file(stack).read_text())

    def set(self, stack="prod", **values):
        """Change settings of a stack."""
        document = self.settings(stack)
        document["config"] |= {f"clusters:{name}": value for name, value in values.items()}
        self.settings_file(stack).write_text(yaml.safe_dump(document))

    def add_stack(self, stack, secrets_provider, **values):
        """Add a stack with the program and the settings of `prod` to the fleet, and a secrets provider of its own."""
        document = self.settings("prod") | {"secretsprovider": secrets_provider}
        del document["encryptionsalt"]
        self.settings_file(stack).write_text(yaml.safe_dump(document))
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
