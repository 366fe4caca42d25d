"""Check that the aws provider in a component's options is of the account of the component's cluster.

EKS looks up a cluster by its name in the caller's account and region. The region is an argument of every resource; the
account depends on the provider only. So it is checked before a component is registered, in previews and in updates.
STS is queried once for each provider of a program.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
from pulumi.output import UNKNOWN
from pulumi.runtime import rpc

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Provider
from eks_identity.model.partitions import partition_of_region
from eks_identity.runtime import diagnostics, invoke, query_cache
from eks_identity.runtime.credentials import find_provider
from eks_identity.runtime.inputs import Inputs, parse_output
from eks_identity.runtime.program_state import per_program

LOOK_UP = "aws:index/getCallerIdentity:getCallerIdentity"
GET_REGION = "aws:index/getRegion:getRegion"

Check = pulumi.Output[None]
"""Resolves when a check has passed. A component that depends on it is registered after that."""


@dataclass(frozen=True)
class Caller:
    """The IAM principal of an aws provider's credentials."""

    account: str
    arn: str


def depend_on_checks(opts: pulumi.ResourceOptions | None, *checks: Check | None) -> pulumi.ResourceOptions | None:
    """Return options of a component that is registered after these checks, and its children after it."""
    dependencies = [check for check in checks if check is not None]
    if not dependencies:
        return opts
    more = pulumi.ResourceOptions(depends_on=dependencies)  # type: ignore[arg-type]  # they resolve to no resource
    return pulumi.ResourceOptions.merge(opts, more)


def check_account_of_cluster(inputs: Inputs, opts: pulumi.ResourceOptions | None, cluster: ClusterConnection) -> Check:
    """Return the check that rejects an aws provider of another account than the cluster's."""
    provider, account = find_provider("aws", opts), cluster["account_id"]

    async def require(expected: str) -> None:
        caller = await get_caller(provider) if expected else None
        if caller is not None and caller.account != expected:
            rule = f"must have an aws provider of the cluster's account {expected}: EKS finds no cluster of another one"
            shown = await _described(provider, caller)
            raise InvalidInput([Problem("opts.providers", rule, shown, _fix(provider, expected))])

    key = ("account", provider, _key(account))
    return start_once(key, [account, provider], lambda: parse_output(account, require, inputs.subject))


def check_account_of_clusters(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, cluster_arns: Sequence[pulumi.Input[Arn]]
) -> Check:
    """Return the check that rejects an aws provider of another account than that of each of these clusters."""
    provider = find_provider("aws", opts)

    async def require(arns: list[Arn]) -> None:
        accounts = sorted({arn.account for arn in arns})
        caller = await get_caller(provider) if accounts else None
        if caller is not None and accounts != [caller.account]:
            rule = f"must have an aws provider of the clusters' account {' and '.join(accounts)}: EKS gives a role of "
            rule += "Pod Identity only to pods of the role's account"
            fix = _fix(provider, accounts[0])
            if len(accounts) > 1:
                fix = "declare one role for each account, each with an aws provider of that account in opts.providers"
            raise InvalidInput([Problem("opts.providers", rule, await _described(provider, caller), fix)])

    return _without_dependencies(parse_output(cluster_arns, require, inputs.subject))


def check_account_of_oidc_provider(
    inputs: Inputs, opts: pulumi.ResourceOptions | None, oidc_provider: pulumi.Input[Provider], under: str
) -> Check:
    """Return the check that rejects an aws provider of another account than the OIDC provider that its role trusts.

    IAM accepts such a trust policy, and then no pod can assume the role.
    """
    provider = find_provider("aws", opts)

    async def require(trusted: Provider) -> None:
        expected, caller = trusted.account, await get_caller(provider)
        if caller is not None and caller.account != expected:
            rule = (
                f"must be of account {caller.account}, in which the aws provider creates the role: a role trusts OIDC "
                "providers of its own account only (IAM)"
            )
            fix = (
                f"pass an aws provider of account {expected} in opts.providers; or register the cluster's issuer in "
                f"account {caller.account} (OidcProvider), and pass that ARN"
            )
            raise InvalidInput([Problem("", rule, trusted.arn, fix)])

    def check() -> pulumi.Output[None]:
        return parse_output(oidc_provider, require, inputs.subject, under)

    return start_once(("oidc", provider, _key(oidc_provider)), [oidc_provider, provider], check)


async def get_caller(provider: pulumi.ProviderResource | None) -> Caller | None:
    """Return the provider's caller identity; None if it is unknown in this preview, or AWS returns an error.

    The error is reported.
    """
    cache = query_cache.program_query_cache()
    urn = "" if provider is None else await provider.urn.future() or ""
    return await cache.get_async((LOOK_UP, urn), partial(_query_caller, provider))


async def get_account_and_region(provider: pulumi.ProviderResource | None) -> Any:
    """Return an ARN in the account and region in which the provider creates resources; unknown if it has none."""
    caller = await get_caller(provider)
    try:
        region = (await invoke.invoke(GET_REGION, {}, provider)).get("region")
    except invoke.InvokeError:
        return UNKNOWN
    if caller is None or not isinstance(region, str):
        return UNKNOWN
    return Arn(partition_of_region(region), "eks", region, caller.account, "")


def start_once(key: Hashable, of: object, check: Callable[[], pulumi.Output[None]]) -> Check:
    """Return the program's check for `key`, and start it at the first call. `key` identifies `of`, by ids in part."""
    checks: dict[Hashable, tuple[object, Check]] = per_program(f"{__name__} checks", dict)
    if key not in checks:
        checks[key] = of, _without_dependencies(check())  # the reference to `of` keeps its id from being used again
    return checks[key][1]


def _without_dependencies(check: pulumi.Output[None]) -> Check:
    """Return a check that depends on no resource, so that a component that waits for it depends on none."""

    async def wait() -> None:
        await check.future()

    return pulumi.Output.from_input(wait())


def _key(value: pulumi.Input[str] | pulumi.Input[Provider]) -> Hashable:
    return value if isinstance(value, str | Provider) else id(value)


async def _query_caller(provider: pulumi.ProviderResource | None) -> Caller | None:
    try:
        identity = await invoke.invoke(LOOK_UP, {}, provider)
    except invoke.InvokeError as error:
        diagnostics.warn(f"cannot get the account of the {await describe_provider(provider, 'aws')}: {error}")
        return None
    if not identity.get("accountId") or rpc.contains_unknowns(identity):
        return None
    return Caller(str(identity["accountId"]), str(identity.get("arn", "")))


async def describe_provider(provider: pulumi.ProviderResource | None, package: str) -> str:
    """Return the provider's name in messages."""
    if provider is None:
        return f"default {package} provider"
    urn: str | None = await provider.urn.future()  # in the plugin for other languages a provider has nothing else
    return f'{package} provider "{(urn or "").rpartition("::")[2]}"'


async def _described(provider: pulumi.ProviderResource | None, caller: Caller) -> str:
    return f"{await describe_provider(provider, 'aws')}: account {caller.account}, {caller.arn}"


def _fix(provider: pulumi.ProviderResource | None, account: str) -> str:
    fix = f"pass an aws provider of account {account} in opts.providers"
    return (
        fix if provider is not None else f"{fix}, or set aws:profile in the stack's config to a profile of that account"
    )
