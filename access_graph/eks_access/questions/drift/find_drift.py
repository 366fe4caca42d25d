"""The question "what differs between the access that states declare and the access to the living cluster?"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from eks_access.findings import Finding
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.aws.principal_changes import principal_changes
from eks_access.questions.chain import read_or
from eks_access.questions.diff import Difference, diff
from eks_access.questions.drift.cross_stack_policies import CrossStackPolicies, add_cross_stack_policies
from eks_access.questions.drift.declared import Declared, declared_objects
from eks_access.questions.drift.expected_graph import expected_graph
from eks_access.questions.drift.unmanaged import UnmanagedAccess, unmanaged_access
from eks_access.questions.mapping_findings import expired_findings
from eks_identity.model.annotations import ROLE_ARN


@dataclass(frozen=True)
class Drift:
    """The drift of one cluster."""

    difference: Difference
    """From the access that the states declare to the living one, without access that `ignored` names."""
    unmanaged: tuple[UnmanagedAccess, ...] = ()
    expired: tuple[Finding, ...] = ()
    """Access entries after their last day."""
    restored: Difference | None = None
    """What an update changes that brings the declared access back; None if it changes no access."""


def find_drift(
    states: Iterable[AccessGraph],
    live: AccessGraph,
    *,
    today: date,
    ignored: Iterable[str] = (),
    shared: Iterable[CrossStackPolicies] = (),
) -> Drift:
    """Return the drift of a cluster from the states of the stacks that declare its access.

    Args:
        states: The graphs of the states, all of this cluster.
        live: The living cluster.
        today: Access that expired before this day is reported.
        ignored: Patterns, as of a shell, of unmanaged objects that are not reported.
        shared: Policies of the principals and groups that these and other stacks declare together.
    """
    declared = declared_objects(states)
    add_cross_stack_policies(declared, shared)
    patterns = tuple(ignored)

    def is_ignored(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    not_evaluated = list(declared.not_evaluated)
    unmanaged = unmanaged_access(declared, live, not_evaluated)
    expected = expected_graph(declared, live, is_ignored)
    difference = _with_principals(diff(expected, live), expected, live, declared)
    not_evaluated += difference.not_evaluated
    restored = None
    if difference.changes:
        updated = expected_graph(declared, live, lambda _: True)
        restored = _with_principals(diff(live, updated), live, updated, declared)
    return Drift(
        replace(difference, not_evaluated=tuple(dict.fromkeys(not_evaluated))),
        tuple(each for each in unmanaged if not is_ignored(each.object)),
        tuple(_expired(live, today)),
        restored if restored and restored.changes else None,
    )


def _with_principals(difference: Difference, before: AccessGraph, after: AccessGraph, declared: Declared) -> Difference:
    """Return the difference with the changes of declared IAM principals that differ.

    Of AWS, `diff` compares service accounts, and the trust policies of roles that trust workloads.
    """
    roles = set(_workload_roles(before, after))
    differing = [arn for arn in declared.principals if arn not in roles and _differs(arn, before, after)]
    found = principal_changes(before, after, differing)
    compared = {change.subject for change in difference.changes if change.trusts or change.no_longer_trusts}
    more = (each for each in found.changes if each.subject not in compared or each.gained or each.lost)
    return replace(
        difference,
        changes=(*difference.changes, *more),
        not_evaluated=(*difference.not_evaluated, *found.not_evaluated),
    )


def _workload_roles(*graphs: AccessGraph) -> Iterator[str]:
    """Yield the roles of service accounts."""
    for graph in graphs:
        for association in read_or(graph.associations.all, {}).values():
            yield from (arn for arn in (association.role_arn, association.target_role_arn) if isinstance(arn, str))
        for account in read_or(graph.service_accounts.all, {}).values():
            if isinstance(arn := account.annotations.get(ROLE_ARN), str):
                yield arn


def _differs(arn: str, before: AccessGraph, after: AccessGraph) -> bool:
    """Return whether a principal differs; False if it was not read, which the graphs note."""
    return read_or(lambda: before.principals.get(arn) != after.principals.get(arn), default=False)


def _expired(live: AccessGraph, today: date) -> Iterator[Finding]:
    try:
        entries = live.entries.all()
    except NotReadError:
        return  # the difference has the reason
    for _, entry in sorted(entries.items()):
        yield from expired_findings(live, entry, today)
