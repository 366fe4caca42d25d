"""The question "what differs between the IAM that a state declares and that of the living account?".

It is for stacks that hold only IAM: users, roles, groups, policies and OIDC providers, and name no cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotRead, NotReadError
from eks_access.questions.aws.principal_changes import principal_changes
from eks_access.questions.diff import Difference
from eks_access.questions.drift.cross_stack_policies import CrossStackPolicies, add_cross_stack_policies
from eks_access.questions.drift.declared import Declared, declared_objects
from eks_access.questions.drift.expected_graph import expected_graph
from eks_access.questions.drift.find_drift import Drift
from eks_access.questions.drift.unmanaged import UnmanagedAccess, unmanaged_policies


def find_iam_drift(
    state: AccessGraph,
    live: AccessGraph,
    *,
    ignored: Iterable[str] = (),
    shared: Iterable[CrossStackPolicies] = (),
) -> Drift:
    """Return the drift of the IAM objects of a state from those of a living account.

    Args:
        state: The graph of the state.
        live: The living account.
        ignored: Patterns, as of a shell, of unmanaged policies that are not reported.
        shared: Policies of the principals and groups that this and other stacks declare together.
    """
    declared = declared_objects([state])
    add_cross_stack_policies(declared, shared)
    patterns = tuple(ignored)

    def is_ignored(name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    arns = [*declared.principals, *(group.arn for group in declared.groups.values()), *declared.policies]
    changes = principal_changes(expected_graph(declared, live, is_ignored), live, arns)
    not_evaluated = [*declared.not_evaluated, *changes.not_evaluated, *_providers(declared, live)]
    unmanaged: list[UnmanagedAccess] = []
    try:
        unmanaged += unmanaged_policies(declared, live)
    except NotReadError as error:
        not_evaluated.append(error.not_read)
    found = Difference(
        declared.source,
        live.source,
        tuple(changes.changes),
        unchanged=changes.unchanged,
        not_evaluated=tuple(dict.fromkeys(not_evaluated)),
    )
    restored = None
    if found.changes:
        update = principal_changes(live, expected_graph(declared, live, lambda _: True), arns).changes
        restored = Difference(live.source, declared.source, tuple(update)) if update else None
    return Drift(found, tuple(each for each in unmanaged if not is_ignored(each.object)), restored=restored)


def _providers(declared: Declared, live: AccessGraph) -> Iterator[NotRead]:
    """Yield the OIDC providers that differ: which tokens that concerns is not evaluated."""
    for arn, provider in sorted(declared.oidc_providers.items()):
        try:
            existing = live.oidc_providers.get(arn)
        except NotReadError as error:
            yield error.not_read
            continue
        if existing is None:
            yield NotRead(f"IAM OIDC provider {arn}", "it does not exist, so no token of it is accepted")
        elif set(existing.audiences) != set(provider.audiences):
            old, new = (", ".join(sorted(each.audiences)) or "none" for each in (provider, existing))
            yield NotRead(f"IAM OIDC provider {arn}", f"audiences {old} in the state, {new} in the account")
