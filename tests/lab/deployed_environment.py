"""An environment on the lab: the project's program as it is, run by the pipeline, and the vendor's clients to look.

Its settings are handed over as a file of their own. For those of a real environment, account and network are stood in:
the lab's account for its own, and a network that is made now for the one that is there.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import yaml

from lab.environment import process_environment

REPOSITORY = Path(__file__).resolve().parents[2]
LAB_ACCOUNT = "123456789012"
OWN = "eks-identity:"
CLUSTER = "aws:eks/cluster:Cluster"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{LAB_ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}


class FailedError(AssertionError):
    """The pipeline ended with a failure; what it said."""


def project(folder):
    """A copy of the project's program, with the virtual environment that runs the tests, and a state of its own."""
    for source in (REPOSITORY / "stacks", REPOSITORY / "__main__.py", *REPOSITORY.glob("Pulumi*.yaml")):
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / source.name)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    (folder / "state").mkdir()
    return folder


def add(folder, stack, module, settings):
    """One environment more: one module and one settings file."""
    (folder / "stacks" / f"{stack}.py").write_text(module)
    config = {"aws:region": "ap-northeast-1", f"{OWN}account": LAB_ACCOUNT}
    config |= {f"{OWN}{key}": value for key, value in settings.items()}
    (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))


class DeployedEnvironment:
    """One environment of a project."""

    account = LAB_ACCOUNT

    def __init__(self, home, tools, stack, folder):
        self.home, self.tools, self.stack, self.folder = home, tools, stack, folder
        self.settings = folder / f"{stack}-settings.yaml"
        shutil.copy(folder / f"Pulumi.{stack}.yaml", self.settings)
        self.outputs = {}
        self.vpc, self.subnets = None, []

    def stand_in(self):
        """Puts the lab's account, and a network in it, where the settings name their own."""
        document = yaml.safe_load(self.settings.read_text())
        own_account = document["config"][f"{OWN}account"]
        self.settings.write_text(self.settings.read_text().replace(own_account, LAB_ACCOUNT))
        self.vpc = self.aws("ec2", "create-vpc", "--cidr-block", "10.80.0.0/16")["Vpc"]["VpcId"]
        for index, zone in enumerate(("ap-northeast-1a", "ap-northeast-1c")):
            options = ("--vpc-id", self.vpc, "--cidr-block", f"10.80.{index}.0/24", "--availability-zone", zone)
            self.subnets.append(self.aws("ec2", "create-subnet", *options)["Subnet"]["SubnetId"])
        with self.changed() as settings:
            for cluster in settings["clusters"].values():
                cluster["create"] |= {"vpc_id": self.vpc, "private_subnet_ids": self.subnets}

    def remove_network(self):
        """Takes the network away; AWS refuses that while anything is left in it."""
        for subnet in self.subnets:
            self.aws("ec2", "delete-subnet", "--subnet-id", subnet)
        self.aws("ec2", "delete-vpc", "--vpc-id", self.vpc)

    @contextmanager
    def changed(self):
        """The project's settings, to be changed in a `with` block."""
        document = yaml.safe_load(self.settings.read_text())
        settings = {key.removeprefix(OWN): value for key, value in document["config"].items() if key.startswith(OWN)}
        yield settings
        document["config"].update({f"{OWN}{key}": value for key, value in settings.items()})
        self.settings.write_text(yaml.safe_dump(document))

    def pipeline(self, operation, *options, **variables):
        """Runs the pipeline, and gives its report; raises `FailedError` with what was said where it fails."""
        command = [sys.executable, "-m", "pipeline", operation, "--stack", self.stack, "--cwd", str(self.folder)]
        command += ["--config-file", str(self.settings), "--json", *options]
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self.environment() | variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise FailedError(done.stderr)
        return json.loads(done.stdout)

    def up(self):
        """Updates, and keeps the outputs."""
        report = self.pipeline("up", "--show-secrets")
        self.outputs = report["outputs"]
        return report

    def environment(self, principal="lab-admin"):
        environment = process_environment(self.home, self.tools.bin, principal, inherit=os.environ)
        return environment | {"PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}"}

    def pulumi(self, *arguments):
        command = ["pulumi", *arguments, "--stack", self.stack, "--cwd", str(self.folder), "--non-interactive"]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def aws(self, *arguments):
        command = ["aws", *arguments, "--output", "json"]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    def kubectl(self, cluster, *arguments, principal="lab-admin"):
        """What `kubectl` writes for `principal`, right or wrong, with the kubeconfig that the stack gave out."""
        file = self.folder / f"{cluster}-kubeconfig"
        file.write_text(self.outputs["kubeconfigs"][cluster])
        command = ["kubectl", "--kubeconfig", str(file), *arguments]
        done = subprocess.run(command, env=self.environment(principal), capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def resources(self, type_=""):
        """The resources of the stack of a type, or of all types, as the engine has them in its state."""
        state = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources", [])
        return [resource for resource in state if type_ in {"", resource["type"]}]

    def made_roles(self):
        """The IAM roles of the stack, as IAM describes them."""
        names = [resource["outputs"]["name"] for resource in self.resources("aws:iam/role:Role")]
        return [self.aws("iam", "get-role", "--role-name", name)["Role"] for name in names]
