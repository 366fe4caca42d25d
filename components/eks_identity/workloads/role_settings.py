"""What is said of an IAM role besides who may take it on: the same for every role that this library makes."""

from typing import NotRequired, TypedDict

import pulumi

from eks_identity.workloads.policy_template_args import PolicyTemplateArgs


class ConditionArgs(TypedDict):
    """A condition of a policy statement, or of a trust policy. Source: IAM, "JSON policy elements: Condition"."""

    test: str
    """The operator, such as `StringEquals` or `ForAnyValue:StringLike`; one that IAM does not know is refused."""
    variable: str
    """The condition key, such as `aws:ResourceTag/team`."""
    values: list[pulumi.Input[str]]
    """What it is compared to; one of them is enough. At least one."""


class StatementArgs(TypedDict):
    """A statement of a permission policy. Source: IAM, "JSON policy elements: Statement"."""

    effect: NotRequired[str]
    """`Allow` (also the default) or `Deny`."""
    actions: list[pulumi.Input[str]]
    """Actions, `service:Action`, `*` and `?` match; `*` alone is all of AWS. At least one."""
    resources: list[pulumi.Input[str]]
    """ARNs, `*` and `?` match; `*` alone is everything. At least one."""
    conditions: NotRequired[list[ConditionArgs]]
    """All of them must hold."""


class RoleSettings(TypedDict):
    """What is said of an IAM role besides who may take it on."""

    role_name: NotRequired[pulumi.Input[str]]
    """The role's name in IAM, at most 64 characters; else the component's name and a suffix of Pulumi's."""
    role_name_prefix: NotRequired[pulumi.Input[str]]
    """What the role's name begins with, at most 38 characters (IAM puts 26 behind it). Not beside `role_name`."""
    path: NotRequired[pulumi.Input[str]]
    """`/` (also the default) or `/team/`, at most 512 characters. A changed path replaces the role."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """The ARN of the managed policy that bounds what the role may ever do."""
    max_session_duration: NotRequired[pulumi.Input[int]]
    """How long a session may last: seconds, 3,600 (also the default) to 43,200."""
    description: NotRequired[pulumi.Input[str]]
    """What IAM shows beside the role's name, at most 1,000 characters."""
    policies: NotRequired[list[pulumi.Input[str]]]
    """Managed policies: ARNs, or names of AWS's own such as `AmazonS3ReadOnlyAccess`. At most 10, 20 where raised."""
    inline_policies: NotRequired[dict[str, pulumi.Input[str]]]
    """Policy documents in JSON, by the name each gets. All inline policies of a role, `statements` and
    `policy_templates` included, have at most 10,240 characters together."""
    statements: NotRequired[list[StatementArgs]]
    """Statements; together they are one inline policy, called `statements`. Session tags of EKS
    (`aws:PrincipalTag/kubernetes-…`, `aws:PrincipalTag/eks-…`), here and in `inline_policies`, are rejected where the
    pods have none: with IRSA, and with `disable_session_tags`."""
    policy_templates: NotRequired[list[PolicyTemplateArgs]]
    """What known add-ons need; each entry is an inline policy of its name."""
    assume_role_arns: NotRequired[list[pulumi.Input[str]]]
    """Roles that this role may take on in turn, of other accounts too. Those must trust it: see `ChainedRole`."""
    trust_conditions: NotRequired[list[ConditionArgs]]
    """Conditions of the trust policy besides those that the component writes: all of them must hold where the role is
    assumed. A condition key that has no value in that call is rejected. With Pod Identity `aws:SourceAccount`,
    `aws:SourceArn` (the cluster's), `aws:SourceOrgID`, `aws:SourceOrgPaths` and `aws:RequestTag/…` have one; with IRSA
    `aws:SourceIp` and `aws:SourceVpc`; with `ChainedRole` `aws:PrincipalOrgID`, `aws:PrincipalTag/…`, `sts:ExternalId`
    and others. Where a role has both ways, an operator with `IfExists` holds where the key has no value."""
    raised_quotas: NotRequired[bool]
    """IAM raised this account's quotas: trust policies of up to 4,096 characters, and 20 managed policies a role."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the role, at most 50."""
