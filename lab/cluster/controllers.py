"""kube-controller-manager with only the controllers that identity needs.

The program is the vendor's, or one that the lab compiled with these controllers only; both accept the same flags.
Without these controllers there is no `default` ServiceAccount (pods are rejected) and no `kube-root-ca.crt`, the
ClusterRoles view, edit and admin have no rules, and deleted namespaces and dependents stay.
"""

from __future__ import annotations

from pathlib import Path

from lightkube import Client
from lightkube.resources.core_v1 import ConfigMap, ServiceAccount
from lightkube.resources.rbac_authorization_v1 import ClusterRole

from lab.cluster.processes import Process

CONTROLLERS = (
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "clusterrole-aggregation-controller",
    "namespace-controller",
    "garbage-collector-controller",
)


def start(program: str, kubeconfig: Path, root_ca: Path, folder: Path, logs: Path) -> Process:
    arguments = (
        program,
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(CONTROLLERS)}",
        f"--root-ca-file={root_ca}",
        "--leader-elect=false",
        # The port would serve health and metrics only, which the lab does not use.
        "--secure-port=0",
    )
    return Process(
        "kube-controller-manager", arguments, log=logs / "kube-controller-manager.log", folder=folder, environment={}
    )


def wait_ready(process: Process, client: Client, timeout: float = 60) -> None:
    """Wait until pods can be created in `default`, and the ClusterRoles view, edit and admin have rules.

    Raises:
        StartError: the program ended, or did not create the first objects within `timeout` seconds.
    """

    def ready() -> bool:
        accounts = client.list(ServiceAccount, namespace="default", fields={"metadata.name": "default"})
        certificates = client.list(ConfigMap, namespace="default", fields={"metadata.name": "kube-root-ca.crt"})
        roles = {role.metadata.name for role in client.list(ClusterRole) if role.metadata and role.rules}
        return bool(list(accounts)) and bool(list(certificates)) and {"view", "edit", "admin"} <= roles

    process.wait_until(ready, what="done with the first objects", timeout=timeout)
