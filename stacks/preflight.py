"""Preflight checks: the AWS account of the credentials, and the clusters that are looked up by name.

The checks call AWS before any resource is declared.
"""

from __future__ import annotations

from collections.abc import Iterable

import pulumi_aws as aws

from eks_identity import Problem
from eks_identity.runtime.inputs import InvalidInputError

LAB_ACCOUNT = "123456789012"
"""The example account of AWS's documentation, which has no owner."""


def check_account(expected: str) -> None:
    """Raise `InvalidInputError` if the credentials belong to another account than `expected`."""
    account = _caller_account()
    if account != expected:
        rule = f"must belong to account {expected}, which the settings of this stack name"
        fix = "select the stack of these credentials, or sign in to that account"
        if LAB_ACCOUNT in {account, expected}:
            fix += '; for the stack of the lab, run: eval "$(python -m lab env)", then `pulumi up -s lab`'
        raise InvalidInputError([Problem("AWS credentials", rule, account, fix)], subject="account")


def check_clusters(names: Iterable[str], region: str) -> None:
    """Raise `InvalidInputError` for all clusters that the credentials cannot describe, with AWS's messages."""
    problems = []
    for name in names:
        try:
            aws.eks.get_cluster(name=name)
        except Exception as error:  # noqa: BLE001 - Pulumi raises a bare Exception when an invoke fails
            rule = f"must be a cluster in {region} that these credentials can describe; AWS: {_aws_message(error)}"
            problems.append(Problem(f"clusters.{name}", rule, name, "run `aws eks list-clusters`, and set its name"))
    if problems:
        raise InvalidInputError(problems, subject="clusters")


def _caller_account() -> str:
    try:
        return aws.get_caller_identity().account_id
    except Exception as error:  # noqa: BLE001 - see `check_clusters`
        rule = f"must be valid; AWS: {_aws_message(error)}"
        fix = 'run `aws sts get-caller-identity` to check them; for the lab, run: eval "$(python -m lab env)"'
        raise InvalidInputError([Problem("AWS credentials", rule, None, fix)], subject="account") from None


def _aws_message(error: Exception) -> str:
    """Return the message of the provider without the prefix that the engine adds."""
    return str(error).rpartition("returned an error: ")[2].strip()
