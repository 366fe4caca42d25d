"""Who is locked out by a change: the caller, or everybody, with the last administrator.

Nothing here queries AWS or a cluster. What "may do" means is in `cluster_rights`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.arns import Arn, Principal, PrincipalKind


@dataclass(frozen=True)
class Caller:
    """A principal that this program acts as: towards AWS, or towards the cluster."""

    principal: Principal
    session: str = ""
    """The session's name, if a role is assumed: usernames of aws-auth and access entries may contain it."""

    @classmethod
    def of(cls, caller_arn: str) -> Caller | None:
        """The principal behind an ARN of GetCallerIdentity; None for a federated user, whom no cluster authenticates.

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
    """Whether they are the same to IAM, where names of users and roles are unique in an account, whatever the path."""
    return (one.kind, one.account, one.name.lower()) == (other.kind, other.account, other.name.lower())


def among(arn: str, arns: Iterable[str]) -> bool:
    """Whether `arn` names one of these principals."""
    who = Principal.parse(arn)
    return any(same_principal(who, Principal.parse(other)) for other in arns)


def without(arns: Iterable[str], removed: Collection[str]) -> list[str]:
    """The ARNs that name none of the `removed` principals."""
    return [arn for arn in arns if not among(arn, removed)]


def caller_locked_out(arn: str, lost: str, *, named_in: str = "allow_lockout_of") -> Problem:
    """The problem if a change takes rights from the caller."""
    return Problem(
        "principals",
        f"must keep the caller's rights in the cluster, so that the caller can undo this change: after it, {lost}",
        arn,
        f"run this as another administrator, or give the principal the same rights in another way first; if it may "
        f"lose them, name it in {named_in}{_in_the_state(named_in)}",
    )


def last_administrator(arn: str, *, named_in: str = "allow_lockout_of") -> Problem:
    """The problem if nobody is left who may do everything."""
    return Problem(
        "administrators",
        "must leave an administrator in the cluster: nobody else has the access policy AmazonEKSClusterAdminPolicy "
        "for the whole cluster, the group system:masters in aws-auth, or a ClusterRoleBinding to a ClusterRole that "
        "allows everything",
        arn,
        f"give another principal one of these first; if the cluster may lose its last administrator, name this one in "
        f"{named_in}{_in_the_state(named_in)}",
    )


def not_evaluated(arns: Collection[str], reason: str, *, named_in: str = "allow_lockout_of") -> Problem:
    """The problem if it cannot be seen who would be left."""
    return Problem(
        "principals",
        f"must keep the rights of the caller and of the last administrator, and what they may do cannot be read:\n"
        f"    {reason}",
        sorted(arns),
        f"make that readable for the principal that runs this; or name the principals that may lose access in "
        f"{named_in}{_in_the_state(named_in)}",
    )


def _in_the_state(named_in: str) -> str:
    if named_in != "allow_lockout_of":
        return ""
    return "; if all of this access is removed, run `pulumi up` with that name first, and remove it then"
