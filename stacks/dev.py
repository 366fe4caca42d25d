"""The development environment: small, easy to delete, and in migration from aws-auth to access entries."""

from __future__ import annotations

from stacks.compose import declare_environment
from stacks.settings import EnvironmentProfile

PROFILE = EnvironmentProfile(access_method="both", create={"authentication_mode": "API_AND_CONFIG_MAP"})
"""`access_method: both` keeps aws-auth mappings during the migration, and adds an access entry for each of them."""


def compose() -> None:
    """Declare the resources of the development environment."""
    declare_environment(PROFILE)
