"""The options that all components with an IAM role have in common, and their parsed values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi

from eks_identity.model import arns, limits, names
from eks_identity.model.arns import Principal
from eks_identity.runtime.inputs import parsed_by
from eks_identity.workloads.managed_policies import ManagedPolicy


class ConditionArgs(TypedDict):
    """A condition of a policy statement, or of a trust policy. Source: IAM, "JSON policy elements: Condition"."""

    test: str
    """Condition operator, such as `StringEquals` or `ForAnyValue:StringLike`."""
    variable: str
    """Condition key, such as `aws:ResourceTag/team`."""
    values: list[pulumi.Input[str]]
    """Values to compare with; one match is enough. At least one."""


class StatementArgs(TypedDict):
    """A statement of a permission policy. Source: IAM, "JSON policy elements: Statement"."""

    effect: NotRequired[str]
    """`Allow` (the default) or `Deny`."""
    actions: list[pulumi.Input[str]]
    """Actions, `service:Action`, with `*` and `?` as wildcards; `*` alone is every action. At least one."""
    resources: list[pulumi.Input[str]]
    """ARNs, with `*` and `?` as wildcards; `*` alone is every resource. At least one."""
    conditions: NotRequired[list[ConditionArgs]]
    """Conditions; all of them must hold."""


class PolicyTemplateArgs(TypedDict):
    """A policy template: the permissions of one add-on, scoped to the resources that are named here.

    The policy's actions are those that the add-on's own project or AWS publishes for it. Each template reads some of
    the fields: a missing required field and a field that the template does not read are rejected. See
    `docs/policy-templates.md`.
    """

    name: str
    """Name of the template: the add-on's or chart's own name, such as `external-dns`. It is also the name of the inline
    policy."""
    hosted_zone_arns: NotRequired[list[pulumi.Input[str]]]
    """Route 53 hosted zones, `arn:PARTITION:route53:::hostedzone/ID`."""
    bucket_arns: NotRequired[list[pulumi.Input[str]]]
    """S3 buckets, `arn:PARTITION:s3:::NAME`, without objects; `key_prefixes` limits the objects."""
    key_prefixes: NotRequired[list[pulumi.Input[str]]]
    """Prefixes of the objects' keys, each ending in `/`, the same in every bucket; by default all objects."""
    kms_key_arns: NotRequired[list[pulumi.Input[str]]]
    """KMS keys, `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`, not aliases. By default the policy allows no use of KMS."""
    secret_arns: NotRequired[list[pulumi.Input[str]]]
    """Secrets of Secrets Manager, with the six characters that it appends to their names, or `-??????` for those."""
    parameter_arns: NotRequired[list[pulumi.Input[str]]]
    """Parameters of Systems Manager, `arn:PARTITION:ssm:REGION:ACCOUNT:parameter/PATH`; `/team/*` for all below."""
    write: NotRequired[bool]
    """With `external-secrets`: whether it may create, change and delete them too (its `PushSecret`)."""
    file_system_arns: NotRequired[list[pulumi.Input[str]]]
    """File systems of EFS or FSx, whichever the template's driver mounts."""
    queue_arns: NotRequired[list[pulumi.Input[str]]]
    """SQS queues of interruption events, `arn:PARTITION:sqs:REGION:ACCOUNT:NAME`."""
    workspace_arns: NotRequired[list[pulumi.Input[str]]]
    """Workspaces of Amazon Managed Service for Prometheus, `arn:PARTITION:aps:REGION:ACCOUNT:workspace/ID`."""
    target_group_arns: NotRequired[list[pulumi.Input[str]]]
    """Existing target groups of load balancers."""
    node_role_arns: NotRequired[list[pulumi.Input[str]]]
    """Roles of new nodes, the only ones that the policy allows to pass to EC2."""
    cluster_names: NotRequired[list[pulumi.Input[str]]]
    """Clusters, by name: the policy is scoped to resources with their tags."""
    ip_family: NotRequired[pulumi.Input[str]]
    """With `vpc-cni`: `ipv4` (the default) or `ipv6`, as the cluster's own."""
    all_resources: NotRequired[bool]
    """Allow all resources of a kind for every required field that is omitted."""


class RoleSettings(TypedDict):
    """The options of an IAM role, except for the principals that may assume it."""

    role_name: NotRequired[pulumi.Input[str]]
    """Name of the role in IAM, at most 64 characters; by default the component's name and a suffix of Pulumi's."""
    role_name_prefix: NotRequired[pulumi.Input[str]]
    """Prefix of the role's name, at most 38 characters (IAM appends 26). Not together with `role_name`."""
    path: NotRequired[pulumi.Input[str]]
    """`/` (the default) or `/team/`, at most 512 characters. A changed path replaces the role."""
    permissions_boundary: NotRequired[pulumi.Input[str]]
    """ARN of the managed policy that is the role's permissions boundary."""
    max_session_duration: NotRequired[pulumi.Input[int]]
    """Maximum duration of a session in seconds, 3,600 (the default) to 43,200."""
    description: NotRequired[pulumi.Input[str]]
    """Description of the role in IAM, at most 1,000 characters."""
    policies: NotRequired[list[pulumi.Input[str]]]
    """Managed policies: ARNs, or names of AWS managed policies such as `AmazonS3ReadOnlyAccess`. At most 10, 20 with
    `raised_quotas`."""
    inline_policies: NotRequired[dict[str, pulumi.Input[str]]]
    """Policy documents in JSON, by the name of the inline policy. All inline policies of a role, `statements` and
    `policy_templates` included, have at most 10,240 characters together."""
    statements: NotRequired[list[StatementArgs]]
    """Statements; together they are one inline policy with the name `statements`. Session tags of EKS
    (`aws:PrincipalTag/kubernetes-…`, `aws:PrincipalTag/eks-…`), here and in `inline_policies`, are rejected if the
    pods' sessions have none: with IRSA, and with `disable_session_tags`."""
    policy_templates: NotRequired[list[PolicyTemplateArgs]]
    """Permissions of add-ons; each template is an inline policy of its name."""
    assume_role_arns: NotRequired[list[pulumi.Input[str]]]
    """Roles that this role may assume in turn, of other accounts too. They must trust it: see `ChainedRole`."""
    trust_conditions: NotRequired[list[ConditionArgs]]
    """Conditions of the trust policy in addition to those that the component writes; all of them must hold when the
    role is assumed. A condition key that has no value in that call is rejected. With Pod Identity `aws:SourceAccount`,
    `aws:SourceArn` (the cluster's), `aws:SourceOrgID`, `aws:SourceOrgPaths` and `aws:RequestTag/…` have one; with IRSA
    `aws:SourceIp` and `aws:SourceVpc`; with `ChainedRole` `aws:PrincipalOrgID`, `aws:PrincipalTag/…`, `sts:ExternalId`
    and others. If a role trusts both modes, an operator with `IfExists` holds where the key has no value."""
    raised_quotas: NotRequired[bool]
    """AWS raised the IAM quotas of this account: trust policies of up to 4,096 characters, and 20 managed policies for
    each role."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the role, at most 50."""


@dataclass(frozen=True)
class RoleOptions:
    """The parsed `RoleSettings`, except for its policy documents and conditions."""

    role_name: pulumi.Input[str] | None = parsed_by(names.role_name, public=True)
    role_name_prefix: pulumi.Input[str] | None = parsed_by(names.role_name_prefix, public=True)
    path: pulumi.Input[str] | None = parsed_by(names.iam_path, public=True)
    permissions_boundary: pulumi.Input[ManagedPolicy] | None = parsed_by(ManagedPolicy.parse_arn)
    max_session_duration: pulumi.Input[int] | None = parsed_by(names.session_seconds)
    description: pulumi.Input[str] | None = parsed_by(names.role_description)
    policies: Sequence[pulumi.Input[ManagedPolicy]] = parsed_by(ManagedPolicy.parse, each=True, default=())
    assume_role_arns: Sequence[pulumi.Input[Principal]] = parsed_by(arns.role, each=True, default=())
    raised_quotas: bool = parsed_by(bool, default=False)
    tags: Mapping[str, pulumi.Input[str]] | None = parsed_by(names.text, each=True)

    @property
    def trust_policy_limit(self) -> int:
        """Maximum number of characters of the role's trust policy."""
        return limits.TRUST_POLICY_RAISED if self.raised_quotas else limits.TRUST_POLICY

    @property
    def managed_policy_limit(self) -> int:
        """Maximum number of managed policies of the role."""
        return limits.MANAGED_POLICIES_RAISED if self.raised_quotas else limits.MANAGED_POLICIES_OF_A_ROLE
