"""Fixtures of a lab: one lab for each worker, removed at its end."""

import io
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tenacity import Retrying, stop_after_delay, wait_fixed

from lab.clusters import DEFAULT_CLUSTERS
from lab.lab_dir import LabDir
from lab.lifecycle import reset, up
from lab.plugin_sources import PluginSource, parse_plugin_sources
from lab.principals import client
from lab.progress import Timeline
from lab.scenarios.clients import LabClients
from lab.tools import Tools
from support.lab_inventory import inventory_of_accounts, inventory_of_cluster
from support.warm_programs import warm


@pytest.fixture(scope="session")
def tools(found_tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    with warm(found_tools, tmp_path_factory.mktemp("tools")) as warmed:
        yield warmed


@pytest.fixture(scope="session", autouse=True)
def programs_on_path(found_tools: Tools) -> None:
    """Put the engine and the cluster's programs on PATH for every process of the tests."""
    os.environ["PATH"] = os.pathsep.join([str(found_tools.bin), str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.fixture(scope="session")
def plugin_sources(pytestconfig: pytest.Config) -> dict[str, PluginSource]:
    """The sources of the labs' provider plugins, by the option `--plugins` of pytest."""
    return parse_plugin_sources(pytestconfig.getoption("lab_plugins"))


@pytest.fixture(scope="session")
def fresh_lab(plugin_sources: dict[str, PluginSource]) -> Callable[[], AbstractContextManager[LabDir]]:
    """A context manager of a new lab, for tests that need its initial clusters."""

    @contextmanager
    def start_lab() -> Iterator[LabDir]:
        home = LabDir(f"test-{uuid.uuid4().hex[:8]}")
        timeline = Timeline(Console(file=io.StringIO()))
        try:
            up(home, DEFAULT_CLUSTERS, timeline, plugins=plugin_sources, owner=os.getpid())
            yield home
        finally:
            reset(home)

    return start_lab


@pytest.fixture(scope="session")
def shared_lab(fresh_lab: Callable[[], AbstractContextManager[LabDir]]) -> Iterator[LabDir]:
    with fresh_lab() as home:
        yield home


@pytest.fixture(scope="module")
def running_lab(shared_lab: LabDir, tools: Tools) -> Iterator[LabDir]:
    """The lab of all modules. Each module restores its state, so that they run in any order.

    Clusters that a module creates are deleted at its end, because each uses memory and some of the user's inotify
    instances.
    """
    clients = LabClients(shared_lab, tools.bin)
    before = shared_resources(clients)
    yield shared_lab
    eks = client(shared_lab, "eks")
    for cluster in set(eks.list_clusters()["clusters"]).difference(DEFAULT_CLUSTERS):
        delete_cluster(eks, cluster)
    for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.5), reraise=True):
        with attempt:
            assert shared_resources(clients) == before


def shared_resources(clients: LabClients) -> dict[str, Any]:
    """Return the resources of the default clusters, and the OIDC providers: an account has one for an issuer."""
    providers = {name: account["providers"] for name, account in inventory_of_accounts(clients).items()}
    return providers | {cluster: inventory_of_cluster(clients, cluster) for cluster in DEFAULT_CLUSTERS}


def delete_cluster(eks: Any, cluster: str) -> None:
    """Delete a cluster after its node groups: EKS deletes no cluster with node groups."""
    poll = {"Delay": 0.1, "MaxAttempts": 1200}
    for group in eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
        eks.delete_nodegroup(clusterName=cluster, nodegroupName=group)
        waiter = eks.get_waiter("nodegroup_deleted")
        waiter.wait(clusterName=cluster, nodegroupName=group, WaiterConfig=poll)
    eks.delete_cluster(name=cluster)
    eks.get_waiter("cluster_deleted").wait(name=cluster, WaiterConfig=poll)
