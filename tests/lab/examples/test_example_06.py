def test_another_account(play):
    """Pods read a bucket of another account by a target role, as the README says; nothing is left in either account."""
    play("06-cross-account-role")
