"""The option `--permissions`: it prints what a command needs to read, as documents that aws and kubectl apply."""

from __future__ import annotations

import json
from enum import StrEnum

import click
import yaml

from eks_access.sources.live_permissions import EXCHANGE, PARTS, cluster_role, cluster_role_binding, iam_policy


class Permissions(StrEnum):
    """The documents."""

    ALL = "all"
    AWS = "aws"
    KUBERNETES = "kubernetes"


_HAS_EXCHANGE = f"{__name__}.has_exchange"


class ExchangeCommand(click.Command):
    """A command with the option `--exchange`, which needs further permissions wherever it stands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_HAS_EXCHANGE] = "--exchange" in args
        return super().parse_args(ctx, args)


def _print_permissions(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None or context.resilient_parsing:
        return
    parts = PARTS.get(context.info_name or "")
    if parts is not None and context.meta.get(_HAS_EXCHANGE):
        parts = (*parts, *EXCHANGE)
    policy = json.dumps(iam_policy(parts=parts), indent=2)
    manifests = yaml.safe_dump_all([cluster_role(parts=parts), cluster_role_binding()], sort_keys=False)
    if value == Permissions.AWS:
        click.echo(policy)
    elif value == Permissions.KUBERNETES:
        click.echo(manifests, nl=False)
    else:
        command = context.command_path
        click.echo(f"# IAM policy, for aws iam put-user-policy or put-role-policy: {command} --permissions aws")
        click.echo(policy)
        click.echo(f"# ClusterRole: {command} --permissions kubernetes | kubectl apply -f -")
        click.echo(manifests, nl=False)
    context.exit()


permissions_option = click.option(
    "--permissions",
    type=click.Choice([each.value for each in Permissions]),
    is_flag=False,
    flag_value=Permissions.ALL.value,
    is_eager=True,
    expose_value=False,
    callback=_print_permissions,
    help="Print the IAM policy and the ClusterRole that this command needs, and exit. With `aws` or `kubernetes` "
    "only one, to be applied as printed.",
)
