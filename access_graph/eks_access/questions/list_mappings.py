"""The question "who is mapped to the cluster, and which mappings are wrong or useless?"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from eks_access.findings import Finding
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.tables import NotReadError
from eks_access.questions.cluster_mappings import ClusterMappings, matches_a_principal, without_path
from eks_access.questions.mapping_findings import mapping_findings
from eks_identity.model.identity_center import permission_set_of


@dataclass(frozen=True)
class Mapping:
    """The mappings of one principal, and what EKS does with them."""

    arn: str
    """ARN of the principal; of a mapping in aws-auth that matches none, the ARN that it has."""
    effective: str
    """`access entry`, `aws-auth` or `none`."""
    username: str = ""
    groups: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    """Access policies with their scopes."""
    entry: str = ""
    """Username and groups of the access entry, if there is one."""
    aws_auth: str = ""
    """Location, username and groups of the last entry in aws-auth, if there is one."""
    exists: bool | None = None
    """Whether IAM has the principal; None: not evaluated."""
    permission_set: str = ""
    """Permission set of IAM Identity Center, of a role that it made."""
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class MappingList:
    """All mappings of a cluster, and the findings."""

    cluster: str
    """Name of the cluster."""
    mode: str
    """Authentication mode."""
    mappings: tuple[Mapping, ...]
    accounts: tuple[str, ...]
    """Accounts of mapAccounts, whose principals are all mapped, without groups."""
    findings: tuple[Finding, ...]


def list_mappings(graph: AccessGraph, now: datetime | None = None) -> MappingList:
    """Return the mappings. Raises `NotReadError` if the source that the authentication mode needs is not read.

    `now` decides which roles are unused; by default the time of the call.
    """
    mapped = ClusterMappings(graph)
    accounts = tuple(account for account in mapped.aws_auth.document.accounts if account is not None)
    findings = tuple(mapping_findings(mapped, now or datetime.now(UTC)))
    mappings = tuple(_mapping(mapped, arn) for arn in mapped.arns())
    return MappingList(graph.cluster.get().name, mapped.mode, mappings, accounts, findings)


def _mapping(mapped: ClusterMappings, arn: str) -> Mapping:
    entry = mapped.entries.get(arn)
    in_aws_auth = mapped.aws_auth.document.effective_entry(without_path(arn))
    principal = mapped.principal(arn)
    mapping = Mapping(
        arn,
        effective="none",
        entry="" if entry is None else _user(entry.username, entry.groups),
        aws_auth="" if in_aws_auth is None else str(in_aws_auth),
        exists=None if isinstance(principal, NotReadError) else principal is not None,
        permission_set=permission_set_of(arn.rpartition("/")[2]) or "",
        last_used_at=principal.last_used_at if isinstance(principal, IamPrincipal) else None,
    )
    if mapping.exists is False:
        return mapping
    if entry is not None and not mapped.is_dead(entry):
        policies = tuple(map(str, entry.policies))
        return replace(
            mapping, effective="access entry", username=entry.username, groups=entry.groups, policies=policies
        )
    if in_aws_auth is not None and mapped.mode.reads_aws_auth and matches_a_principal(in_aws_auth):
        username = in_aws_auth.username or ""
        return replace(mapping, effective="aws-auth", username=username, groups=in_aws_auth.groups)
    return mapping


def _user(username: str, groups: tuple[str, ...]) -> str:
    return f"username {username!r}, groups {list(groups)}"
