"""The one change that takes a permission away: of a role, a binding, an access entry or an IAM policy."""

from __future__ import annotations

from eks_access.questions.escalation.cluster_cuts import RemovedAccessPolicy, binding_change
from eks_access.questions.escalation.context import Context
from eks_access.questions.escalation.graph_changes import Change
from eks_access.questions.escalation.permissions import (
    BindingOrigin,
    Permission,
    PolicyOrigin,
    StatementOrigin,
    TrustOrigin,
)
from eks_access.questions.escalation.policy_cuts import DeniedAction, statement_change


def change_for(context: Context, permission: Permission) -> Change | None:
    """Return the smallest change that takes a permission away; None if no change of one object does."""
    origin = permission.origin
    if isinstance(origin, BindingOrigin):
        return binding_change(context.graph, origin)
    if isinstance(origin, PolicyOrigin):
        return RemovedAccessPolicy(origin.principal_arn, origin.policy)
    if isinstance(origin, StatementOrigin):
        return statement_change(origin)
    if isinstance(origin, TrustOrigin):
        # A Deny wins over the trust policy, and changes nothing for other principals that it names.
        return DeniedAction(origin.principal_arn, "sts:AssumeRole", origin.role_arn)
    return None
