"""An environment on the lab: the project's program, and the vendors' clients to verify it.

The pipeline runs it where a test is about the pipeline; else the engine runs it, without a preview first.

Its settings are passed in a separate file. In the settings of a real environment the account is replaced by the lab's,
and the network by a new one.
"""

import shutil
from contextlib import contextmanager

import yaml

from support.lab_project import REGION, REPOSITORY, LabProject
from support.warm_programs import link_virtual_environment

LAB_ACCOUNT = "123456789012"
OWN = "eks-identity:"
CLUSTER = "aws:eks/cluster:Cluster"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{LAB_ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}


def project(folder, tools):
    """Copy the project's program into `folder`, with the tests' virtual environment and its own state."""
    for source in (REPOSITORY / "stacks", REPOSITORY / "__main__.py", *REPOSITORY.glob("Pulumi*.yaml")):
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / source.name)
    link_virtual_environment(folder / ".venv", tools)
    return folder


MODULE = """
from stacks.compose import declare_environment
from stacks.settings import EnvironmentProfile

def compose() -> None:
    declare_environment(EnvironmentProfile())
"""


def add_environment(folder, stack, settings):
    """Add an environment without policies: one module and one settings file."""
    (folder / "stacks" / f"{stack}.py").write_text(MODULE)
    config = {"aws:region": REGION, f"{OWN}account": LAB_ACCOUNT}
    config |= {f"{OWN}{key}": value for key, value in settings.items()}
    (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))


def team_settings(cluster, team):
    """Return settings with a user who may list nodes, and a workload, of one team."""
    role = {"name": f"{team}-look", "rules": [{"resources": ["nodes"], "verbs": ["get", "list"]}]}
    return {
        "access": {
            team: {"cluster": cluster, "group": team, "rbac_roles": [role], "principals": [{"user": f"{team}-watcher"}]}
        },
        "workloads": {team: {"cluster": cluster, "namespace": "default", "service_account": f"{team}-pods"}},
    }


class DeployedEnvironment(LabProject):
    """A deployed environment of a project."""

    def __init__(self, home, tools, stack, folder):
        super().__init__(home, tools, folder, stack)
        self.settings = folder / f"{stack}-settings.yaml"
        shutil.copy(folder / f"Pulumi.{stack}.yaml", self.settings)
        self.vpc, self.subnets = None, []

    def stand_in(self):
        """Replace the account in the settings by the lab's, and the network by a new one."""
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
        """Delete the network. AWS rejects that while resources use it."""
        for subnet in self.subnets:
            self.aws("ec2", "delete-subnet", "--subnet-id", subnet)
        self.aws("ec2", "delete-vpc", "--vpc-id", self.vpc)

    @contextmanager
    def changed(self):
        """Yield the project's settings, to change in a `with` block."""
        document = yaml.safe_load(self.settings.read_text())
        settings = {key.removeprefix(OWN): value for key, value in document["config"].items() if key.startswith(OWN)}
        yield settings
        document["config"].update({f"{OWN}{key}": value for key, value in settings.items()})
        self.settings.write_text(yaml.safe_dump(document))

    def pipeline(self, operation, *options, **variables):
        return super().pipeline(operation, "--config-file", str(self.settings), *options, **variables)

    def update(self):
        return super().update(config_file=str(self.settings))

    def kubectl(self, cluster, *arguments, principal=None):
        """Return the output and the errors of `kubectl` as `principal`, with the kubeconfig of the stack's outputs."""
        completed = self.kubectl_with(self.outputs["kubeconfigs"][cluster], *arguments, principal=principal)
        return completed.stdout + completed.stderr

    def made_roles(self):
        """Return IAM's descriptions of the stack's roles."""
        names = [resource["outputs"]["name"] for resource in self.resources("aws:iam/role:Role")]
        return [self.aws("iam", "get-role", "--role-name", name)["Role"] for name in names]
