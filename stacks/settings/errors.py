"""How a model refuses what it alone can see: in the words of a `Problem`, rule and fix."""

from __future__ import annotations

from pydantic_core import PydanticCustomError


def refused(rule: str, fix: str) -> PydanticCustomError:
    """An error for a validator to raise; `reading` makes a `Problem` of it."""
    return PydanticCustomError("settings", "{rule}", {"rule": rule, "fix": fix})
