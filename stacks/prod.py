"""Production: what nobody should have to remember is the default, and what must not happen is refused."""

from __future__ import annotations

from stacks import compose as environments
from stacks import demands
from stacks.settings import Rules

RULES = Rules(
    mode="pod-identity",
    create={
        "authentication_mode": "API",
        "endpoint_private_access": True,
        "endpoint_public_access": False,
        "deletion_protection": True,
    },
    protect=True,
    demands=(
        demands.access_entries_only,
        demands.private_endpoints,
        demands.bounded_roles,
        demands.protected_clusters,
    ),
)


def compose() -> None:
    """Declares it."""
    environments.declare(RULES)
