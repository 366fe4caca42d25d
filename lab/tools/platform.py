"""The operating system and processor that the lab runs on: Linux on x86-64 or arm64.

The lab needs Linux: its processes end with the daemon by prctl(2), and Kubernetes publishes its servers for Linux only.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Self

from lab.errors import ToolError

_SYSTEMS = {"linux": "linux"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Platform:
    """An operating system and a processor, by Go's names: linux, and amd64 or arm64."""

    os: str
    arch: str

    @classmethod
    def current(cls) -> Self:
        """Return this machine's platform. Raises `ToolError` if the lab does not run on it."""
        return cls.parse(platform.system(), platform.machine())

    @classmethod
    def parse(cls, system: str, machine: str) -> Self:
        """Return the platform that Python calls `system` and `machine`.

        Raises:
            ToolError: the lab does not run on this platform.
        """
        try:
            return cls(_SYSTEMS[system.lower()], _MACHINES[machine.lower()])
        except KeyError:
            raise ToolError(
                f"the lab must run on Linux (x86-64 or arm64); this machine is {system} on {machine}",
                fix="run it in a Linux container or VM; the library and the command lines work on macOS",
            ) from None
