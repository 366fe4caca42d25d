"""Policies that one stack adds to a user, role or group of another stack: both stacks declare its permissions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from eks_access.graph.aws_objects import AddedPolicies, IamGroup, IamPrincipal
from eks_access.questions.drift.declared import Declared
from eks_access.questions.drift.unmanaged import attached_policy_name, inline_policy_name, is_policy_of

Holder = TypeVar("Holder", IamPrincipal, IamGroup)


@dataclass(frozen=True)
class CrossStackPolicies:
    """The policies that a stack adds to a user, role or group of another stack."""

    holder: IamPrincipal | IamGroup
    """As its own stack declares it."""
    declared_in: str
    """The stack of the holder."""
    added: AddedPolicies
    added_in: str
    """The stack of the policies."""
    is_same_account: bool = True
    """Whether the policies are of the holder's account; False if that is not known."""

    def may_declare(self, unmanaged: str) -> bool:
        """Return whether the stack of the policies may declare an object that `UnmanagedAccess` names."""
        arn = self.holder.arn
        if self.added.unknown is not None and is_policy_of(unmanaged, arn):
            return True
        names = [attached_policy_name(policy, arn) for policy in self.added.attached_policies]
        return unmanaged in [*names, *(inline_policy_name(name, arn) for name in self.added.inline_policies)]


def add_cross_stack_policies(declared: Declared, shared: Iterable[CrossStackPolicies]) -> None:
    """Add policies of another stack, each with its user, role or group: a stack declares a part of it, too."""
    for each in shared:
        if each.is_same_account:
            _add(declared, each.holder, each.added)


def _add(declared: Declared, holder: IamPrincipal | IamGroup, added: AddedPolicies) -> None:
    if isinstance(holder, IamGroup):
        declared.groups[added.name] = _with_added(declared.groups.get(added.name, holder), added)
    else:
        declared.principals[holder.arn] = _with_added(declared.principals.get(holder.arn, holder), added)


def _with_added(holder: Holder, added: AddedPolicies) -> Holder:
    """Return a user, role or group that has the added policies, too."""
    return replace(
        holder,
        inline_policies={**holder.inline_policies, **added.inline_policies},
        attached_policies=tuple(dict.fromkeys((*holder.attached_policies, *added.attached_policies))),
    )
