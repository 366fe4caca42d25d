"""The options that select the source of the graph, shared by all commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from eks_access.cli.open_source import LIVE, open_source
from eks_access.cli.permissions import permissions_option
from eks_access.errors import UsageError
from eks_access.findings import Finding
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError

_OPTIONS = (
    click.option(
        "--source",
        metavar="SOURCE",
        default=LIVE,
        show_default=True,
        help="live, state[=STACK], preview[=STACK], or a file: a snapshot, or the JSON of `pulumi stack export` or "
        "`pulumi preview --json --show-sames --show-reads`.",
    ),
    click.option(
        "-C",
        "--cwd",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder of the Pulumi project, for state and preview; by default the current one.",
    ),
    click.option(
        "--cluster", metavar="NAME", help="EKS cluster; by default that of the kubeconfig's context, or of the stack."
    ),
    click.option("--region", metavar="REGION", help="Region of the cluster; by default that of the context."),
    click.option("--context", metavar="NAME", help="Context of the kubeconfig; by default the cluster's or current."),
    click.option(
        "--kubeconfig",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Kubeconfig file; by default $KUBECONFIG or ~/.kube/config.",
    ),
    click.option("--profile", metavar="NAME", help="AWS profile; by default that of the kubeconfig or the shell."),
    click.option(
        "--account",
        "accounts",
        multiple=True,
        metavar="ID=ROLE_OR_PROFILE",
        help="Role to assume, or profile, to read another account. Repeatable.",
    ),
    permissions_option,
)


@dataclass(frozen=True)
class SourceOptions:
    """The values of the options."""

    cluster: str | None = None
    region: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None
    profile: str | None = None
    source: str = LIVE
    cwd: Path | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> AccessGraph:
        """Return the graph of the source; raise `SourceError` if it cannot be read at all."""
        graph = open_source(self.source, self)
        if self.cluster and self.source != LIVE:
            _require_cluster(graph, self.cluster)
        return graph

    def completed(self, finding: Finding) -> Finding:
        """Return a finding whose fix uses the same kubeconfig, context and profiles as this command.

        A role in `--account` is no profile: the finding names the account whose credentials the fix needs.
        """
        fix = finding.fix
        if self.context:
            fix = fix.with_options("kubectl", "--context", self.context)
        if self.kubeconfig:
            fix = fix.with_options("kubectl", "--kubeconfig", str(self.kubeconfig))
        other = self.accounts.get(fix.account, "arn:")
        profile = (None if other.startswith("arn:") else other) if fix.account else self.profile
        if profile:
            fix = fix.with_options("aws", "--profile", profile)
        return replace(finding, fix=fix)


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as `source`."""

    @wraps(command)
    def parsed(accounts: tuple[str, ...], **arguments: Any) -> None:
        names = ("cluster", "region", "context", "kubeconfig", "profile", "source", "cwd")
        values = {name: arguments.pop(name) for name in names}
        command(source=SourceOptions(**values, accounts=_accounts(accounts)), **arguments)

    for option in reversed(_OPTIONS):
        parsed = option(parsed)
    return parsed


def _require_cluster(graph: AccessGraph, name: str) -> None:
    """Raise `UsageError` if a graph, such as that of a snapshot, is of another cluster than `--cluster` names."""
    try:
        found = graph.cluster.get().name
    except NotReadError:
        return
    if found != name:
        raise UsageError(f"--cluster {name!r} must be the cluster of --source: {found}", "omit --cluster")


def _accounts(values: tuple[str, ...]) -> dict[str, str]:
    accounts = {}
    for value in values:
        account, separator, credentials = value.partition("=")
        if not separator or not credentials or not (account.isdecimal() and len(account) == 12):
            message = f"--account {value!r} must be an account id of 12 digits, =, and a role's ARN or a profile"
            raise UsageError(message, "pass --account 111122223333=arn:aws:iam::111122223333:role/reader")
        accounts[account] = credentials
    return accounts
