"""The order of all steps of the scenarios, and the `pulumi up` runs between them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from lab.scenarios import broken_links, cluster_access, settings, workload_identity
from lab.scenarios.clients import LabClients
from lab.scenarios.step import Scenario, Step

first_up = Scenario(1)
second_up = Scenario(1)
third_up = Scenario(1)


def prepare(clients: LabClients) -> None:
    """Create the users, the bucket and the objects that exist before the scenarios begin."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for prepared in [pool.submit(cluster_access.prepare, clients), pool.submit(workload_identity.prepare, clients)]:
            prepared.result()


@first_up.step("pulumi up of the lab stack", client="engine", expected="succeeded")
def up(clients: LabClients) -> str:
    return _result(clients.pipeline("up", settings.adopt_provider(clients.settings())))


@first_up.step("pulumi up again", client="engine", expected="succeeded, no changes")
def up_again(clients: LabClients) -> str:
    report = clients.pipeline("up", settings.adopt_provider(clients.settings()))
    return f"{_result(report)}, {len(report['changes']) or 'no'} changes"


@second_up.step("pulumi up, mapping removed, Pod Identity", client="engine", expected="succeeded")
def up_without_mapping(clients: LabClients) -> str:
    return _result(
        clients.pipeline(
            "up", settings.use_pod_identity(settings.remove_mapping(settings.adopt_provider(clients.settings())))
        )
    )


@third_up.step("the cluster accepts access entries too", client="aws eks", expected="API_AND_CONFIG_MAP")
def change_mode(clients: LabClients) -> str:
    mode = "authenticationMode=API_AND_CONFIG_MAP"
    clients.aws("eks", "update-cluster-config", "--name", cluster_access.CLUSTER, "--access-config", mode)
    clients.aws("eks", "wait", "cluster-active", "--name", cluster_access.CLUSTER)
    query = ("--query", "cluster.accessConfig.authenticationMode", "--output", "text")
    return clients.aws("eks", "describe-cluster", "--name", cluster_access.CLUSTER, *query).stdout.strip()


@third_up.step("pulumi up, by access entry", client="engine", expected="succeeded")
def up_with_access_entry(clients: LabClients) -> str:
    changed = settings.use_access_entry(settings.use_pod_identity(settings.adopt_provider(clients.settings())))
    return _result(clients.pipeline("up", changed))


STEPS: list[Step] = [
    step
    for part in (
        cluster_access.before,
        workload_identity.before,
        first_up,
        cluster_access.after,
        workload_identity.after,
        workload_identity.role_assumption,
        broken_links.broken_links,
        cluster_access.mapped_twice,
        second_up,
        cluster_access.unmapped,
        workload_identity.by_pod_identity,
        third_up,
        cluster_access.by_access_entry,
        workload_identity.destroyed,
    )
    for step in part.steps
]


def _result(report: dict[str, object]) -> str:
    diagnostics = report["diagnostics"]
    return str(report["result"]) if report["result"] == "succeeded" else f"{report['result']}: {diagnostics}"
