"""Keeps the lab's stack off real accounts, and real stacks out of the lab: AWS itself is asked, before all else."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi_aws as aws

from eks_identity import Problem
from eks_identity.inputs import Refused

LAB_ACCOUNT = "123456789012"
"""The account that AWS's documentation uses for examples, and that belongs to nobody."""


def account_of_the_lab() -> str:
    """The account that the credentials are for; refused unless it is the lab's."""
    account = _account()
    if account != LAB_ACCOUNT:
        _refuse(account, f"the lab's stack is deployed to the lab's account, {LAB_ACCOUNT}, and to no other")
    return account


def account_outside_the_lab() -> str:
    """The account that the credentials are for; refused if it is the lab's."""
    account = _account()
    if account == LAB_ACCOUNT:
        _refuse(account, "only the lab's own stack is deployed to the lab")
    return account


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
        raise Refused(problems, subject="clusters")


def _account() -> str:
    try:
        return aws.get_caller_identity().account_id
    except Exception as error:  # noqa: BLE001 - see `clusters_are_there`
        rule = f"credentials that AWS takes; AWS: {_reason(error)}"
        fix = 'see `aws sts get-caller-identity`; for the lab: eval "$(python -m lab env)"'
        raise Refused([Problem("AWS credentials", rule, None, fix)], subject="account") from None


def _reason(error: Exception) -> str:
    """What the provider said, without the names that the engine puts in front."""
    return str(error).rpartition("returned an error: ")[2].strip()


def _refuse(account: str, rule: str) -> None:
    fix = 'use the lab\'s environment for its stack alone: eval "$(python -m lab env)", then `pulumi up -s lab`'
    raise Refused([Problem("AWS credentials", rule, account, fix)], subject="account")
