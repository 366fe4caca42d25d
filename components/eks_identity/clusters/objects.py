"""The Kubernetes objects that a cluster has."""


def listed_objects(kubeconfig: str, kind: str, namespace: str | None) -> dict[str, list[str]]:
    """Return the writers of each object of a kind, by the object's name. Raises `ClusterError`."""
    from eks_identity import cluster_api  # noqa: PLC0415 - lightkube takes a while, and not every program asks

    return cluster_api.listed(kubeconfig, kind, namespace)
