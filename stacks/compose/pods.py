"""What is said of pods' access to AWS, of workloads and of add-ons alike, as a component takes it."""

from __future__ import annotations

from typing import Any

from stacks.compose.clusters import Target
from stacks.compose.iam import Account
from stacks.settings import PodSettings


def identity(key: str, settings: PodSettings, mode: str, target: Target, account: Account) -> dict[str, Any]:
    """The args of the component, with the environment's defaults for a role that is made, and the OIDC provider."""
    args = settings.said("keep_irsa", "cluster")
    if mode != "none" and settings.role_arn is None:
        args = account.role(key, args)
    elif mode != "irsa":
        # A role that is made elsewhere has its own tags; an association and an add-on have those of here.
        args["tags"] = account.tags(args.get("tags"))
    if settings.needs_provider(mode):
        args["oidc_provider_arn"] = target.provider_arn
    return {**args, "cluster": target.connection, "mode": mode}
