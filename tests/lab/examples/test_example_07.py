def test_leaving_aws_auth(play):
    """A cluster goes from aws-auth to access entries and nobody notices, as the README says; nothing of it is left."""
    play("07-migrate-from-aws-auth")
