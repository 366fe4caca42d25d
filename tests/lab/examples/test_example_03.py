def test_the_same_by_pod_identity(play):
    """A workload is switched from IRSA to Pod Identity, and its pods read on all the while; nothing of it is left."""
    play("03-pod-identity")
