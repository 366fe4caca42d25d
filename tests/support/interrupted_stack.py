"""A stack on a cluster of its own, updated between two revisions with faults, and what there must be after each."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.interfaces import AuthenticationMode
from lab.lab_dir import LabDir
from lab.principals import client
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.access_program import ACCOUNT, Cluster
from support.killed_updates import KillableStack, Outcome, Recovery
from support.lab_inventory import inventory_of_cluster, of_account
from support.lab_project import REGION
from support.workload_program import Stack

PROGRAM = Path(__file__).with_name("interrupted_program.py")
DEPLOYER = "interrupted-deployer"
USERS = "abcmno"


@dataclass(frozen=True)
class Reference:
    """The result of an uninterrupted update to a revision."""

    live: dict[str, Any]
    resources: Counter[str]
    events: int


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return what differs between two inventories, each part as found and as expected."""
    return [f"{part}: {found[part]}, not {expected[part]}" for part in expected if found[part] != expected[part]]


@dataclass
class InterruptedStack:
    """The stack of `interrupted_program.py`. Its two revisions alternate."""

    home: LabDir
    tools: Tools
    name: str
    stack: KillableStack
    references: dict[int, Reference] = field(default_factory=dict)
    revision: int = 1

    @classmethod
    def create(cls, home: LabDir, tools: Tools, folder: Path, name: str = "interrupted") -> InterruptedStack:
        """Create the cluster, the principals and the stack, and update to both revisions without a fault."""
        cluster = Cluster(home, tools, name, AuthenticationMode.API_AND_CONFIG_MAP, folder)
        for user in USERS:
            cluster.user(f"{name}-{user}")
        deployer = cluster.role(DEPLOYER)
        cluster.iam.attach_role_policy(RoleName=DEPLOYER, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        cluster.eks.create_access_entry(clusterName=name, principalArn=deployer)
        cluster.eks.associate_access_policy(
            clusterName=name,
            principalArn=deployer,
            policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            accessScope={"type": "cluster"},
        )
        project = Stack(folder / "project", home, tools, PROGRAM)
        assert project.stack
        created = cls(home, tools, name, KillableStack(project))
        for revision in (0, 1):
            created.declare(revision)
            done = created.stack.update()
            assert done.code == 0, done.text
            created.references[revision] = Reference(created.live(), created.count_resources(), done.events)
        return created

    def remove(self) -> None:
        """Destroy the stack, and delete the principals."""
        project = self.stack.project
        project.stack.cancel()
        project.stack.destroy()
        iam = client(self.home, "iam")
        iam.detach_role_policy(RoleName=DEPLOYER, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        iam.delete_role(RoleName=DEPLOYER)
        for user in USERS:
            iam.delete_user(UserName=f"{self.name}-{user}")

    def declare(self, revision: int) -> None:
        settings = json.dumps({"cluster": self.name, "revision": revision})
        config = {"aws:region": REGION, "pods:config": settings}
        self.stack.project.folder.joinpath("Pulumi.dev.yaml").write_text(json.dumps({"config": config}))

    def next_revision(self) -> Reference:
        """Declare the other revision, and return what there must be after its update."""
        self.revision = 1 - self.revision
        self.declare(self.revision)
        return self.references[self.revision]

    def expect_converged(self, outcome: Outcome) -> Recovery:
        """Update until the stack converges, and assert that all is there once, with no lock and nothing pending."""
        expected = self.references[self.revision]
        recovery = Recovery((), outcome.text) if outcome.code == 0 else self.stack.converge()
        where = f"revision {self.revision}, {outcome}, {recovery}"
        assert self.stack.locks() == [], where
        assert differences(self.live(), expected.live) == [], where
        assert self.count_resources() == expected.resources, where
        assert self.stack.pending() == [], where
        return recovery

    def live(self) -> dict[str, Any]:
        """Return the identity resources of the cluster and of the account, by the vendors' clients."""
        clients = LabClients(self.home, self.tools.bin)
        found = inventory_of_cluster(clients, self.name)
        for association in found["associations"]:
            del association["associationArn"], association["associationId"]
        # The order is that of the writes, and has no effect.
        for entries in (found["associations"], *found["aws-auth"].values()):
            entries.sort(key=str)
        return found | {"roles": of_account(clients, "lab-admin")["roles"]}

    def count_resources(self) -> Counter[str]:
        return Counter(resource["type"] for resource in self.stack.project.resources())

    def session(self) -> dict[str, str]:
        """Return variables with credentials of a role's session, as a pipeline has them."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{DEPLOYER}"
        keys = client(self.home, "sts").assume_role(RoleArn=arn, RoleSessionName="pipeline")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }
