"""Keeps the lab's stack off real accounts, and real stacks out of the lab: AWS itself is asked, before all else."""

from __future__ import annotations

import pulumi_aws as aws

from eks_identity import Problem
from eks_identity.inputs import Refused

LAB_ACCOUNT = "123456789012"
"""The account that AWS's documentation uses for examples, and that belongs to nobody."""


def account_of_the_lab() -> str:
    """The account that the credentials are for; refused unless it is the lab's."""
    account = aws.get_caller_identity().account_id
    if account != LAB_ACCOUNT:
        _refuse(account, f"the lab's stack is deployed to the lab's account, {LAB_ACCOUNT}, and to no other")
    return account


def account_outside_the_lab() -> str:
    """The account that the credentials are for; refused if it is the lab's."""
    account = aws.get_caller_identity().account_id
    if account == LAB_ACCOUNT:
        _refuse(account, "only the lab's own stack is deployed to the lab")
    return account


def _refuse(account: str, rule: str) -> None:
    fix = 'use the lab\'s environment for its stack alone: eval "$(python -m lab env)", then `pulumi up -s lab`'
    raise Refused([Problem("AWS credentials", rule, account, fix)], subject="account")
