"""Roles of IAM Identity Center, which creates a role for each permission set in the accounts that it is assigned to.

The role is called `AWSReservedSSO_<permission set>_<16 hexadecimal digits>`, under a path of its own. The digits change
when the assignment is created again, so programs name the permission set, and the library looks up its role.

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
"""Prefix of the paths of these roles; outside us-east-1 the region of Identity Center follows."""

_NAME = re.compile(r"[\w+=,.@-]{1,32}", re.ASCII)
_ROLE_NAME = re.compile(r"AWSReservedSSO_([\w+=,.@-]{1,32})_[0-9a-f]{16}", re.ASCII)


def permission_set(name: str) -> str:
    """Return the name of a permission set; raise `InvalidInput` for other text."""
    if not _NAME.fullmatch(names.text(name)):
        rule = "must have at most 32 letters, digits and _+=,.@- (IAM Identity Center)"
        role = _ROLE_NAME.fullmatch(name.rpartition("/")[2])
        fix = f"write {role[1]}" if role else "write it as Identity Center shows it; for a role, set arn instead"
        raise names.invalid(rule, name, fix)
    return name


def permission_set_of(role_name: str) -> str | None:
    """Return the permission set of a role's name; None for other roles."""
    match = _ROLE_NAME.fullmatch(role_name)
    return match[1] if match else None


def logical_name(principal: Principal) -> str:
    """Return `Principal.logical_name`, for a role of Identity Center without the digits, which can change."""
    name = permission_set_of(principal.name)
    return principal.logical_name if name is None else f"{principal.account}-permission-set-{name.lower()}"


def role_of(name: str, account: str, arns: Sequence[str]) -> Principal:
    """Return the role of permission set `name` in `account`, one of `arns`, the roles below `PATH_PREFIX`.

    Raises `InvalidInput` for none and for several, with the existing ones.
    """
    reserved = [principal for principal in map(Principal.parse, arns) if _is_reserved(principal)]
    roles = [principal for principal in reserved if permission_set_of(principal.name) == name]
    if len(roles) == 1 and roles[0].account == account:
        return roles[0]
    if not roles:
        raise InvalidInput([_not_assigned(name, account, reserved)])
    listed = ", ".join(principal.arn for principal in roles)
    if len(roles) > 1:
        rule = "must have one role in the account (IAM Identity Center)"
        fix = f"set arn to one of these instead: {listed}; the others remain from deleted assignments"
        raise InvalidInput([Problem("permission_set", rule, name, fix)])
    rule = f"must be looked up in IAM of the cluster's account {account}; the aws provider is for {roles[0].account}"
    fix = f"set arn to the role's ARN instead, or pass an aws provider of account {account} in opts.providers"
    raise InvalidInput([Problem("permission_set", rule, name, fix)])


def _is_reserved(principal: Principal) -> bool:
    return principal.kind is PrincipalKind.ROLE and principal.path.startswith(PATH_PREFIX)


def _not_assigned(name: str, account: str, reserved: Sequence[Principal]) -> Problem:
    assigned = sorted(filter(None, (permission_set_of(principal.name) for principal in reserved)))
    close = difflib.get_close_matches(name, assigned, n=1)
    listed = f"assigned are {', '.join(assigned)}" if assigned else "none is assigned"
    rule = f"must be assigned to account {account}; {listed} (IAM roles below {PATH_PREFIX})"
    fix = f"did you mean {close[0]}?" if close else f"assign it to account {account} in Identity Center, or set arn"
    return Problem("permission_set", rule, name, fix)
