"""Keeps an environment in the account that it says it is in: AWS itself is asked, before all else."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi_aws as aws

from eks_identity import Problem
from eks_identity.runtime.inputs import InvalidInputError

LAB_ACCOUNT = "123456789012"
"""The account that AWS's documentation uses for examples, and that belongs to nobody."""


def account_is(expected: str) -> None:
    """Refuses credentials of another account than the settings name."""
    account = _account()
    if account != expected:
        rule = f"credentials of account {expected}, which the settings of this stack name"
        fix = "select the stack that belongs to these credentials, or sign in to that account"
        if LAB_ACCOUNT in {account, expected}:
            fix += '; for the lab\'s own stack: eval "$(python -m lab env)", then `pulumi up -s lab`'
        raise InvalidInputError([Problem("AWS credentials", rule, account, fix)], subject="account")


def clusters_are_there(names: Iterable[str], region: str) -> None:
    """Refuses clusters that AWS does not describe to these credentials, all of them at once and in AWS's words."""
    problems = []
    for name in names:
        try:
            aws.eks.get_cluster(name=name)
        except Exception as error:  # noqa: BLE001 - Pulumi raises no narrower one where an invoke fails
            rule = f"a cluster in {region} that these credentials may describe; AWS: {_reason(error)}"
            problems.append(Problem(f"clusters.{name}", rule, name, "see `aws eks list-clusters`"))
    if problems:
        raise InvalidInputError(problems, subject="clusters")


def _account() -> str:
    try:
        return aws.get_caller_identity().account_id
    except Exception as error:  # noqa: BLE001 - see `clusters_are_there`
        rule = f"credentials that AWS takes; AWS: {_reason(error)}"
        fix = 'see `aws sts get-caller-identity`; for the lab: eval "$(python -m lab env)"'
        raise InvalidInputError([Problem("AWS credentials", rule, None, fix)], subject="account") from None


def _reason(error: Exception) -> str:
    """What the provider said, without the names that the engine puts in front."""
    return str(error).rpartition("returned an error: ")[2].strip()
