"""Validation of the IAM roles in EKS requests: the role exists, and its trust policy names the service principal.

EKS reads the trust policy without its conditions. STS evaluates the policy with all conditions when a service assumes
the role.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.iam.models import iam_backends

from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.eks.errors import InvalidParameterException

ROLE_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/(?P<path>(?:[\x21-\x7e]+/)?)(?P<name>[\w+=,.@-]{1,64})",
    re.ASCII,
)


@dataclass(frozen=True)
class Role:
    """An IAM role with its ARN (path included) and its trust policy."""

    arn: str
    account: str
    name: str
    trust: dict[str, Any]

    def trusts(self, service: str, actions: Iterable[str] = ("sts:AssumeRole",)) -> bool:
        """Return whether the statements that allow `service` include all of `actions`."""
        allowed_actions = [
            action.lower()
            for statement in _as_list(self.trust.get("Statement"))
            if statement.get("Effect") == "Allow" and service in _services(statement)
            for action in _as_list(statement.get("Action"))
        ]
        return all(any(_matches(pattern, action.lower()) for pattern in allowed_actions) for action in actions)


def find(arn: str) -> Role | None:
    """Return the role with this ARN, path included, or None."""
    match = ROLE_ARN.fullmatch(arn)
    if match is None:
        return None
    try:
        role = iam_backends[match["account"]][match["partition"]].get_role_by_arn(arn)
    except (ServiceException, KeyError):
        return None
    return Role(arn, match["account"], match["name"], json.loads(role.assume_role_policy_document))


def check_account(arn: str, account: str) -> None:
    """Reject text that is not a role's ARN, and a role of another account, which no principal can pass to EKS.

    Raises:
        InvalidParameterException: the ARN is not valid.
        AwsErrorResponse: the role is of another account than the cluster's.
    """
    match = ROLE_ARN.fullmatch(arn)
    if match is None:
        raise InvalidParameterException(f"The role ARN is not valid: {arn}")
    if match["account"] != account:
        raise AwsErrorResponse("rest-json", "AccessDeniedException", "Cross-account pass role is not allowed.")


def require_own(arn: str, account: str) -> Role:
    """Return the role with this ARN, which must exist in the cluster's account."""
    check_account(arn, account)
    role = find(arn)
    if role is None:
        raise InvalidParameterException(f"The role with name {arn.rpartition('/')[2]} cannot be found.")
    return role


def _matches(pattern: str, action: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), action) is not None


def _services(statement: dict[str, Any]) -> list[str]:
    principal = statement.get("Principal")
    return _as_list(principal.get("Service")) if isinstance(principal, dict) else []


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
