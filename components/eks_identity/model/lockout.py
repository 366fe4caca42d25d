"""Problems of changes that lock out the caller or remove the last administrator.

This module queries neither AWS nor a cluster. `cluster_rights` evaluates the rights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.arns import Arn, Principal, PrincipalKind


@dataclass(frozen=True)
class Caller:
    """The principal of the program's calls to AWS or to the cluster."""

    principal: Principal
    session: str = ""
    """The session's name, if a role is assumed: usernames of aws-auth and access entries may contain it."""

    @classmethod
    def of(cls, caller_arn: str) -> Caller | None:
        """Return the caller of an ARN of GetCallerIdentity; None for a federated user, whom no cluster authenticates.

        The ARN of a role's session does not contain the role's path: compare with `same_principal`.
        """
        try:
            return cls(Principal.parse(caller_arn))
        except InvalidInput:
            arn = Arn.parse(caller_arn)
        kind, _, rest = arn.resource.partition("/")
        if arn.service != "sts" or kind != PrincipalKind.ASSUMED_ROLE:
            return None
        role, _, session = rest.partition("/")
        return cls(Principal(PrincipalKind.ROLE, arn.partition, arn.account, role), session)


def same_principal(one: Principal, other: Principal) -> bool:
    """Return whether two principals are the same. Names of users and roles are unique in an account (IAM)."""
    return (one.kind, one.account, one.name.lower()) == (other.kind, other.account, other.name.lower())


def is_listed(arn: str, arns: Iterable[str]) -> bool:
    """Return whether `arn` names one of these principals, whatever the path."""
    principal = Principal.parse(arn)
    return any(same_principal(principal, Principal.parse(other)) for other in arns)


def exclude(arns: Iterable[str], removed: Collection[str]) -> list[str]:
    """Return the ARNs that name none of the `removed` principals."""
    return [arn for arn in arns if not is_listed(arn, removed)]


def caller_lockout_problem(arn: str, lost: str, *, named_in: str = "allow_lockout_of") -> Problem:
    """Return the problem of a change that removes rights of the caller. `lost` describes them."""
    return Problem(
        "principals",
        f"must keep the caller's rights in the cluster, so that the caller can undo this change: after it, {lost}",
        arn,
        "run this as another administrator; or first grant the principal the same rights by an access entry, an "
        f"aws-auth mapping or a binding that this change keeps; or, if it may lose them, add it to {named_in}"
        f"{_state_note(named_in)}",
    )


def last_administrator_problem(arn: str, *, named_in: str = "allow_lockout_of") -> Problem:
    """Return the problem of a change that removes the cluster's last administrator."""
    return Problem(
        "administrators",
        "must keep an administrator in the cluster: no other principal has the access policy "
        "AmazonEKSClusterAdminPolicy for the whole cluster, the group system:masters in aws-auth, or a "
        "ClusterRoleBinding to a ClusterRole that allows everything",
        arn,
        f"grant another principal one of these first; if the cluster may lose its last administrator, add this one to "
        f"{named_in}{_state_note(named_in)}",
    )


def unreadable_access_problem(arns: Collection[str], reason: str, *, named_in: str = "allow_lockout_of") -> Problem:
    """Return the problem of a change whose remaining access could not be read. `reason` may end with its own fix."""
    reason, _, fix = reason.partition("\n  fix: ")
    return Problem(
        "principals",
        f"must keep the rights of the caller and of the last administrator, and these cannot be read:\n    {reason}",
        sorted(arns),
        f"{fix or 'allow the principal that runs this to read them'}; or add the principals that may lose access to "
        f"{named_in}{_state_note(named_in)}",
    )


def _state_note(named_in: str) -> str:
    if named_in != "allow_lockout_of":
        return ""
    return "; to remove all of this access, run `pulumi up` with that item first, and then remove the access"
