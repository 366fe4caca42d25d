"""Declares workload identity: workloads as `WorkloadIdentity`, add-ons as `Addon` components."""

from __future__ import annotations

from typing import Any, cast

import pulumi

from eks_identity import Addon, AddonArgs, WorkloadIdentity, WorkloadIdentityArgs
from stacks.compose.clusters import Account, ClusterTarget
from stacks.settings import AddonSettings, PodSettings, WorkloadSettings


def declare_workload(key: str, settings: WorkloadSettings, target: ClusterTarget, account: Account) -> WorkloadIdentity:
    """Return a component that grants the service accounts of `settings` access to AWS."""
    args = pod_identity_args(key, settings, account.settings.workload_mode(settings), target, account)
    return WorkloadIdentity(key, cast("WorkloadIdentityArgs", args), target.options)


def declare_addon(key: str, name: str, settings: AddonSettings, target: ClusterTarget, account: Account) -> Addon:
    """Return the add-on `name`, which is created after the nodes of a new cluster."""
    args = pod_identity_args(key, settings, account.settings.addon_mode(name, settings), target, account)
    options = pulumi.ResourceOptions(depends_on=[target.component] if target.component else [])
    return Addon(key, cast("AddonArgs", {**args, "addon_name": name}), options)


def pod_identity_args(
    key: str, settings: PodSettings, mode: str, target: ClusterTarget, account: Account
) -> dict[str, Any]:
    """Return the args of a workload or an add-on, with the environment's role defaults and OIDC provider."""
    args = settings.to_args("keep_irsa", "cluster")
    if mode != "none" and settings.role_arn is None:
        args = account.role_args(key, args)
    elif mode != "irsa":
        # An existing role keeps its own tags. The association and the add-on get the environment's.
        args["tags"] = account.tags(args.get("tags"))
    if settings.needs_oidc_provider(mode):
        args["oidc_provider_arn"] = target.oidc_provider_arn
    return {**args, "cluster": target.connection, "mode": mode}
