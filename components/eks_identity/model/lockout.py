"""Who is locked out by a change: the caller themselves, or everybody, with the last administrator.

Nothing here asks anyone. Each question takes what was found out, so that the same rules hold for an access entry, for a
declaration with many, and for a cluster on its way to another authentication mode.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.arns import Arn, Principal, PrincipalKind
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import Subject, is_one_of
from eks_identity.model.identities import MASTERS


def principal_of(caller_arn: str) -> Principal | None:
    """Who is behind what GetCallerIdentity says; None for a federated user, whom no entry ever matches.

    A role's session does not tell the role's path. Compare with `same_principal`.
    """
    try:
        return Principal.parse(caller_arn)
    except InvalidInput:
        arn = Arn.parse(caller_arn)
    kind, _, rest = arn.resource.partition("/")
    if arn.service != "sts" or kind != PrincipalKind.ASSUMED_ROLE:
        return None
    return Principal(PrincipalKind.ROLE, arn.partition, arn.account, rest.partition("/")[0])


def same_principal(one: Principal, other: Principal) -> bool:
    """Whether they are the same to IAM, where names of users and roles are unique in an account, whatever the path."""
    return (one.kind, one.account, one.name.lower()) == (other.kind, other.account, other.name.lower())


def among(arn: str, arns: Iterable[str]) -> bool:
    """Whether `arn` names one of these principals."""
    who = Principal.parse(arn)
    return any(same_principal(who, Principal.parse(other)) for other in arns)


def without(arns: Iterable[str], taken: Collection[str]) -> list[str]:
    """Those of `arns` that name none of `taken`."""
    return [arn for arn in arns if not among(arn, taken)]


def aws_auth_lets_in(document: AwsAuth, principal: Principal) -> bool:
    """Whether aws-auth, where the cluster reads it, lets this principal in: by name, or with their whole account."""
    return document.lets_in(principal.aws_auth_arn) is not None or principal.account in document.accounts


def aws_auth_administrators(document: AwsAuth, bound: Collection[Subject] = ()) -> list[str]:
    """ARNs that aws-auth makes administrators: those that the authenticator can match, and whose entry counts.

    By the group `system:masters`, or as one of those whom bindings of the cluster make administrators.
    """
    found = []
    for entry in document.entries:
        try:
            principal = Principal.parse(entry.arn)
        except InvalidInput:
            continue
        if (
            (MASTERS in entry.groups or is_one_of(bound, entry.username or "", entry.groups))
            and principal.aws_auth_arn.lower() == entry.arn.lower()
            and document.lets_in(entry.arn) is entry
        ):
            found.append(entry.arn)
    return found


def own_way_in(arn: str, *, named_in: str = "break_glass") -> Problem:
    """What there is to say where the caller would lock themselves out."""
    return Problem(
        "principals",
        "nobody takes their own way into the cluster away: there might be no other administrator to give it back",
        arn,
        f"run this as another administrator, or name the principal in {named_in}; where all of it is removed, bring "
        "that name into the state with `pulumi up` first",
    )


def last_administrator(arn: str) -> Problem:
    """What there is to say where nobody would be left who may do everything."""
    return Problem(
        "administrators",
        "a cluster keeps an administrator: no other access entry has AmazonEKSClusterAdminPolicy for the whole "
        "cluster, no mapping in aws-auth that counts has system:masters, and a binding of ClusterRole cluster-admin "
        "names nobody else who comes in by either",
        arn,
        "let another administrator in first, or name this one in break_glass; where all of it is removed, bring that "
        "name into the state with `pulumi up` first",
    )
