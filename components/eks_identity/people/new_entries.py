"""Refuses, in the preview, to make an access entry that is there already: EKS would answer 409, halfway through."""

from collections.abc import Mapping
from typing import Any

import pulumi

from eks_identity.errors import Problem
from eks_identity.inputs import Refused

LOOK_UP = "aws:eks/getAccessEntry:getAccessEntry"
ADOPT_IT = "set adopt to True: it is then taken over as it stands, and changed in place"

_ABSENT = ("couldn't find", "could not find", "not found", "NotFound", "no matching", "empty result", "there is no")


def refuse_existing(name: str, place: str, component: pulumi.Resource) -> pulumi.ResourceHookBinding:
    """A hook for `aws.eks.AccessEntry` below `component`, which `place` names in the refusal."""

    # The engine runs the hook where it is about to create, and nowhere else: not for an entry that is in the stack's
    # state already, nor for one that is imported.
    async def refuse(hook: pulumi.ResourceHookArgs) -> None:
        new = hook.new_inputs or {}
        cluster, principal = new.get("clusterName"), new.get("principalArn")
        if not isinstance(cluster, str) or not isinstance(principal, str) or not principal.startswith("arn:"):
            return
        found = await _find(cluster, principal, component)
        # An entry of another type is the one that a preview would replace.
        if found is not None and (found.get("type") == new.get("type") or not pulumi.runtime.is_dry_run()):
            rule = f"a principal has one access entry in a cluster (EKS), and {cluster} has: {_said(found)}"
            raise Refused([Problem("principals", rule, principal, ADOPT_IT)], subject=place)

    on_preview_too = pulumi.ResourceHookOptions(on_dry_run=True)
    hook = pulumi.ResourceHook(f"{name}-access-entry-is-new", refuse, on_preview_too)
    return pulumi.ResourceHookBinding(before_create=[hook])


async def _find(cluster: str, principal: str, component: pulumi.Resource) -> Mapping[str, Any] | None:
    asked = {"clusterName": cluster, "principalArn": principal}
    try:
        return dict(await pulumi.runtime.invoke_async(LOOK_UP, asked, pulumi.InvokeOptions(parent=component)))
    except Exception as error:  # noqa: BLE001 - Pulumi raises plain Exception for whatever a plugin says
        if not any(word in str(error) for word in _ABSENT):
            pulumi.log.warn(f"cannot see whether {principal} has an access entry in {cluster}: {error}", component)
        return None


def _said(found: Mapping[str, Any]) -> str:
    groups = list(found.get("kubernetesGroups") or [])
    return f"type {found.get('type')}, username {found.get('userName')!r}, groups {groups}"
