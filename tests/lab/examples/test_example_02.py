def test_a_pod_may_read_a_bucket(play):
    """One service account's pods read one bucket and no others do, as the README says; nothing of it is left."""
    play("02-pod-reads-a-bucket")
