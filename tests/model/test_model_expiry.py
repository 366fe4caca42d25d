"""Last days of access, in the forms that files and Pulumi's settings have."""

from datetime import date

import pytest

from eks_identity.errors import InvalidInput
from eks_identity.model.expiry import parse_expiry

FORMS = ["2030-01-31", "2030-01-31 00:00:00 +0000 UTC", date(2030, 1, 31)]
OTHERS = ["", "soon", "2030-02-30", "2030-1-31", "2030-01-31T12:00:00Z", 20300131, None]


@pytest.mark.parametrize("value", FORMS)
def test_date_is_accepted_quoted_and_unquoted(value):
    """Pulumi adds a time to an unquoted date in the YAML of a stack's settings."""
    assert parse_expiry(value) == date(2030, 1, 31)


@pytest.mark.parametrize("value", OTHERS)
def test_other_value_is_no_date(value):
    with pytest.raises(InvalidInput):
        parse_expiry(value)
