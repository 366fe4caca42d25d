"""The managed policies of roles: parsed, attached once each, and looked up in IAM at preview.

A misspelt name of an AWS managed policy is rejected before a role is created. IAM is queried once for each policy of a
program, in previews only. Customer managed policies are not looked up: the same update may create them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import pulumi

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import names, permissions
from eks_identity.model.arns import Arn, policy_arn
from eks_identity.model.partitions import AWS, Partition
from eks_identity.model.permissions import suggest_policy_name
from eks_identity.runtime import diagnostics, invoke, query_cache
from eks_identity.runtime.inputs import INVALID, Inputs, parse_output

LOOK_UP = "aws:iam/getPolicy:getPolicy"
_PREFIX = "policy/"


@dataclass(frozen=True)
class ManagedPolicy:
    """A managed policy, by its ARN or by the name of an AWS managed policy."""

    text: str
    """As it is written in the args."""
    arn: Arn | None
    """None for a name: the ARN then depends on the role's partition."""

    @classmethod
    def parse(cls, text: str) -> "ManagedPolicy":
        """Return the policy of an ARN or a name; raise `InvalidInput` for other text."""
        return _parse(names.text(text))

    @classmethod
    def parse_arn(cls, text: str) -> "ManagedPolicy":
        """Return the policy of an ARN; raise `InvalidInput` for other text, names too."""
        return cls(text, Arn.parse(policy_arn(text)))

    @property
    def path_and_name(self) -> str:
        """Path and name, such as `service-role/AmazonEBSCSIDriverPolicy`."""
        return self.text if self.arn is None else self.arn.resource.removeprefix(_PREFIX)

    @property
    def is_aws_managed(self) -> bool:
        """Whether AWS manages the policy, and not an account."""
        return self.arn is None or self.arn.account == "aws"

    @property
    def logical_name(self) -> str:
        """Unique part of the logical names of its Pulumi resources: IAM has one name an account, whatever the path."""
        name = self.path_and_name.rpartition("/")[2]
        return name if self.is_aws_managed else f"{_account(self)}-{name}"

    def arn_in(self, partition: Partition) -> str:
        """Return the ARN for a role of a partition; raise `InvalidInput` if the policy is of another one."""
        if self.arn is not None and self.arn.partition == partition:
            return str(self.arn)
        return permissions.managed_policy(self.text, partition)


@lru_cache(maxsize=256)
def _parse(text: str) -> ManagedPolicy:
    if ":" in text:
        return ManagedPolicy.parse_arn(text)
    permissions.managed_policy(text, AWS)  # a name is valid in every partition or in none
    return ManagedPolicy(text, None)


@dataclass(frozen=True)
class PolicyInput:
    """A managed policy of a role: one of `policies`, or the permissions boundary."""

    under: str
    """The input that names it, such as `policies[0]`."""
    policy: pulumi.Input[ManagedPolicy]
    arn: pulumi.Input[str]
    """ARN in the role's partition."""

    @classmethod
    def of(
        cls, inputs: Inputs, under: str, policy: pulumi.Input[ManagedPolicy], partition: pulumi.Input[Partition]
    ) -> "PolicyInput":
        """Return a parsed policy for a role of a partition; the problem of another partition is added to `inputs`."""
        return cls(under, policy, inputs.parse(under, [policy, partition], _arn_in))

    def existing_arn(self, inputs: Inputs, parent: pulumi.ComponentResource) -> pulumi.Input[str]:
        """Return the ARN; at preview an AWS managed policy that IAM does not have is rejected."""
        is_customer_managed = isinstance(self.policy, ManagedPolicy) and not self.policy.is_aws_managed
        if is_customer_managed or not pulumi.runtime.is_dry_run():
            return self.arn

        async def reject_missing(resolved: Sequence[Any]) -> str:
            policy: ManagedPolicy = resolved[0]
            arn: str = resolved[1]
            if policy.is_aws_managed and await _is_missing(parent, arn):
                raise InvalidInput([_missing(policy, arn)])
            return arn

        return parse_output([self.policy, self.arn], reject_missing, inputs.subject, self.under)


def read_policies(
    inputs: Inputs, policies: Sequence[pulumi.Input[ManagedPolicy]], partition: pulumi.Input[Partition], limit: int
) -> list[PolicyInput]:
    """Return the parsed `policies` with their ARNs; repeated and too many policies are added to the problems."""
    inputs.reject(
        *(
            problem.with_prefix("policies")
            for problem in permissions.managed_policy_quota_problems(len(policies), limit)
        )
    )
    read: list[PolicyInput] = []
    for index, policy in enumerate(policies):
        under = f"policies[{index}]"
        if any(_is_same(policy, other.policy) for other in read):
            text = policy.text if isinstance(policy, ManagedPolicy) else None
            inputs.reject(Problem(under, "must be listed once", text, "remove the repeated policy"))
            policy = INVALID  # noqa: PLW2901 - reported once
        read.append(PolicyInput.of(inputs, under, policy, partition))
    return read


def _is_same(one: object, other: object) -> bool:
    if not isinstance(one, ManagedPolicy) or not isinstance(other, ManagedPolicy):
        return False
    if one.path_and_name.lower() != other.path_and_name.lower():
        return False
    return _account(one) == _account(other)


def _account(policy: ManagedPolicy) -> str:
    return "aws" if policy.arn is None else policy.arn.account


def _arn_in(resolved: Sequence[Any]) -> str:
    policy: ManagedPolicy = resolved[0]
    return policy.arn_in(resolved[1])


def _missing(policy: ManagedPolicy, arn: str) -> Problem:
    name = policy.path_and_name
    similar = suggest_policy_name(name)
    fix = (
        f"did you mean {similar}?"
        if similar and similar != name
        else "pass one that `aws iam list-policies --scope AWS` lists"
    )
    return Problem("", "must be an existing policy (IAM)", arn, fix)


async def _is_missing(parent: pulumi.ComponentResource, arn: str) -> bool:
    cache = query_cache.program_query_cache()
    return await cache.get_async((LOOK_UP, arn), partial(_query, parent, arn))


async def _query(parent: pulumi.ComponentResource, arn: str) -> bool:
    try:
        return await invoke.invoke_or_none(LOOK_UP, {"arn": arn}, parent) is None
    except invoke.InvokeError as error:
        diagnostics.debug(f"cannot verify that policy {arn} exists: {error}", parent)
        return False
