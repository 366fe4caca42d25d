def test_add_ons_with_the_catalogue(play):
    """Add-ons and charts get the catalogue's policies, scoped, as the README says; nothing of it is left."""
    play("04-add-ons")
