"""The vendor's programs that the lab runs: found on PATH, kept in a cache, downloaded, or compiled."""

from __future__ import annotations

from lab.tools.progress import Progress, Silent
from lab.tools.toolbox import Obtained, Source, Toolbox, Tools, default_cache

__all__ = ["Obtained", "Progress", "Silent", "Source", "Toolbox", "Tools", "default_cache"]
