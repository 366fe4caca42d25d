def test_a_team_s_namespace(play):
    """A team's people and pods may do so much and no more, as the README says; nothing of it is left."""
    play("10-team-namespace")
