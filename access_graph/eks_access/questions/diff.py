"""The question "who gains and who loses access between two graphs?", by meaning: rules are compared, not their text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from eks_access.catalogue import changes as kinds
from eks_access.findings import Finding
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions import commands
from eks_access.questions.aws.aws_changes import aws_changes
from eks_access.questions.changes import Change, System
from eks_access.questions.cluster_mappings import ClusterMappings
from eks_access.questions.cluster_subjects import Subject, SubjectKind, cluster_users, mapped_subjects, subjects
from eks_access.questions.escalations import Escalation, new_escalations
from eks_access.questions.node_entries import node_entries
from eks_access.questions.permission_words import permissions
from eks_identity.evaluation.cluster_rights import ADMINISTRATION, ClusterUser, missing_permissions
from eks_identity.evaluation.rbac import Grant, allows
from eks_identity.model.identities import NODE_GROUPS

Grants = Mapping[Subject, tuple[Grant, ...]]


@dataclass(frozen=True)
class Difference:
    """The difference of two graphs."""

    before: str
    """The source of the first graph in words."""
    after: str
    changes: tuple[Change, ...] = ()
    lockouts: tuple[Finding, ...] = ()
    """The last administrator, or nodes, without access."""
    escalations: tuple[Escalation, ...] = ()
    """Paths to more permissions that the first graph does not have."""
    unchanged: int = 0
    """Number of subjects with equal access."""
    not_evaluated: tuple[NotRead, ...] = ()


def diff(before: AccessGraph, after: AccessGraph, existing_node_roles: Collection[str] = ()) -> Difference:
    """Return who gains and who loses access from one graph to the other.

    Args:
        before: The first graph.
        after: The second graph.
        existing_node_roles: Roles of nodes for which EKS created an access entry in the living cluster, if both graphs
            are of a stack, and it was read.
    """
    found = _Found()
    compare_clusters = partial(_compare_clusters, existing_node_roles=existing_node_roles)
    for compare in (compare_clusters, _compare_aws, _compare_escalations):
        try:
            compare(found, before, after)
        except NotReadError as error:
            found.not_evaluated.append(error.not_read)
    for graph in (before, after):
        found.not_evaluated += graph.not_read()
    return Difference(
        before.source,
        after.source,
        tuple(found.changes),
        tuple(found.lockouts),
        tuple(found.escalations),
        found.unchanged,
        tuple(dict.fromkeys(found.not_evaluated)),
    )


@dataclass
class _Found:
    """A difference in the making."""

    changes: list[Change] = field(default_factory=list)
    lockouts: list[Finding] = field(default_factory=list)
    escalations: list[Escalation] = field(default_factory=list)
    unchanged: int = 0
    not_evaluated: list[NotRead] = field(default_factory=list)


def _compare_clusters(
    found: _Found, before: AccessGraph, after: AccessGraph, existing_node_roles: Collection[str]
) -> None:
    # A stack's state and its preview lack what Kubernetes and EKS create themselves.
    is_partial = any(graph.rbac_bindings.gaps is not None for graph in (before, after))
    old_users, new_users = cluster_users(before), cluster_users(after)
    entries_of_eks = node_entries(after, existing_node_roles)
    for arn in _node_roles(old_users) - new_users.keys():
        if arn in entries_of_eks:
            new_users[arn] = entries_of_eks.user(old_users[arn])
    mapped = mapped_subjects([*old_users.values(), *new_users.values()])
    left_out = mapped | _unknown(before) | _unknown(after)
    old = _without(subjects(before, old_users, skip_system=is_partial), left_out)
    new = _without(subjects(after, new_users, skip_system=is_partial), left_out)
    changes = list(_cluster_changes(old, new))
    found.changes += changes
    found.unchanged += len(old.keys() | new.keys()) - len(changes)
    found.lockouts += _lockouts(after, old, new)
    found.lockouts += _locked_out_nodes(old_users, new_users)


def _compare_aws(found: _Found, before: AccessGraph, after: AccessGraph) -> None:
    in_aws = aws_changes(before, after)
    found.changes += in_aws.changes
    found.unchanged += in_aws.unchanged
    found.not_evaluated += in_aws.not_evaluated


def _compare_escalations(found: _Found, before: AccessGraph, after: AccessGraph) -> None:
    new = new_escalations(before, after)
    found.escalations += new.paths
    found.not_evaluated += (NotRead("escalations", each) for each in new.not_evaluated)


def _unknown(graph: AccessGraph) -> set[Subject]:
    """Return the principals whose mapping the source does not know: a preview knows it after the update."""
    arns = {arn for arn, not_read in graph.entries.exceptions.items() if not_read is not None}
    mappings = ClusterMappings(graph)
    arns |= set(map(mappings.with_path, mappings.aws_auth.unread_arns))
    return {Subject(SubjectKind.PRINCIPAL, arn) for arn in arns}


def _without(grants: Grants, left_out: set[Subject]) -> Grants:
    return {subject: each for subject, each in grants.items() if subject not in left_out}


def _cluster_changes(old: Grants, new: Grants) -> Iterator[Change]:
    for subject in sorted(old.keys() | new.keys(), key=lambda each: (each.kind, each.name)):
        grants, changed = old.get(subject, ()), new.get(subject, ())
        if grants == changed and (subject in old) == (subject in new):
            continue
        gained = permissions(missing_permissions(changed, grants))
        lost = permissions(missing_permissions(grants, changed))
        had, has = subject in old, subject in new
        # A principal that is mapped without permissions can authenticate: that counts as access.
        if gained or lost or had != has:
            yield Change(str(subject), subject.kind, System.KUBERNETES, gained, lost, had_access=had, has_access=has)


def _lockouts(after: AccessGraph, old: Grants, new: Grants) -> Iterator[Finding]:
    """Yield the loss of the last administrator."""
    administrators = {subject.name for subject, grants in old.items() if _is_administrator(subject, grants)}
    if administrators and not any(_is_administrator(subject, grants) for subject, grants in new.items()):
        listed = ", ".join(sorted(administrators))
        fix = commands.advice(
            f"keep the access of one of them, or first make another principal an administrator: {listed}"
        )
        subject = f"cluster {after.cluster.get().name}"
        says, should = f"no administrator; before: {listed}", "at least one administrator"
        yield Finding(kinds.LAST_ADMINISTRATOR, subject, says, should, fix)


def _locked_out_nodes(old: Mapping[str, ClusterUser], new: Mapping[str, ClusterUser]) -> Iterator[Finding]:
    """Yield the loss of the mapping of nodes."""
    lost = _node_roles(old) - _node_roles(new)
    for arn in sorted(lost):
        fix = commands.advice(f"keep the mapping of {arn}, or remove its nodes first")
        yield Finding(kinds.NODES_LOCKED_OUT, arn, "no mapping for nodes", "a mapping with the group system:nodes", fix)


def _is_administrator(subject: Subject, grants: Iterable[Grant]) -> bool:
    is_person = subject.kind is SubjectKind.PRINCIPAL
    return is_person and any(not grant.namespaces and allows(grant.rules, ADMINISTRATION) for grant in grants)


def _node_roles(users: Mapping[str, ClusterUser]) -> set[str]:
    return {arn for arn, user in users.items() if not NODE_GROUPS.isdisjoint(user.groups)}
