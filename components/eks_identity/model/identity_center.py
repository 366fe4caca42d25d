"""IAM Identity Center's roles: what a permission set becomes in the accounts that it is assigned to.

Each account has one role `AWSReservedSSO_<permission set>_<16 hexadecimal digits>` for it, under a path of its own. The
digits change when the assignment is made anew, so a permission set is named, and its role found.

Source: IAM Identity Center user guide, "Referencing permission sets in resource policies, Amazon EKS cluster config
maps, and AWS KMS key policies".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import names
from eks_identity.model.arns import Principal, PrincipalKind

PATH_PREFIX = "/aws-reserved/sso.amazonaws.com/"
"""What the paths of these roles begin with; outside us-east-1 Identity Center's region follows."""

_NAME = re.compile(r"[\w+=,.@-]{1,32}", re.ASCII)
_ROLE_NAME = re.compile(r"AWSReservedSSO_([\w+=,.@-]{1,32})_[0-9a-f]{16}", re.ASCII)


def permission_set(name: str) -> str:
    """A permission set's name."""
    if not _NAME.fullmatch(names.text(name)):
        rule = "letters, digits and _+=,.@-, at most 32 characters (IAM Identity Center)"
        role = _ROLE_NAME.fullmatch(name.rpartition("/")[2])
        fix = f"write {role[1]}" if role else "write it as Identity Center shows it; a role is given by arn"
        raise InvalidInput([Problem("", rule, name, fix)])
    return name


def permission_set_of(role_name: str) -> str | None:
    """The permission set that a role of this name is made from; None where it is no such role."""
    found = _ROLE_NAME.fullmatch(role_name)
    return found[1] if found else None


def logical_name(principal: Principal) -> str:
    """`Principal.logical_name`; of Identity Center's role its permission set's, whichever digits the role has now."""
    name = permission_set_of(principal.name)
    return principal.logical_name if name is None else f"{principal.account}-permission-set-{name.lower()}"


def role_of(name: str, account: str, arns: Sequence[str]) -> Principal:
    """The role of permission set `name` in `account`, out of the ARNs of the roles below `PATH_PREFIX`.

    Refuses none and several, with those that there are.
    """
    reserved = [principal for principal in map(Principal.parse, arns) if _is_reserved(principal)]
    found = [principal for principal in reserved if permission_set_of(principal.name) == name]
    if len(found) == 1 and found[0].account == account:
        return found[0]
    if not found:
        raise InvalidInput([_none(name, account, reserved)])
    listed = ", ".join(principal.arn for principal in found)
    if len(found) > 1:
        rule = "one role of a permission set in an account (IAM Identity Center)"
        fix = f"give one of these as arn: {listed}; the others are left from assignments that are gone"
        raise InvalidInput([Problem("permission_set", rule, name, fix)])
    rule = f"the aws provider's credentials are for the cluster's account {account}, whose IAM is asked"
    raise InvalidInput([Problem("permission_set", rule, name, f"give the role's arn; asked was {found[0].account}")])


def _is_reserved(principal: Principal) -> bool:
    return principal.kind is PrincipalKind.ROLE and principal.path.startswith(PATH_PREFIX)


def _none(name: str, account: str, reserved: Sequence[Principal]) -> Problem:
    present = sorted(filter(None, (permission_set_of(principal.name) for principal in reserved)))
    near = difflib.get_close_matches(name, present, n=1)
    there = f"there are {', '.join(present)}" if present else "there is none at all"
    rule = f"a permission set that is assigned to account {account}; {there} (IAM roles below {PATH_PREFIX})"
    fix = f"did you mean {near[0]}?" if near else f"assign it to account {account} in Identity Center, or give an arn"
    return Problem("permission_set", rule, name, fix)
