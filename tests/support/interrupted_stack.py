"""A stack on a cluster of its own, updated between two revisions with faults, and what there must be after each."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tenacity import Retrying, stop_after_delay, wait_fixed

from lab.faults import Fault, FaultFile, FaultKind
from lab.interfaces import AuthenticationMode
from lab.lab_dir import LabDir
from lab.principals import client
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.access_program import ACCOUNT, Cluster
from support.interrupted_inventory import describe
from support.interrupted_steps import STEPS
from support.killed_updates import Injection, KillableStack, Outcome, Recovery
from support.lab_project import REGION
from support.workload_program import Stack

PROGRAM = Path(__file__).with_name("interrupted_program.py")
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
USERS = "abcmno"


@dataclass(frozen=True)
class Reference:
    """An uninterrupted update to a revision. The one to revision 0 creates the stack, which has about as many steps."""

    live: dict[str, Any]
    resources: Counter[str]
    events: int
    """Number of the engine's events."""
    calls: int
    """Number of the calls to AWS."""


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
    is_intact: bool = True
    """The stack is as an uninterrupted update left it."""

    @classmethod
    def create(cls, home: LabDir, tools: Tools, folder: Path, name: str = "interrupted") -> InterruptedStack:
        """Create the cluster, the principals and the stack, and update to both revisions without a fault."""
        cluster = Cluster(home, tools, name, AuthenticationMode.API_AND_CONFIG_MAP, folder)
        for user in USERS:
            cluster.user(f"{name}-{user}")
        deployer = cluster.role(f"{name}-deployer")
        cluster.iam.attach_role_policy(RoleName=f"{name}-deployer", PolicyArn=ADMINISTRATOR)
        cluster.eks.create_access_entry(clusterName=name, principalArn=deployer)
        cluster.eks.associate_access_policy(
            clusterName=name,
            principalArn=deployer,
            policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            accessScope={"type": "cluster"},
        )
        project = Stack(folder / "project", home, tools, PROGRAM)
        assert project.stack
        created = cls(home, tools, name, KillableStack(project, cluster.kubeconfig))
        for revision in (0, 1):
            created.declare(revision)
            created.references[revision] = created._measure()
        return created

    def remove(self) -> None:
        """Delete all principals, also those that a failed test left. The lab's fixture deletes the cluster."""
        iam = client(self.home, "iam")
        for role in iam.list_roles()["Roles"]:
            if role["RoleName"].startswith(f"{self.name}-"):
                for policy in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
                    iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["PolicyArn"])
                iam.delete_role(RoleName=role["RoleName"])
        for user in USERS:
            iam.delete_user(UserName=f"{self.name}-{user}")

    def declare(self, revision: int) -> None:
        settings = json.dumps({"cluster": self.name, "revision": revision})
        config = {"aws:region": REGION, "pods:config": settings}
        self.stack.project.folder.joinpath("Pulumi.dev.yaml").write_text(json.dumps({"config": config}))

    def next_revision(self) -> Reference:
        """Declare the other revision, and return what there must be after its update."""
        self.revision = 1 - self.revision
        self.is_intact = False
        self.declare(self.revision)
        return self.references[self.revision]

    def expect_converged(self, outcome: Outcome, fault: str = "") -> Recovery:
        """Update until the stack converges, and assert that all is there once, with no lock and nothing pending.

        `fault` says in a failure what was injected.
        """
        expected = self.references[self.revision]
        seed = os.environ["EKS_IDENTITY_CONFORMANCE_SEED"]
        where = f"seed {seed}, revision {self.revision}, {fault}, exit code {outcome.code}, event {outcome.events}"
        where += f"\n{outcome.text}"
        try:
            recovery = Recovery((), (outcome.text,)) if outcome.code == 0 else self.stack.converge()
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter {where}") from error
        where = "\n".join([where, f"the user ran {recovery.commands}", *recovery.outputs])
        assert self.stack.locks() == [], where
        found = differences(self.live(), expected.live)
        assert found == [], f"{found}\n{where}"
        assert self.count_resources() == expected.resources, where
        assert self.stack.pending() == [], where
        self.is_intact = True
        return recovery

    def wait_for_api_server(self) -> None:
        """Wait until the API server responds, after it was killed."""
        clients = LabClients(self.home, self.tools.bin)
        for attempt in Retrying(stop=stop_after_delay(300), wait=wait_fixed(0.5), reraise=True):
            with attempt:
                ready = clients.operate(self.name, "get", "--raw", "/readyz")
                assert ready.worked, ready.stderr

    def after_step(self, operation: str, type_: str, kill: Callable[[psutil.Process], object]) -> Injection:
        """Kill the engine when the first object of a type is created or deleted.

        On a busy machine the state may have the step already: `has_pending` returns whether it does not.
        """
        clients = LabClients(self.home, self.tools.bin)

        def is_done(inputs: dict[str, Any]) -> bool:
            return STEPS[type_](clients, self.name, inputs) is (operation != "delete")

        return self.stack.after_step(operation, type_, is_done, kill)

    def live(self) -> dict[str, Any]:
        """Return the identity resources of the cluster and of the account, by the vendors' clients."""
        return describe(LabClients(self.home, self.tools.bin), self.name)

    def has_pending(self, type_: str) -> bool:
        """Return whether the state has a pending operation of a resource of this type."""
        return type_ in [each["resource"]["type"] for each in self.stack.pending()]

    def count_resources(self) -> Counter[str]:
        return Counter(resource["type"] for resource in self.stack.resources())

    def session(self) -> dict[str, str]:
        """Return variables with credentials of a role's session, as a pipeline has them."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{self.name}-deployer"
        keys = client(self.home, "sts").assume_role(RoleArn=arn, RoleSessionName="pipeline")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    def _measure(self) -> Reference:
        """Update without a fault. A delay of 0 s changes nothing, and counts the calls to AWS."""
        faults = FaultFile(self.home.folder / "cloud")
        session = self.session()
        faults.write([Fault(FaultKind.SLOW, seconds=0)])
        done = self._update(**session)
        calls = sum(faults.injected().values())
        faults.clear()
        return Reference(self.live(), self.count_resources(), done.events, calls)

    def _update(self, **variables: str) -> Outcome:
        done = self.stack.update(**variables)
        assert done.code == 0, done.text
        return done
