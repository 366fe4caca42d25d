"""A workload that changes from IRSA to Pod Identity and back, while pods start all the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread

import pytest
from lab_program import refused
from pods_program import ACCOUNT, Pods, Stack, get_role

from lab.principals import client
from lab.scenarios.clients import LabClients

CLUSTER = "irsa"
ROLE = "switched"
PROGRAM = """
cluster = eks.Cluster("clu", {"name": said["cluster"]})
args = {"cluster": cluster.connection, "namespace": "default", "service_account": "switched", "role_name": "switched"}
workload = eks.WorkloadIdentity("switched", {**args, **said["workload"]},
                                pulumi.ResourceOptions(providers=[cluster.provider]))
"""


@pytest.fixture
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture
def provider(pods):
    with pods.vouched_for() as arn:
        yield arn


@pytest.fixture
def stack(running_lab, tools, tmp_path, provider):
    stack = Stack(tmp_path / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@contextmanager
def pods_start(pods: Pods, name: str, *, at_a_time: int = 1) -> Iterator[list[str]]:
    """Starts pod after pod until the end of the block: whom AWS took each of them for."""
    over, seen, numbers = Event(), [], count()

    def start() -> None:
        while not over.is_set():
            seen.append(pods.who(f"{name}-{next(numbers)}", "switched"))

    threads = [Thread(target=start) for _ in range(at_a_time)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


BOTH_WAYS = [{"test": "StringEqualsIfExists", "variable": "aws:SourceAccount", "values": [ACCOUNT]}]
"""A condition of the trust policy that Pod Identity satisfies, and that holds for IRSA, which has no such key."""


def settings(provider: str, mode: str, **other: object) -> dict[str, object]:
    trust = {"trust_conditions": BOTH_WAYS} if mode == "pod-identity" or "keep_pod_identity" in other else {}
    return {"cluster": CLUSTER, "workload": {"mode": mode, "oidc_provider_arn": provider, **trust, **other}}


def test_no_pod_is_without_credentials_while_pod_identity_takes_over(stack, pods, provider):
    """Each pod that starts before, meanwhile or after has the role, by the one way or the other."""
    stack.up(settings(provider, "irsa"))
    with pods_start(pods, "forth", at_a_time=2) as forth:
        there = stack.steps(settings(provider, "pod-identity"))
    assert len(forth) > 1
    assert [who for who in forth if f":assumed-role/{ROLE}/" not in who] == []
    assert there.index(("update", "Role")) < there.index(("create", "PodIdentityAssociation"))
    assert there.index(("create", "PodIdentityAssociation")) < there.index(("update", "ServiceAccount"))


def test_on_the_way_back_only_a_pod_of_the_association_can_be_without(stack, pods, provider):
    """Whoever starts has the role, but for one that was made while the association was there and asks after it."""
    stack.up(settings(provider, "pod-identity"))
    with pods_start(pods, "back") as back:
        stack.up(settings(provider, "irsa", keep_pod_identity=True))
        last = stack.steps(settings(provider, "irsa"))
    without = [who for who in back if f":assumed-role/{ROLE}/" not in who]
    assert len(without) < min(2, len(back))  # they start one after the other
    assert all("No association found" in who for who in without)
    assert last == [("update", "Role")]


def test_a_way_back_with_a_gap_is_refused_in_the_preview(stack, pods, provider):
    """EKS says that the association is there, and the preview names the word; where it is gone, nothing is asked."""
    stack.up(settings(provider, "pod-identity"))
    back = stack.say(settings(provider, "irsa"))
    for operation in (back.preview, back.up):
        said = refused(operation)
        assert "association of default/switched is deleted" in said
        assert "set keep_pod_identity to True for this update" in said
    assert f":assumed-role/{ROLE}/" in pods.who("still", "switched")
    eks = client(pods.world.home, "eks")
    (found,) = eks.list_pod_identity_associations(clusterName=CLUSTER, namespace="default", serviceAccount="switched")[
        "associations"
    ]
    eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=found["associationId"])
    stack.stack.up(refresh=True)
    assert f":assumed-role/{ROLE}/" in pods.who("after", "switched")


def test_the_way_back_wires_irsa_before_it_takes_the_association_away(stack, pods, provider):
    """The annotation is there before the association goes, and the role trusts Pod Identity until after that."""
    stack.up(settings(provider, "pod-identity"))
    back = stack.steps(settings(provider, "irsa", keep_pod_identity=True))
    assert back.index(("update", "ServiceAccount")) < back.index(("delete", "PodIdentityAssociation"))
    services = [statement["Principal"] for statement in trust(pods.world)]
    assert {"Service": "pods.eks.amazonaws.com"} in services
    stack.up(settings(provider, "irsa"))
    assert [list(statement["Principal"]) for statement in trust(pods.world)] == [["Federated"]]
    assert f":assumed-role/{ROLE}/" in pods.who("after", "switched")


def test_running_pods_of_irsa_keep_the_role_until_the_provider_is_taken_out(stack, pods, provider):
    """A token from before assumes the role as long as oidc_provider_arn is given, and no longer."""
    stack.up(settings(provider, "irsa"))
    arn, token = get_role(pods.world, ROLE)["Arn"], pods.token("switched")
    stack.up(settings(provider, "pod-identity"))
    assert pods.assume(arn, token) == "works"
    stack.up({"cluster": CLUSTER, "workload": {"mode": "pod-identity"}})
    assert pods.assume(arn, token) == "AccessDenied"
    assert f":assumed-role/{ROLE}/" in pods.who("done", "switched")


def trust(world: LabClients) -> list[dict[str, object]]:
    statements: list[dict[str, object]] = get_role(world, ROLE)["AssumeRolePolicyDocument"]["Statement"]
    return statements
