"""What an IAM principal or the pods of a service account can do in AWS, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError
from eks_access.questions.aws.effective_permissions import (
    EffectivePermissions,
    effective_permissions,
    permissions_in_words,
)
from eks_access.questions.aws.identity_policies import IdentityPolicies
from eks_access.questions.aws.principal_policies import PrincipalPolicies
from eks_access.questions.aws.statements import is_unknown_policy
from eks_access.questions.aws.workload_sessions import WorkloadSessions
from eks_access.questions.permission_words import Permission

_NOT_VISIBLE = "policies of resources, service control policies and resource control policies are not read"


@dataclass(frozen=True)
class AwsPermissions:
    """The permissions of one principal or session in AWS."""

    identity: str = ""
    """The principal, or the role with the path to it; empty without one."""
    allowed: tuple[Permission, ...] = ()
    denied: tuple[Permission, ...] = ()
    notes: tuple[str, ...] = ()


def of_principal(graph: AccessGraph, arn: str) -> AwsPermissions:
    """Return what the policies of an IAM user or role allow; nothing if it does not exist."""
    try:
        if graph.principals.get(arn) is None:
            return AwsPermissions(notes=(f"IAM has no principal {arn}",))
    except NotReadError as error:
        return AwsPermissions(notes=(f"permissions in AWS are not evaluated: {error}",))
    policies = IdentityPolicies(graph).of(arn)
    return _in_words(arn, policies, effective_permissions(policies))


def of_service_account(graph: AccessGraph, namespace: str, name: str) -> AwsPermissions:
    """Return what the sessions of a service account's pods allow; nothing if they get none."""
    sessions = WorkloadSessions(graph)
    session = sessions.find((namespace, name))
    if session is None:
        return AwsPermissions(notes=(*_missing(graph, namespace, name), *map(str, sessions.not_evaluated)))
    conditions = f", if {' and '.join(session.conditions)}" if session.conditions else ""
    identity = f"{session.role_arn} by {' → '.join(session.steps)}{conditions}"
    found = _in_words(identity, sessions.policies_of(session), sessions.effective(session))
    return replace(found, notes=(*found.notes, *(f"not read: {each}" for each in session.not_read)))


def _missing(graph: AccessGraph, namespace: str, name: str) -> Iterator[str]:
    """Yield that a service account does not exist. Bindings may name it nevertheless."""
    try:
        if graph.service_accounts.get((namespace, name)) is None:
            yield f"namespace {namespace} has no service account {name}"
    except NotReadError as error:
        yield f"whether service account {namespace}/{name} exists is not evaluated: {error}"


def _in_words(identity: str, policies: PrincipalPolicies, effective: EffectivePermissions) -> AwsPermissions:
    allowed = permissions_in_words(each for each in effective.allows if not is_unknown_policy(each))
    denied = permissions_in_words(each for each in effective.denies if not is_unknown_policy(each))
    return AwsPermissions(identity, allowed, denied, (*_notes(policies, effective), _NOT_VISIBLE))


def _notes(policies: PrincipalPolicies, effective: EffectivePermissions) -> Iterator[str]:
    if policies.policies.boundary is not None:
        yield f"permissions boundary {policies.policies.boundary.name}: only what it allows too is listed"
    for limit in policies.policies.session:
        yield f"{limit.name}: only what it allows too is listed"
    unclear = (problem for each in effective.policy.statements if is_unknown_policy(each) for problem in each.problems)
    yield from (f"not evaluated, and may allow or deny more: {problem}" for problem in dict.fromkeys(unclear))
