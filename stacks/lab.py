"""The lab: both stories in one stack, people into `eks-clu`, pods of `irsa` and `eks-clu` out to AWS."""

from __future__ import annotations

from stacks import compose as environments
from stacks import policies
from stacks.guard import LAB_ACCOUNT
from stacks.settings import EnvironmentProfile

PROFILE = EnvironmentProfile(demands=(policies.account(LAB_ACCOUNT),))
"""Nothing but the lab's own account, whoever's credentials these are."""


def compose() -> None:
    """Declares it."""
    environments.declare(PROFILE)
