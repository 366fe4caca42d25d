"""The output of the engine. The command reads it in its own process, which never imports the SDK of Pulumi."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EngineEvent = Mapping[str, Any]
"""An event of the engine, as its event log has it. Secrets are masked."""


@dataclass(frozen=True)
class PreviewOutput:
    """The output of one preview."""

    digest: dict[str, Any]
    """The JSON of `pulumi preview --json`: each resource with its old and new inputs."""
    events: list[EngineEvent]
    """The events of the engine: outputs that providers predict, policy findings, diagnostics."""
