"""The kinds of findings. Ids are stable: a kind that is no longer found keeps its id."""

from __future__ import annotations
