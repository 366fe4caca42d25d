"""The Kubernetes objects that a cluster has."""


def listed_objects(kubeconfig: str, kind: str, namespace: str | None) -> dict[str, list[str]]:
    """Return the writers of each object of a kind, by the object's name. Raises `ClusterError`."""
    from eks_identity.clients import kubernetes_api  # noqa: PLC0415 - imports lightkube, which takes a while

    return kubernetes_api.listed(kubeconfig, kind, namespace)
