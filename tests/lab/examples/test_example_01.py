def test_a_person_may_look(play):
    """A person is let in to look and does nothing else, as the README says; once destroyed, nothing is left."""
    play("01-read-only-user")
