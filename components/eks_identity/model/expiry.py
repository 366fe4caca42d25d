"""End dates of access. An access entry has its date as a tag, which the living cluster shows to everybody."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from eks_identity.errors import InvalidInput, Problem

EXPIRES_TAG: Final = "eks-identity/expires"
"""Tag of an access entry with the last day of the access."""
_FORM = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: 00:00:00 \+0000 UTC)?")
"""A date, with what Pulumi adds to an unquoted one in the YAML of a stack's settings."""


def parse_expiry(value: object) -> date:
    """Return a last day; raise `InvalidInput` for other values. YAML has dates as a type of its own."""
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        if isinstance(value, str) and (found := _FORM.fullmatch(value)):
            return date.fromisoformat(found[1])
    except ValueError:
        pass
    rule = "must be a date of the calendar, YYYY-MM-DD"
    raise InvalidInput([Problem("", rule, value, "write a date such as 2030-01-31")])
