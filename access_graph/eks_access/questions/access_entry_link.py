"""The link of the access entry: EKS finds it by the whole ARN, path included, and compares the unique id."""

from __future__ import annotations

from collections.abc import Iterator

from eks_access.catalogue import cluster_access as kinds
from eks_access.findings import Finding, Link
from eks_access.graph import AccessGraph
from eks_access.graph.access_graph import is_of_former_principal
from eks_access.graph.aws_objects import IamPrincipal
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.mapped_users import MappedUser, is_same_identity
from eks_identity.evaluation.cluster_rights import user_by_entry
from eks_identity.model.access_entries import EntryType
from eks_identity.model.arns import Principal
from eks_identity.model.existing_entries import ExistingEntry

NAME = "access entry"


def access_entry_link(graph: AccessGraph, principal: Principal, session: str = "") -> MappedUser:
    """Return the link of the principal's access entry, or of one that was meant for it."""
    try:
        entry = graph.entries.get(principal.arn)
        if entry is None:
            similar = next(_similar_entries(graph, principal), None)
            return MappedUser() if similar is None else MappedUser(_other_arn(graph, principal, similar))
    except NotReadError as error:
        return MappedUser(Link.not_evaluated(NAME, str(error)))
    existing = _existing(graph, principal.arn)
    if existing is not None and is_of_former_principal(entry, existing):
        return MappedUser(_former_principal(graph, entry, existing))
    groups = [group for group in entry.groups if group.startswith("system:")]
    if groups and entry.type == EntryType.STANDARD:
        return MappedUser(_system_groups(graph, entry, groups))
    user = user_by_entry(entry, principal, session)
    return MappedUser(Link.holds(NAME, str(user)), user, entry)


def _existing(graph: AccessGraph, arn: str) -> IamPrincipal | None:
    """Return the principal; None also if it was not read, which the link of the principal says."""
    try:
        return graph.principals.get(arn)
    except NotReadError:
        return None


def _former_principal(graph: AccessGraph, entry: ExistingEntry, existing: IamPrincipal) -> Link:
    says = f"created at {entry.created_at}, before the existing principal ({existing.created_at})"
    should = f"an entry of the existing principal {existing.unique_id}".strip()
    fix = commands.recreate_access_entry(graph.cluster.get(), entry, entry.principal_arn)
    return Link.broken(NAME, Finding(kinds.ENTRY_OF_DELETED_PRINCIPAL, subject(entry), says, should, fix))


def _system_groups(graph: AccessGraph, entry: ExistingEntry, groups: list[str]) -> Link:
    remaining = [group for group in entry.groups if group not in groups]
    fix = commands.update_entry_groups(graph.cluster.get(), entry, remaining)
    says, should = f"groups {list(entry.groups)}", f"groups {remaining}"
    return Link.broken(NAME, Finding(kinds.ENTRY_SYSTEM_GROUP, subject(entry), says, should, fix))


def _similar_entries(graph: AccessGraph, principal: Principal) -> Iterator[ExistingEntry]:
    """Yield entries of the principal's name or permission set. An entry of another existing principal is not one."""
    for arn in graph.entries.keys():  # noqa: SIM118 - a table is no mapping: only the keys are listed
        if is_same_identity(principal, arn) and _existing(graph, arn) is None:
            entry = graph.entries.get(arn)
            if entry is not None:
                yield entry


def _other_arn(graph: AccessGraph, principal: Principal, entry: ExistingEntry) -> Link:
    is_other_path = Principal.parse(entry.principal_arn).name.lower() == principal.name.lower()
    kind = kinds.ENTRY_PATH if is_other_path else kinds.FORMER_PERMISSION_SET_ROLE
    fix = commands.recreate_access_entry(graph.cluster.get(), entry, principal.arn)
    return Link.broken(NAME, Finding(kind, subject(entry), entry.principal_arn, principal.arn, fix))


def subject(entry: ExistingEntry) -> str:
    """Return the name of an access entry in findings."""
    return f"access entry of {entry.principal_arn}"
