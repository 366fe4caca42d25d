"""The vendors' programs that the lab runs: found on PATH, cached, downloaded, or compiled."""

from __future__ import annotations

from lab.tools.progress import NoProgress, Progress
from lab.tools.toolbox import ObtainedProgram, Source, Toolbox, Tools, default_cache

__all__ = ["NoProgress", "ObtainedProgram", "Progress", "Source", "Toolbox", "Tools", "default_cache"]
