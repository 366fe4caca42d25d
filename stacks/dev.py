"""Development: small, made and taken down at will, and on its way from aws-auth to access entries."""

from __future__ import annotations

from stacks import compose as environments
from stacks.settings import EnvironmentProfile

PROFILE = EnvironmentProfile(access_method="both", create={"authentication_mode": "API_AND_CONFIG_MAP"})
"""Whoever came in by aws-auth still does, and by an access entry too."""


def compose() -> None:
    """Declares it."""
    environments.declare(PROFILE)
