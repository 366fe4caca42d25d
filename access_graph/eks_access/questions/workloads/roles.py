"""The link of the role, and the roles that a wrong ARN may have been meant for."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from eks_access.catalogue import workloads as kinds
from eks_access.findings import Finding, Link
from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Document, IamPrincipal
from eks_access.graph.tables import NotReadError
from eks_access.questions import commands
from eks_access.questions.chain import read_or, resolved
from eks_access.questions.workloads import policy_commands, sts_calls
from eks_access.questions.workloads.sts_calls import StsCall
from eks_access.questions.workloads.workload import Identity, Method, Workload, is_role
from eks_identity.model.arns import account_of
from eks_identity.model.trust import ASSUME

ROLE = "role"
_SIMILAR = 0.85

Permission = tuple[tuple[str, ...], str]
"""Actions and a resource."""


def role_name(arn: str) -> str:
    """Return the name of a role without its path."""
    return arn.rpartition("/")[2]


def existing_role(graph: AccessGraph, arn: str) -> IamPrincipal:
    """Return a role; raise `NotReadError` if it does not exist, which the link of the role says."""
    role = graph.principals.get(arn)
    if role is None:
        raise NotReadError(f"IAM role {arn}", "it does not exist")
    return role


def trust_policy(role: IamPrincipal) -> Document:
    """Return the trust policy of a role; raise `NotReadError` if a preview does not know it."""
    return resolved(role.trust_policy, f"trust policy of {role.arn}") or {}


def permission_of(workload: Workload) -> Permission | None:
    """Return the permission that the last role of the chain needs, None if no action is traced."""
    return None if workload.action is None else ((workload.action,), workload.resource or "*")


def first_permission(workload: Workload, identity: Identity) -> Permission | None:
    """Return the permission that the role which the service account names needs: the action, or the next role."""
    actions = tuple(ASSUME if identity.has_session_tags else ASSUME[:1])
    target = identity.association.target_role_arn if identity.association is not None else None
    if isinstance(target, str):
        return (actions, target)
    if workload.next_role_arn is not None:
        return (actions, workload.next_role_arn)
    return permission_of(workload) if target is None else None


def role_link(
    workload: Workload, arn: str, call: Callable[[], StsCall], permission: Permission | None, name: str = ROLE
) -> Link:
    """Return whether IAM has a role of the chain. A new one must trust `call`, and needs `permission`."""
    if workload.graph.principals.get(arn) is not None:
        return Link.holds(name, arn)
    says = f"account {account_of(arn)} has no role {role_name(arn)}"
    trust = {"Version": "2012-10-17", "Statement": [call().new_statement()]}
    fix = policy_commands.create_role(arn, trust)
    if permission is not None:
        fix = commands.together(fix, policy_commands.allow(arn, *permission))
    return Link.broken(name, Finding(kinds.ROLE_MISSING, f"IAM role {arn}", says, "an existing role", fix))


def intended_roles(workload: Workload, arn: str) -> list[str]:
    """Return the ARNs of existing roles that a wrong ARN was probably meant for.

    These are the roles of the same name, else those that trust the service account, else those of a similar name.
    """
    return list(read_or(lambda: _intended_roles(workload, arn), ()))


def _intended_roles(workload: Workload, arn: str) -> list[str]:
    existing = [each for each in workload.graph.principals.all() if is_role(each)]
    name = role_name(arn.strip()).lower()
    if same := [each for each in existing if role_name(each).lower() == name and each != arn]:
        return same
    if trusting := trusting_roles(workload):
        return trusting
    names = {role_name(each).lower(): each for each in existing}
    return [names[close] for close in get_close_matches(name, names, n=1, cutoff=_SIMILAR) if names[close] != arn]


def trusting_roles(workload: Workload) -> list[str]:
    """Return the ARNs of roles whose trust policy names the service account, for IRSA."""

    def trusts(role: IamPrincipal) -> bool:
        identity = Identity(Method.IRSA, role.arn)
        policy = read_or(lambda: trust_policy(role), None)
        if policy is None:
            return False
        call = sts_calls.irsa_call(workload, identity)
        any_subject = sts_calls.irsa_call(workload, identity, subject=sts_calls.ANY_SUBJECT)
        return call.is_allowed(policy) and not any_subject.is_allowed(policy)

    return [arn for arn, role in workload.graph.principals.all().items() if is_role(arn) and trusts(role)]
