"""One stack of a fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class FleetStack:
    """One stack of a fleet."""

    name: str
    stack: str
    project: Path
    group: str | None = None
    config_file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Path:
        """The settings file that the engine reads. `organization/project/dev` has that of `dev`."""
        return self.config_file or self.project / f"Pulumi.{self.stack.rpartition('/')[2]}.yaml"
