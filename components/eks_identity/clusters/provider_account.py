"""The AWS account of an aws provider, compared with the account that a component's resources belong to.

EKS finds a cluster by its name in the caller's account and region. The region is an argument of every resource; the
account is the provider's alone. So it is compared before a component is registered, in previews and in updates.
STS is asked once for each provider of a program.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime import rpc

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Provider
from eks_identity.model.partitions import partition_of_region
from eks_identity.runtime import diagnostics, invoke
from eks_identity.runtime.credentials import provider_of
from eks_identity.runtime.inputs import Inputs, refusing
from eks_identity.runtime.program_state import per_program

LOOK_UP = "aws:index/getCallerIdentity:getCallerIdentity"
GET_REGION = "aws:index/getRegion:getRegion"

Check = pulumi.Output[None]
"""Resolves once something was found right; a component that depends on it is not registered before."""


@dataclass(frozen=True)
class Caller:
    """The IAM principal that an aws provider calls AWS as."""

    account: str
    arn: str


def after(opts: pulumi.ResourceOptions | None, *checks: Check | None) -> pulumi.ResourceOptions | None:
    """`opts` of a component that is registered after these checks, and its children after it."""
    made = [check for check in checks if check is not None]
    if not made:
        return opts
    waiting = pulumi.ResourceOptions(depends_on=made)  # type: ignore[arg-type]  # it resolves to no resource
    return pulumi.ResourceOptions.merge(opts, waiting)


def in_account_of_cluster(inputs: Inputs, opts: pulumi.ResourceOptions | None, cluster: ClusterConnection) -> Check:
    """Rejects an aws provider of another account than the cluster's."""
    provider, account = provider_of("aws", opts), cluster["account_id"]

    async def require(expected: str) -> None:
        caller = await caller_of(provider) if expected else None
        if caller is not None and caller.account != expected:
            rule = f"must have an aws provider of the cluster's account {expected}: EKS finds no cluster of another one"
            shown = await _shown(provider, caller)
            raise InvalidInput([Problem("opts.providers", rule, shown, _fix(provider, expected))])

    key = ("account", provider, _key(account))
    return once(key, [account, provider], lambda: refusing(account, require, inputs.subject))


def in_account_of_clusters(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, cluster_arns: Sequence[pulumi.Input[Arn]]
) -> Check:
    """Rejects an aws provider of another account than that of each of these clusters."""
    provider = provider_of("aws", opts)

    async def require(arns: list[Arn]) -> None:
        accounts = sorted({arn.account for arn in arns})
        caller = await caller_of(provider) if accounts else None
        if caller is not None and accounts != [caller.account]:
            rule = f"must have an aws provider of the clusters' account {' and '.join(accounts)}: EKS gives a role of "
            rule += "Pod Identity to pods of its own account alone"
            fix = _fix(provider, accounts[0])
            if len(accounts) > 1:
                fix = "declare one role for each account, each with an aws provider of that account in opts.providers"
            raise InvalidInput([Problem("opts.providers", rule, await _shown(provider, caller), fix)])

    return _finished(refusing(cluster_arns, require, inputs.subject))


def in_account_of_oidc_provider(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, oidc_provider: pulumi.Input[Provider], under: str
) -> Check:
    """Rejects an aws provider of another account than the OIDC provider that its role will trust.

    IAM takes such a trust policy, and then nobody can assume the role.
    """
    provider = provider_of("aws", opts)

    async def require(trusted: Provider) -> None:
        expected, caller = trusted.account, await caller_of(provider)
        if caller is not None and caller.account != expected:
            rule = (
                f"must be of account {caller.account}, in which the aws provider creates the role: a role trusts OIDC "
                "providers of its own account alone (IAM)"
            )
            fix = (
                f"pass an aws provider of account {expected} in opts.providers; or register the cluster's issuer in "
                f"account {caller.account} (OidcProvider), and pass that ARN"
            )
            raise InvalidInput([Problem("", rule, trusted.arn, fix)])

    def make() -> pulumi.Output[None]:
        return refusing(oidc_provider, require, inputs.subject, under)

    return once(("oidc", provider, _key(oidc_provider)), [oidc_provider, provider], make)


async def caller_of(provider: pulumi.ProviderResource | None) -> Caller | None:
    """Whom AWS takes the provider for; None where a preview does not know it yet.

    None too where AWS does not answer, which is reported.
    """
    asked: dict[str, asyncio.Future[Caller | None]] = per_program(LOOK_UP, dict)
    urn = "" if provider is None else await provider.urn.future() or ""
    if urn not in asked:
        asked[urn] = asyncio.ensure_future(_ask(provider))
    return await asked[urn]


async def place_of(provider: pulumi.ProviderResource | None) -> Any:
    """An ARN in the account and region that the provider creates resources in; unknown where it does not tell them."""
    caller = await caller_of(provider)
    try:
        region = (await invoke.invoke(GET_REGION, {}, provider)).get("region")
    except invoke.InvokeError:
        return UNKNOWN
    if caller is None or not isinstance(region, str):
        return UNKNOWN
    return Arn(partition_of_region(region), "eks", region, caller.account, "")


def once(key: Hashable, of: object, make: Callable[[], pulumi.Output[None]]) -> Check:
    """The check that this program has under `key`, which identifies `of`; made where it is new."""
    made: dict[Hashable, tuple[object, Check]] = per_program(f"{__name__} checks", dict)
    if key not in made:
        made[key] = of, _finished(make())  # kept with it, an id stays theirs
    return made[key][1]


def _finished(check: pulumi.Output[None]) -> Check:
    """The same without the resources that its values came from: a component that waits for it depends on none."""

    async def finished() -> None:
        await check.future()

    return pulumi.Output.from_input(finished())


def _key(value: pulumi.Input[str] | pulumi.Input[Provider]) -> Hashable:
    return value if isinstance(value, str | Provider) else id(value)


async def _ask(provider: pulumi.ProviderResource | None) -> Caller | None:
    try:
        found = await invoke.invoke(LOOK_UP, {}, provider)
    except invoke.InvokeError as error:
        diagnostics.warn(f"cannot see which account the {await named(provider, 'aws')} is of: {error}")
        return None
    if not found.get("accountId") or rpc.contains_unknowns(found):
        return None
    return Caller(str(found["accountId"]), str(found.get("arn", "")))


async def named(provider: pulumi.ProviderResource | None, package: str) -> str:
    """The provider, as messages call it."""
    if provider is None:
        return f"default {package} provider"
    urn: str | None = await provider.urn.future()  # in the plugin for other languages a provider is no more than that
    return f'{package} provider "{(urn or "").rpartition("::")[2]}"'


async def _shown(provider: pulumi.ProviderResource | None, caller: Caller) -> str:
    return f"{await named(provider, 'aws')}: account {caller.account}, {caller.arn}"


def _fix(provider: pulumi.ProviderResource | None, account: str) -> str:
    fix = f"pass an aws provider of account {account} in opts.providers"
    return (
        fix if provider is not None else f"{fix}, or set aws:profile in the stack's config to a profile of that account"
    )
