def test_many_clusters_one_role(play):
    """Pods of two clusters have one role that trusts both issuers, as the README says; nothing of it is left."""
    play("05-one-role-many-clusters")
