"""Workloads that change from IRSA to Pod Identity and back, while pods start all the time.

They are declared side by side, each on its own way, so that one update changes all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from types import SimpleNamespace

import pytest
from lab_program import refused
from pods_program import ACCOUNT, Pods, Stack, get_role

from lab.principals import client
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
for name, settings in said["workloads"].items():
    args = {"cluster": cluster.connection, "namespace": "default", "service_account": name, "role_name": name}
    eks.WorkloadIdentity(name, {**args, **settings}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""
BOTH_WAYS = [{"test": "StringEqualsIfExists", "variable": "aws:SourceAccount", "values": [ACCOUNT]}]
"""A condition of the trust policy that Pod Identity satisfies, and that holds for IRSA, which has no such key."""


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def provider(pods):
    with pods.vouched_for() as arn:
        yield arn


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, provider):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@contextmanager
def pods_start(pods: Pods, account: str, *, at_a_time: int = 1) -> Iterator[list[str]]:
    """Starts pod after pod until the end of the block: whom AWS took each of them for."""
    over, seen, numbers = Event(), [], count()

    def start() -> None:
        while not over.is_set():
            seen.append(pods.who(f"{account}-{next(numbers)}", account))

    threads = [Thread(target=start) for _ in range(at_a_time)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def workloads(provider):
    """What the program reads, with each workload's settings."""

    def way(mode: str, **other: object) -> dict[str, object]:
        trust = {"trust_conditions": BOTH_WAYS} if mode == "pod-identity" or "keep_pod_identity" in other else {}
        return {"mode": mode, "oidc_provider_arn": provider, **trust, **other}

    def said(**of: dict[str, object]) -> dict[str, object]:
        return {"cluster": CLUSTER, "workloads": of}

    return SimpleNamespace(
        irsa=way("irsa"), kept=way("irsa", keep_pod_identity=True), pod_identity=way("pod-identity"), said=said
    )


@pytest.fixture(scope="module")
def first(workloads):
    """The way of each workload at first."""
    irsa, pod_identity = workloads.irsa, workloads.pod_identity
    return {"forth": irsa, "running": irsa, "back": pod_identity, "wired": pod_identity, "gap": pod_identity}


@pytest.fixture(scope="module")
def life(stack, pods, workloads, first):
    """What was seen while they changed."""
    stack.up(workloads.said(**first))
    seen = SimpleNamespace(token=pods.token("running"))
    hasty = stack.say(workloads.said(**{**first, "gap": workloads.irsa}))
    seen.refusals = [refused(operation) for operation in (hasty.preview, hasty.up)]
    seen.still = pods.who("still", "gap")
    delete_association(pods, "gap")
    second = dict.fromkeys(("forth", "running"), workloads.pod_identity)
    second |= {"back": workloads.kept, "wired": workloads.kept, "gap": workloads.irsa}
    with pods_start(pods, "back") as seen.back:
        with pods_start(pods, "forth", at_a_time=2) as seen.forth:
            seen.second = stack.changes(workloads.said(**second), refresh=True)
        seen.after_second = trusted(pods.world, "wired")
        seen.while_given = pods.assume(role("running"), seen.token)
        third = {**second, "running": {"mode": "pod-identity"}, "back": workloads.irsa, "wired": workloads.irsa}
        seen.third = stack.changes(workloads.said(**third))
    return seen


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def trusted(world: LabClients, name: str) -> list[dict[str, object]]:
    """Whom the role trusts, statement by statement."""
    return [statement["Principal"] for statement in get_role(world, name)["AssumeRolePolicyDocument"]["Statement"]]


def delete_association(pods: Pods, account: str) -> None:
    eks = client(pods.world.home, "eks")
    of = {"clusterName": CLUSTER, "namespace": "default", "serviceAccount": account}
    (found,) = eks.list_pod_identity_associations(**of)["associations"]
    eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=found["associationId"])


def steps(changes: list[tuple[str, str, str]], workload: str) -> list[tuple[str, str]]:
    """What was done with a workload's own resources, in the engine's order."""
    return [(operation, kind) for operation, kind, name in changes if name.startswith(workload)]


def without_role(seen: list[str], name: str) -> list[str]:
    return [who for who in seen if f":assumed-role/{name}/" not in who]


def test_no_pod_is_without_credentials_while_pod_identity_takes_over(life):
    """Each pod that starts before, meanwhile or after has the role, by the one way or the other."""
    there = steps(life.second, "forth")
    assert len(life.forth) > 1
    assert without_role(life.forth, "forth") == []
    assert there.index(("update", "Role")) < there.index(("create", "PodIdentityAssociation"))
    assert there.index(("create", "PodIdentityAssociation")) < there.index(("update", "ServiceAccount"))


def test_on_the_way_back_only_a_pod_of_the_association_can_be_without(life):
    """Whoever starts has the role, but for one that was made while the association was there and asks after it."""
    without = without_role(life.back, "back")
    assert len(without) < min(2, len(life.back))  # they start one after the other
    assert all("No association found" in who for who in without)
    assert steps(life.third, "back") == [("update", "Role")]


def test_a_way_back_with_a_gap_is_refused_in_the_preview(life, pods):
    """EKS says that the association is there, and the preview names the word; where it is gone, nothing is asked."""
    for said in life.refusals:
        assert "association of default/gap is gone" in said
        assert "set keep_pod_identity to True for this update" in said
    assert ":assumed-role/gap/" in life.still
    assert ":assumed-role/gap/" in pods.who("after-gap", "gap")


def test_the_way_back_wires_irsa_before_it_takes_the_association_away(life, pods):
    """The annotation is there before the association goes, and the role trusts Pod Identity until after that."""
    back = steps(life.second, "wired")
    assert back.index(("update", "ServiceAccount")) < back.index(("delete", "PodIdentityAssociation"))
    assert {"Service": "pods.eks.amazonaws.com"} in life.after_second
    assert [list(principal) for principal in trusted(pods.world, "wired")] == [["Federated"]]
    assert ":assumed-role/wired/" in pods.who("after-wired", "wired")


def test_running_pods_of_irsa_keep_the_role_until_the_provider_is_taken_out(life, pods):
    """A token from before assumes the role as long as oidc_provider_arn is given, and no longer."""
    assert life.while_given == "works"
    assert pods.assume(role("running"), life.token) == "AccessDenied"
    assert ":assumed-role/running/" in pods.who("done", "running")
