"""The one walk through both stories: who looks when, and what `pulumi up` changes in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from lab.scenarios import cluster_access, settings, workload_identity
from lab.scenarios.clients import LabClients
from lab.scenarios.step import Scenario, Step

first_up = Scenario(1)
second_up = Scenario(1)
third_up = Scenario(1)


def prepare(world: LabClients) -> None:
    """What both stories find when they begin."""
    with ThreadPoolExecutor(max_workers=2) as both:
        for prepared in [both.submit(cluster_access.prepare, world), both.submit(workload_identity.prepare, world)]:
            prepared.result()


@first_up.step("pulumi up of the lab stack", seen_with="engine", expected="succeeded")
def up(world: LabClients) -> str:
    return _result(world.pipeline("up", settings.adopting(world.settings())))


@first_up.step("pulumi up again", seen_with="engine", expected="succeeded, no changes")
def up_again(world: LabClients) -> str:
    report = world.pipeline("up", settings.adopting(world.settings()))
    return f"{_result(report)}, {len(report['changes']) or 'no'} changes"


@second_up.step("pulumi up, mapping taken out, Pod Identity", seen_with="engine", expected="succeeded")
def up_without_mapping(world: LabClients) -> str:
    return _result(
        world.pipeline("up", settings.by_pod_identity(settings.unmapped(settings.adopting(world.settings()))))
    )


@third_up.step("the cluster takes access entries too", seen_with="aws eks", expected="API_AND_CONFIG_MAP")
def change_mode(world: LabClients) -> str:
    wanted = "authenticationMode=API_AND_CONFIG_MAP"
    world.aws("eks", "update-cluster-config", "--name", cluster_access.CLUSTER, "--access-config", wanted)
    world.aws("eks", "wait", "cluster-active", "--name", cluster_access.CLUSTER)
    query = ("--query", "cluster.accessConfig.authenticationMode", "--output", "text")
    return world.aws("eks", "describe-cluster", "--name", cluster_access.CLUSTER, *query).stdout.strip()


@third_up.step("pulumi up, by access entry", seen_with="engine", expected="succeeded")
def up_with_access_entry(world: LabClients) -> str:
    changed = settings.by_access_entry(settings.by_pod_identity(settings.adopting(world.settings())))
    return _result(world.pipeline("up", changed))


STEPS: list[Step] = [
    step
    for walk in (
        cluster_access.before,
        workload_identity.before,
        first_up,
        cluster_access.after,
        workload_identity.after,
        workload_identity.refusals,
        cluster_access.mapped_twice,
        second_up,
        cluster_access.unmapped,
        workload_identity.by_pod_identity,
        third_up,
        cluster_access.by_access_entry,
        workload_identity.destroyed,
    )
    for step in walk.steps
]


def _result(report: dict[str, object]) -> str:
    diagnostics = report["diagnostics"]
    return str(report["result"]) if report["result"] == "succeeded" else f"{report['result']}: {diagnostics}"
