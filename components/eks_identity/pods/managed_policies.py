"""Whether the policies that AWS manages are there: a misspelt name is refused in the preview, before a role is made.

Asked once for each policy and program, in previews only. Policies of the account itself are left alone: one that is
not there may be made by the same update.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import pulumi

from eks_identity.declared import kept
from eks_identity.errors import Problem
from eks_identity.inputs import Inputs, Refused
from eks_identity.model.arns import Arn
from eks_identity.model.managed_names import near

LOOK_UP = "aws:iam/getPolicy:getPolicy"
_ABSENT = ("NoSuchEntity", "couldn't find", "could not find", "not found", "no matching", "there is no Policy")


def existing(inputs: Inputs, parent: pulumi.ComponentResource, under: str, arn: pulumi.Input[str]) -> pulumi.Input[str]:
    """`arn`; refused in a preview, once it is known, where it is one of AWS's own policies and IAM has none such."""
    if not pulumi.runtime.is_dry_run():
        return arn

    async def refuse_if_absent(known: str) -> str:
        policy = Arn.parse(known)
        if policy.account != "aws" or not await _is_absent(parent, known):
            return known
        name = policy.resource.removeprefix("policy/")
        meant = near(name)
        fix = f"did you mean {meant}?" if meant and meant != name else "take one of `aws iam list-policies --scope AWS`"
        raise Refused([Problem(under, "a policy that there is (IAM)", name, fix)], subject=inputs.subject)

    checked: pulumi.Output[str] = pulumi.Output.from_input(arn).apply(refuse_if_absent)
    return checked


async def _is_absent(parent: pulumi.ComponentResource, arn: str) -> bool:
    asked: dict[str, asyncio.Future[bool]] = kept(LOOK_UP, dict)
    if arn not in asked:
        asked[arn] = asyncio.ensure_future(_ask(parent, arn))
    return await asked[arn]


async def _ask(parent: pulumi.ComponentResource, arn: str) -> bool:
    try:
        found: Mapping[str, Any] | None = await pulumi.runtime.invoke_async(
            LOOK_UP, {"arn": arn}, pulumi.InvokeOptions(parent=parent)
        )
    except Exception as error:  # noqa: BLE001 - Pulumi raises plain Exception for whatever a plugin says
        if any(word in str(error) for word in _ABSENT):
            return True
        pulumi.log.debug(f"cannot see whether there is a policy {arn}: {error}", parent)
        return False
    return found is None
