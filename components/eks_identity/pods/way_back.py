"""The way back from Pod Identity to IRSA: a role trusts EKS for as long as an association gives it to pods.

The engine changes roles before it deletes associations, so pods that start between the two would have no credentials.
EKS is asked where the engine is about to change such a role's trust policy, in previews too, and nowhere else.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pulumi

from eks_identity.clusters.cluster import ClusterConnection
from eks_identity.declared import kept
from eks_identity.eks_api import EksApi
from eks_identity.errors import AwsError, Problem
from eks_identity.inputs import Refused
from eks_identity.model.arns import same_arn
from eks_identity.model.trust import POD_IDENTITY_SERVICE
from eks_identity.own_resource import PACKAGE
from eks_identity.pods.subjects import SubjectArgs, pairs

ROLE = "aws:iam/role:Role"
KEEP_IT = "set keep_pod_identity to True for this update, and take it out in the next one: the association is gone then"


@dataclass(frozen=True)
class WayBack:
    """A role that trusts IRSA alone, and the service accounts that may still have it by an association."""

    who: str
    """The component that declares it, as messages call it."""
    component: pulumi.ComponentResource
    name: str
    """The component's name, and the role's."""
    cluster: ClusterConnection
    subjects: list[SubjectArgs]

    def hooks(self) -> pulumi.ResourceHookBinding:
        """What the engine runs before it changes the role."""
        all_of_them = kept(__name__, lambda: _WaysBack(self.name))
        all_of_them.of[self.name].append(self)
        return pulumi.ResourceHookBinding(before_update=[all_of_them.hook])

    async def is_of(self, urn: str) -> bool:
        """Whether `urn` is that of the role, which has none yet while the engine asks."""
        own: str | None = await self.component.urn.future()
        return own is not None and urn == f"{own.removesuffix(f'::{self.name}')}${ROLE}::{self.name}"

    async def refuse(self, role_arn: str) -> None:
        """Refuses where one of the service accounts has the role by an association."""
        asked = {
            "name": self.cluster["name"],
            "region": self.cluster["region"],
            "profile": pulumi.Config(PACKAGE).get("profile") or pulumi.Config("aws").get("profile"),
        }
        known: list[Any] | None = await pulumi.Output.from_input([asked, pairs(self.subjects)]).future()
        if known is None:
            return  # a cluster that is still to be made has no associations
        try:
            bound = await asyncio.to_thread(_bound, EksApi(**known[0]), known[1], role_arn)
        except AwsError as error:
            pulumi.log.warn(f"cannot see whether pods have {role_arn} by Pod Identity: {error}", self.component)
            return
        if bound:
            rule = (
                f"the role trusts Pod Identity until the association of {', '.join(bound)} is gone, and Pulumi deletes "
                "last: pods that start meanwhile would have no credentials"
            )
            raise Refused([Problem("mode", rule, "irsa", KEEP_IT)], subject=self.who)


class _WaysBack:
    """All of a program's, with one hook: a hook of each one's own would be one more call to the engine each."""

    def __init__(self, name: str) -> None:
        self.of: defaultdict[str, list[WayBack]] = defaultdict(list)
        on_preview_too = pulumi.ResourceHookOptions(on_dry_run=True)
        self.hook = pulumi.ResourceHook(f"{name}-trusts-pod-identity", self._refuse, on_preview_too)

    async def _refuse(self, hook: pulumi.ResourceHookArgs) -> None:
        before, after = (_trust(inputs) for inputs in (hook.old_inputs, hook.new_inputs))
        role_arn = (hook.old_outputs or {}).get("arn")
        if after and isinstance(role_arn, str) and POD_IDENTITY_SERVICE in before and POD_IDENTITY_SERVICE not in after:
            for way_back in self.of[hook.name]:
                if await way_back.is_of(hook.urn):
                    await way_back.refuse(role_arn)


def _bound(api: EksApi, subjects: list[list[str]], role_arn: str) -> list[str]:
    return [
        f"{namespace}/{account}"
        for namespace, account in subjects
        if same_arn(api.pod_identity_role(namespace, account) or "", role_arn)
    ]


def _trust(inputs: Any) -> str:
    """The trust policy; empty where it is not known yet."""
    document = (inputs or {}).get("assumeRolePolicy")
    return document if isinstance(document, str) else ""
