"""In which account an aws provider is at work: asked in previews, where a role would be made in the wrong one."""

import asyncio
from typing import Any

import pulumi

from eks_identity import diagnostics
from eks_identity.declared import kept
from eks_identity.errors import InvalidInput, Problem
from eks_identity.inputs import Inputs, refusing
from eks_identity.model.issuers import Provider

LOOK_UP = "aws:index/getCallerIdentity:getCallerIdentity"


def require_account_of(
    inputs: Inputs, parent: pulumi.ComponentResource, provider_arn: pulumi.Input[str], under: str
) -> pulumi.Output[str]:
    """`provider_arn`; refused in a preview where it is not of the account in which `parent` makes its role.

    IAM takes such a trust policy, and then nobody can assume the role.
    """
    if not pulumi.runtime.is_dry_run():
        return pulumi.Output.from_input(provider_arn)

    async def refuse_another(known: str) -> str:
        expected, account = Provider.parse(known).account, await _account(parent)
        if account not in {None, expected}:
            rule = f"a role trusts providers of its own account (IAM), and the aws provider makes it in {account}"
            fix = (
                f"pass an aws provider of account {expected} in opts.providers, or register the cluster's issuer in "
                f"{account} (OidcProvider) and give that ARN"
            )
            raise InvalidInput([Problem("", rule, known, fix)])
        return known

    return refusing(provider_arn, refuse_another, inputs.subject, under)


async def _account(parent: pulumi.ComponentResource) -> str | None:
    """The account of the aws provider that `parent` hands its children; None where it does not say."""
    asked: dict[Any, asyncio.Future[str | None]] = kept(LOOK_UP, dict)
    provider = parent.get_provider("aws:index:Any")
    if provider not in asked:
        asked[provider] = asyncio.ensure_future(_ask(parent))
    return await asked[provider]


async def _ask(parent: pulumi.ComponentResource) -> str | None:
    try:
        found = await pulumi.runtime.invoke_async(LOOK_UP, {}, pulumi.InvokeOptions(parent=parent))
    except Exception as error:  # noqa: BLE001 - Pulumi raises plain Exception for whatever a plugin says
        diagnostics.debug(f"cannot see which account the aws provider is in: {error}", parent)
        return None
    account: str | None = (found or {}).get("accountId")
    return account
