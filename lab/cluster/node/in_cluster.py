"""A kubeconfig for kubectl in a pod, in the place of what it has built in.

kubectl looks for the pod's own token at a fixed path, where nothing can be mounted without root (see `mounts`). So a
container that has kubectl finds the same facts in `~/.kube/config`: token and authority by their real paths.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from lab.pki import write_secret

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where the ServiceAccount admission plugin mounts a pod's token, `ca.crt` and namespace."""


def write_kubeconfig(home: Path, server: str, mounted: Path, namespace: str) -> None:
    """Write it for the service account whose token is in `mounted`."""
    name = "in-cluster"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": str(mounted / "ca.crt")}}],
        "users": [{"name": name, "user": {"tokenFile": str(mounted / "token")}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
    write_secret(home / ".kube" / "config", yaml.safe_dump(document))
