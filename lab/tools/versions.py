"""Versions as the vendors' programs print them, and the version ranges that the lab accepts.

These strings follow no single standard: `v3.274.1`, `Kubernetes v1.37.2`, `v1.37.2-eks-0123abc`. Only the leading
numbers are compared; a suffix after a hyphen or a plus is the builder's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers: (1, 37, 2) for `v1.37.2-eks-0123abc`. Raises `ValueError` if there are none."""
    match = _NUMBERS.match(version)
    if match is None:
        raise ValueError(f"{version!r} does not begin with a version number")
    return tuple(int(part) for part in match[1].split("."))


@dataclass(frozen=True)
class VersionRange:
    """A range of versions: `at_least` is in it, `below` is not."""

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
    """The range of a program that prints no version: it contains every version."""

    def __contains__(self, version: object) -> bool:
        return isinstance(version, str)

    def __str__(self) -> str:
        return "any"
