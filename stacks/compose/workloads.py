"""Workloads and add-ons of the settings as `WorkloadIdentity` and `Addon`."""

from __future__ import annotations

from typing import cast

import pulumi

import eks_identity as eks
from stacks.compose.clusters import Target
from stacks.compose.iam import Account
from stacks.compose.pods import identity
from stacks.settings import AddonSettings, WorkloadSettings


def workload(key: str, settings: WorkloadSettings, target: Target, account: Account) -> eks.WorkloadIdentity:
    """What the service accounts of `settings` may do in AWS."""
    args = identity(key, settings, account.settings.mode_of(settings), target, account)
    return eks.WorkloadIdentity(key, cast("eks.WorkloadIdentityArgs", args), target.options)


def addon(key: str, name: str, settings: AddonSettings, target: Target, account: Account) -> eks.Addon:
    """The add-on `name`, after the nodes that it runs on."""
    args = identity(key, settings, account.settings.mode_of_addon(name, settings), target, account)
    after = pulumi.ResourceOptions(depends_on=[target.made] if target.made else [])
    return eks.Addon(key, cast("eks.AddonArgs", {**args, "addon_name": name}), after)
