"""Versions as the vendors' programs print them, and the ranges the lab accepts.

Kept apart because these strings follow no one standard: `v3.274.1`, `Kubernetes v1.37.2`, `v1.37.2-eks-0123abc`.
Only the leading numbers decide; what follows a hyphen or a plus is the builder's own mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")


def numbers(version: str) -> tuple[int, ...]:
    """`v1.37.2-eks-0123abc` as (1, 37, 2). Raises `ValueError` where no number leads."""
    match = _NUMBERS.match(version)
    if match is None:
        raise ValueError(f"{version!r} does not begin with a version number")
    return tuple(int(part) for part in match[1].split("."))


@dataclass(frozen=True)
class VersionRange:
    """From `at_least` on, up to and without `below`."""

    at_least: str
    below: str

    def __contains__(self, version: object) -> bool:
        if not isinstance(version, str) or _NUMBERS.match(version) is None:
            return False
        return numbers(self.at_least) <= numbers(version) < numbers(self.below)

    def __str__(self) -> str:
        return f">={self.at_least}, <{self.below}"


@dataclass(frozen=True)
class AnyVersion:
    """What fits of a program that does not say which version it is."""

    def __contains__(self, version: object) -> bool:
        return isinstance(version, str)

    def __str__(self) -> str:
        return "any"
