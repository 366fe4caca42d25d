"""The lab environment: user access to `eks-clu`, and workload identity for pods of `irsa` and `eks-clu`."""

from __future__ import annotations

from stacks.compose import declare_environment
from stacks.policies import require_account
from stacks.preflight import LAB_ACCOUNT
from stacks.settings import EnvironmentProfile

PROFILE = EnvironmentProfile(policies=(require_account(LAB_ACCOUNT),))
"""Only the lab's account is allowed, so that settings of the lab never apply to a real account."""


def compose() -> None:
    """Declare the resources of the lab environment."""
    declare_environment(PROFILE)
