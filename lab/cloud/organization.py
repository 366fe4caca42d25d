"""The organization of AWS Organizations that the accounts of the lab are members of, as condition keys show it."""

from __future__ import annotations

from collections.abc import Iterable

ORGANIZATION = "o-ekslab0001"
PATH = f"{ORGANIZATION}/r-lab1/ou-lab1-workloads/"
"""Where all accounts are."""


def keys(prefix: str) -> dict[str, str | Iterable[str]]:
    """`aws:<prefix>OrgID` and `aws:<prefix>OrgPaths`: of the principal, of the resource, of a service's source."""
    return {f"aws:{prefix}OrgID": ORGANIZATION, f"aws:{prefix}OrgPaths": (PATH,)}
