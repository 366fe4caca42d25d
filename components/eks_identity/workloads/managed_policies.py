"""Whether the policies that AWS manages are there: a misspelt name is refused in the preview, before a role is made.

Asked once for each policy and program, in previews only. Policies of the account itself are left alone: one that is
not there may be made by the same update.
"""

from functools import partial

import pulumi

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.arns import Arn
from eks_identity.model.permissions import suggest_policy_name
from eks_identity.runtime import diagnostics, invoke, query_cache
from eks_identity.runtime.inputs import Inputs, refusing

LOOK_UP = "aws:iam/getPolicy:getPolicy"


def existing(inputs: Inputs, parent: pulumi.ComponentResource, under: str, arn: pulumi.Input[str]) -> pulumi.Input[str]:
    """`arn`; refused in a preview, once it is known, where it is one of AWS's own policies and IAM has none such."""
    if not pulumi.runtime.is_dry_run():
        return arn

    async def refuse_if_absent(known: str) -> str:
        policy = Arn.parse(known)
        if policy.account != "aws" or not await _is_absent(parent, known):
            return known
        name = policy.resource.removeprefix("policy/")
        meant = suggest_policy_name(name)
        fix = f"did you mean {meant}?" if meant and meant != name else "take one of `aws iam list-policies --scope AWS`"
        raise InvalidInput([Problem("", "a policy that there is (IAM)", known, fix)])

    return refusing(arn, refuse_if_absent, inputs.subject, under)


async def _is_absent(parent: pulumi.ComponentResource, arn: str) -> bool:
    return await query_cache.of_program().get_async((LOOK_UP, arn), partial(_ask, parent, arn))


async def _ask(parent: pulumi.ComponentResource, arn: str) -> bool:
    try:
        return await invoke.invoke_or_none(LOOK_UP, {"arn": arn}, parent) is None
    except invoke.InvokeError as error:
        diagnostics.debug(f"cannot see whether there is a policy {arn}: {error}", parent)
        return False
