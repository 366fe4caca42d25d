"""Production: what nobody should have to remember is the default, and what must not happen is refused."""

from __future__ import annotations

from stacks import compose as environments
from stacks import policies
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
    demands=(
        policies.access_entries_only,
        policies.private_endpoints,
        policies.bounded_roles,
        policies.protected_clusters,
    ),
)


def compose() -> None:
    """Declares it."""
    environments.declare(PROFILE)
