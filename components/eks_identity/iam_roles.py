"""The IAM role that pods take on: its name, its limits and its permissions, whichever way it is bound to them.

A role, its attachments and its inline policies are registered straight below the component that declares them, with no
layer of their own: every registered resource makes each step of an update slower.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict, TypeVar

import pulumi
import pulumi_aws as aws

from eks_identity.inputs import Inputs, short
from eks_identity.model import arns, limits, names, permissions
from eks_identity.model.partitions import AWS, Partition

TRUST_POLICY = {False: limits.TRUST_POLICY, True: limits.TRUST_POLICY_RAISED}
MANAGED_POLICIES = {False: limits.MANAGED_POLICIES_OF_A_ROLE, True: limits.MANAGED_POLICIES_RAISED}
"""By `raised_quotas`."""

V = TypeVar("V")
T = TypeVar("T")


class RoleSettings(TypedDict):
    """What is said of an IAM role besides who may take it on."""

    role_name: NotRequired[pulumi.Input[str]]
    """The role's name in IAM, at most 64 characters; else the component's name and a suffix of Pulumi's."""
    path: NotRequired[pulumi.Input[str]]
    """`/` or `/team/`."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """The ARN of the managed policy that bounds what the role may ever do."""
    max_session_duration: NotRequired[pulumi.Input[int]]
    """Seconds, 3,600 (also the default) to 43,200."""
    description: NotRequired[pulumi.Input[str]]
    policies: NotRequired[list[pulumi.Input[str]]]
    """Managed policies: ARNs, or names of AWS's own such as `AmazonS3ReadOnlyAccess`. At most 10, 20 where raised."""
    raised_quotas: NotRequired[bool]
    """IAM raised this account's quotas: trust policies of up to 4,096 characters, and 20 managed policies a role."""
    inline_policies: NotRequired[dict[str, pulumi.Input[str]]]
    """Policy documents in JSON, by the name each gets. At most 10,240 characters together."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the role."""


@dataclass(frozen=True)
class RolePlan:
    """A role whose inputs were checked, to be made once its component is registered."""

    role_name: pulumi.Output[str] | None
    path: pulumi.Output[str] | None
    permissions_boundary: pulumi.Output[str] | None
    max_session_duration: pulumi.Output[int] | None
    policies: dict[str, pulumi.Output[str]]
    inline_policies: dict[str, pulumi.Output[str]]

    @classmethod
    def of(cls, inputs: Inputs, name: str, settings: RoleSettings, partition: pulumi.Output[Partition]) -> "RolePlan":
        """Checks `settings`; a plain value's problems go to `inputs`."""
        if "role_name" not in settings:
            inputs.problems.take("name", names.auto_named_role, name)
        attached = settings.get("policies", [])
        inline = settings.get("inline_policies", {})
        plain = {key: document for key, document in inline.items() if isinstance(document, str)}
        inputs.problems.take("inline_policies", permissions.inline_policies, plain)
        tags = settings.get("tags", {})
        if len(tags) > limits.TAGS:
            rule = f"at most {limits.TAGS} tags (IAM)"
            inputs.problems.add("tags", rule, f"{len(tags)} tags", "take some out")
        return cls(
            _taken(inputs, settings.get("role_name"), "role_name", names.role_name),
            _taken(inputs, settings.get("path"), "path", names.iam_path),
            _taken(inputs, settings.get("permissions_boundary"), "permissions_boundary", arns.policy_arn),
            _taken(inputs, settings.get("max_session_duration"), "max_session_duration", names.session_seconds),
            _policies(inputs, attached, partition, MANAGED_POLICIES[settings.get("raised_quotas", False)]),
            {
                key: inputs.later(document, permissions.inline_policy, f"inline_policies.{key}")
                for key, document in inline.items()
                if not inputs.problems.found
            },
        )

    def make(
        self, parent: pulumi.ComponentResource, name: str, settings: RoleSettings, trust: pulumi.Output[str]
    ) -> aws.iam.Role:
        """Registers role, attachments and inline policies below `parent`."""
        child = pulumi.ResourceOptions(parent=parent)
        role = aws.iam.Role(
            name,
            name=self.role_name,
            path=self.path,
            assume_role_policy=trust,
            permissions_boundary=self.permissions_boundary,
            max_session_duration=self.max_session_duration,
            description=settings.get("description"),
            tags=settings.get("tags"),
            opts=child,
        )
        for label, arn in self.policies.items():
            aws.iam.RolePolicyAttachment(f"{name}-{label}", role=role.name, policy_arn=arn, opts=child)
        for key, document in self.inline_policies.items():
            aws.iam.RolePolicy(f"{name}-{key}", name=key, role=role.name, policy=document, opts=child)
        return role


def _taken(
    inputs: Inputs, value: pulumi.Input[V] | None, under: str, parse: Callable[[V], T]
) -> pulumi.Output[T] | None:
    return None if value is None else inputs.take(under, value, parse)


def _policies(
    inputs: Inputs, given: Sequence[pulumi.Input[str]], partition: pulumi.Output[Partition], limit: int
) -> dict[str, pulumi.Output[str]]:
    """The ARNs of the policies, by a word for each in resource names."""
    inputs.require(*(problem.under("policies") for problem in permissions.too_many_policies(len(given), limit)))
    plain = [text for text in given if isinstance(text, str)]
    for index, text in enumerate(given):
        if isinstance(text, str):
            # The partition may come later; that the text is a policy's name or ARN can be said now.
            own = arns.Arn.parse(text).partition if text.startswith("arn:") and text.count(":") >= 5 else AWS
            inputs.problems.take(f"policies[{index}]", permissions.managed_policy, text, own)
            if plain.count(text) > 1 and given.index(text) != index:
                inputs.problems.add(f"policies[{index}]", "each policy once", text, "take the repeated policy out")
    return {
        _label(given, index): inputs.later(
            [text, partition],
            lambda known: permissions.managed_policy(known[0], known[1]),
            f"policies[{index}]",
        )
        for index, text in enumerate(given)
        if not inputs.problems.found
    }


def _label(given: Sequence[pulumi.Input[str]], index: int) -> str:
    """The policy's name; its number where that is not known, or another policy is called the same."""
    labels = [short(text, position) for position, text in enumerate(given)]
    return labels[index] if labels.count(labels[index]) == 1 else str(index)
