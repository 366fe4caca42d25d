"""The production environment: secure defaults, and policies that reject settings that weaken them."""

from __future__ import annotations

from stacks import policies
from stacks.compose import declare_environment
from stacks.settings import EnvironmentProfile

PROFILE = EnvironmentProfile(
    mode="pod-identity",
    create={
        "authentication_mode": "API",
        "endpoint_private_access": True,
        "endpoint_public_access": False,
        "deletion_protection": True,
    },
    protect=True,
    policies=(
        policies.require_access_entries,
        policies.require_private_endpoints,
        policies.require_permissions_boundary,
        policies.require_deletion_protection,
    ),
)


def compose() -> None:
    """Declare the resources of the production environment."""
    declare_environment(PROFILE)
