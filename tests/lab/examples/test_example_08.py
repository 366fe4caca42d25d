def test_made_by_eksctl(play):
    """What eksctl made is used and kept, as the README says; nothing of the example is left."""
    play("08-existing-eksctl-cluster")
