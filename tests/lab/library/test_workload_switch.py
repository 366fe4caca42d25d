"""Workloads that change from IRSA to Pod Identity and back, while pods start continuously.

The workloads are in one program, each with its own sequence of modes, so that one update changes all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.access_program import expect_error
from support.workload_program import ACCOUNT, Pods, Stack, get_role

CLUSTER = "irsa"
PROGRAM = """
cluster = eks.Cluster("clu", {"name": config["cluster"]})
for name, settings in config["workloads"].items():
    args = {"cluster": cluster.connection, "namespace": "default", "service_account": name, "role_name": name}
    eks.WorkloadIdentity(name, {**args, **settings}, pulumi.ResourceOptions(providers=[cluster.provider]))
"""
TRUST_CONDITIONS = [{"test": "StringEqualsIfExists", "variable": "aws:SourceAccount", "values": [ACCOUNT]}]
"""A trust policy condition that Pod Identity satisfies, and IRSA too, because its request has no such key."""


@pytest.fixture(scope="module")
def pods(running_lab, tools):
    return Pods(LabClients(running_lab, tools.bin), CLUSTER)


@pytest.fixture(scope="module")
def provider(pods):
    with pods.oidc_provider() as arn:
        yield arn


@pytest.fixture(scope="module")
def stack(running_lab, tools, tmp_path_factory, provider):
    stack = Stack(tmp_path_factory.mktemp("project") / "project", running_lab, tools, PROGRAM)
    yield stack
    stack.stack.destroy()


@contextmanager
def start_pods(pods: Pods, account: str, *, threads: int = 1) -> Iterator[list[str]]:
    """Start pods until the end of the block, and yield the list of their caller ARNs."""
    stop, arns, numbers = Event(), [], count()

    def start() -> None:
        while not stop.is_set():
            arns.append(pods.caller_arn(f"{account}-{next(numbers)}", account))

    started = [Thread(target=start) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield arns
    finally:
        stop.set()
        for thread in started:
            thread.join()


@pytest.fixture(scope="module")
def workloads(provider):
    """Settings of the modes, and a function that returns the config of the program."""

    def settings(mode: str, **other: object) -> dict[str, object]:
        trust = {"trust_conditions": TRUST_CONDITIONS} if mode == "pod-identity" or "keep_pod_identity" in other else {}
        return {"mode": mode, "oidc_provider_arn": provider, **trust, **other}

    def config(**workloads: dict[str, object]) -> dict[str, object]:
        return {"cluster": CLUSTER, "workloads": workloads}

    return SimpleNamespace(
        irsa=settings("irsa"),
        irsa_with_association=settings("irsa", keep_pod_identity=True),
        pod_identity=settings("pod-identity"),
        config=config,
    )


@pytest.fixture(scope="module")
def first(workloads):
    """The first settings of each workload."""
    irsa, pod_identity = workloads.irsa, workloads.pod_identity
    return {"forth": irsa, "running": irsa, "back": pod_identity, "ordered": pod_identity, "gap": pod_identity}


@pytest.fixture(scope="module")
def lifecycle(stack, pods, workloads, first):
    """Results of each update, and the caller ARNs of pods that started during the updates."""
    stack.up(workloads.config(**first))
    results = SimpleNamespace(token=pods.token("running"))
    without_keep = stack.configure(workloads.config(**{**first, "gap": workloads.irsa}))
    results.errors = [expect_error(operation) for operation in (without_keep.preview, without_keep.up)]
    results.arn_after_error = pods.caller_arn("after-error", "gap")
    delete_association(pods, "gap")
    second = dict.fromkeys(("forth", "running"), workloads.pod_identity)
    second |= {
        "back": workloads.irsa_with_association,
        "ordered": workloads.irsa_with_association,
        "gap": workloads.irsa,
    }
    with start_pods(pods, "back") as results.back:
        with start_pods(pods, "forth", threads=2) as results.forth:
            results.second = stack.changes(workloads.config(**second), refresh=True)
        results.trust_after_second = trusted_principals(pods.clients, "ordered")
        results.verdict_with_provider = pods.assume(role("running"), results.token)
        third = {**second, "running": {"mode": "pod-identity"}, "back": workloads.irsa, "ordered": workloads.irsa}
        results.third = stack.changes(workloads.config(**third))
    return results


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def trusted_principals(clients: LabClients, name: str) -> list[dict[str, object]]:
    """Return the principal of each statement of the role's trust policy."""
    return [statement["Principal"] for statement in get_role(clients, name)["AssumeRolePolicyDocument"]["Statement"]]


def delete_association(pods: Pods, account: str) -> None:
    eks = client(pods.clients.home, "eks")
    key = {"clusterName": CLUSTER, "namespace": "default", "serviceAccount": account}
    (association,) = eks.list_pod_identity_associations(**key)["associations"]
    eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=association["associationId"])


def steps(changes: list[tuple[str, str, str]], workload: str) -> list[tuple[str, str]]:
    """Return operation and type of each change of a workload's resources, in the engine's order."""
    return [(operation, kind) for operation, kind, name in changes if name.startswith(workload)]


def without_role(arns: list[str], name: str) -> list[str]:
    return [arn for arn in arns if f":assumed-role/{name}/" not in arn]


def test_change_to_pod_identity_leaves_no_pod_without_credentials(lifecycle):
    """Each pod that starts before, during or after the update has the role, by IRSA or by Pod Identity."""
    forth = steps(lifecycle.second, "forth")
    assert len(lifecycle.forth) > 1
    assert without_role(lifecycle.forth, "forth") == []
    assert forth.index(("update", "Role")) < forth.index(("create", "PodIdentityAssociation"))
    assert forth.index(("create", "PodIdentityAssociation")) < forth.index(("update", "ServiceAccount"))


def test_change_to_irsa_can_affect_one_starting_pod(lifecycle):
    """Each pod has the role, except one created with the association that requests credentials after its deletion."""
    without = without_role(lifecycle.back, "back")
    assert len(without) < min(2, len(lifecycle.back))  # pods start one after the other
    assert all("No association found" in log for log in without)
    assert steps(lifecycle.third, "back") == [("update", "Role")]


def test_change_to_irsa_without_keep_pod_identity_is_rejected(lifecycle, pods):
    """The preview requires keep_pod_identity while the association exists, and accepts the change after that."""
    for error in lifecycle.errors:
        assert "association of default/gap is deleted" in error
        assert "set keep_pod_identity to True for this update" in error
    assert ":assumed-role/gap/" in lifecycle.arn_after_error
    assert ":assumed-role/gap/" in pods.caller_arn("after-gap", "gap")


def test_change_to_irsa_annotates_before_it_deletes_the_association(lifecycle, pods):
    """The annotation exists before the association is deleted; the role trusts Pod Identity until the next update."""
    back = steps(lifecycle.second, "ordered")
    assert back.index(("update", "ServiceAccount")) < back.index(("delete", "PodIdentityAssociation"))
    assert {"Service": "pods.eks.amazonaws.com"} in lifecycle.trust_after_second
    assert [list(principal) for principal in trusted_principals(pods.clients, "ordered")] == [["Federated"]]
    assert ":assumed-role/ordered/" in pods.caller_arn("after-ordered", "ordered")


def test_running_irsa_pods_keep_the_role_while_oidc_provider_arn_is_set(lifecycle, pods):
    """An older token can assume the role until oidc_provider_arn is removed."""
    assert lifecycle.verdict_with_provider == "works"
    assert pods.assume(role("running"), lifecycle.token) == "AccessDenied"
    assert ":assumed-role/running/" in pods.caller_arn("after-removal", "running")
