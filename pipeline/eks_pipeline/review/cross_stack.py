"""The policies that stacks of a fleet add to users, roles and groups of other stacks.

IAM finds a user, role or group by its name, whatever stack declares it. So a policy counts as added to one of another
stack if kind, name and account are equal. A state that does not have the account of its policies has that of another
one if both are read with the same credentials; else that is not decided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from eks_access.errors import EksAccessError
from eks_access.graph.aws_objects import AddedPolicies, IamGroup, IamPrincipal
from eks_access.questions.drift.cross_stack_policies import CrossStackPolicies
from eks_identity.model.arns import account_of
from eks_pipeline.review.stack_states import StackState

_Key = tuple[str, str]
"""Kind and name of a user, role or group."""


@dataclass(frozen=True)
class CrossStack:
    """The policies of a fleet that are of another stack than their user, role or group."""

    policies: Sequence[CrossStackPolicies] = ()
    unread: Sequence[str] = ()
    """The stacks whose state cannot be read."""

    def of(self, stacks: Collection[str]) -> list[CrossStackPolicies]:
        """Return the policies of all users, roles and groups that one of these stacks declares or adds to."""
        arns = {each.holder.arn for each in self.policies if {each.declared_in, each.added_in} & set(stacks)}
        return [each for each in self.policies if each.holder.arn in arns]

    def names_of(self, stack: str) -> set[str]:
        """Return the names of the users, roles and groups of other stacks that a stack adds policies to."""
        return {each.added.name for each in self.policies if each.added_in == stack and each.is_same_account}


def cross_stack_policies(states: Iterable[StackState]) -> CrossStack:
    """Return the policies of a fleet that are of another stack than their user, role or group."""
    holders: dict[_Key, list[tuple[StackState, IamPrincipal | IamGroup]]] = {}
    added: list[tuple[StackState, AddedPolicies]] = []
    unread: list[str] = []
    for state in states:
        try:
            graph = state.any_graph()
        except EksAccessError:  # the comparison reports it
            unread.append(state.stack)
            continue
        own: list[IamPrincipal | IamGroup] = [*graph.principals.all().values(), *graph.groups.all().values()]
        for holder in own:
            holders.setdefault(_key(holder.arn), []).append((state, holder))
        added += ((state, each) for each in graph.added_policies)
    found = [
        CrossStackPolicies(holder, other.stack, each, state.stack, bool(each.account) or _same_reader(state, other))
        for state, each in added
        for other, holder in holders.get((each.kind, each.name), ())
        if each.account in {"", account_of(holder.arn)}
    ]
    return CrossStack(found, unread)


def _key(arn: str) -> _Key:
    resource = arn.rpartition(":")[2]
    return resource.partition("/")[0], resource.rpartition("/")[2]


def _same_reader(one: StackState, other: StackState) -> bool:
    return (one.environment, one.profile) == (other.environment, other.profile)
