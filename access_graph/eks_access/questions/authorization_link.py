"""The link of the authorization: an access policy or a binding allows the user the request.

Access policies and RBAC add up, and neither can deny. `unauthorized.py` finds the fault if nothing allows the request.
"""

from __future__ import annotations

from eks_access.findings import Link
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.mapped_users import MappedUser
from eks_access.questions.permissions import allowing, policy_name, policy_reaches
from eks_access.questions.unauthorized import Denial
from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.rbac import Request
from eks_identity.model.arns import Principal
from eks_identity.model.identities import NODE_GROUPS

NAME = "authorization"


def authorization_link(graph: AccessGraph, principal: Principal, mapped: MappedUser, request: Request) -> Link:
    """Return whether the user of a principal is allowed a request, and by what."""
    user = mapped.user
    assert user is not None
    try:
        reason = next(allowing(graph, user, request), None)
        if reason is not None:
            return Link.holds(NAME, reason)
        for policy in user.policies:
            if policy_name(policy) not in ACCESS_POLICY_RULES and policy_reaches(policy, request):
                return Link.not_evaluated(NAME, f"AWS does not document the rules of access policy {policy}")
        if not NODE_GROUPS.isdisjoint(user.groups):
            return Link.not_evaluated(NAME, "the node authorizer of the API server decides about nodes")
        if graph.rbac_bindings.gaps is not None:
            return Link.not_evaluated(NAME, f"other bindings may allow it: {graph.rbac_bindings.gaps}")
        return Link.broken(NAME, Denial(graph, principal, user, mapped.entry, request).finding())
    except NotReadError as error:
        return Link.not_evaluated(NAME, str(error))
