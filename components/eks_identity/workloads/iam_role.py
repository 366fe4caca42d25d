"""The IAM role of a component: its name, quotas and permissions.

A role, its attachments and its inline policies are registered directly below the component that declares them: every
registered resource makes each step of an update slower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from eks_identity.errors import Problem
from eks_identity.model import names
from eks_identity.model import tags as tag_rules
from eks_identity.model.arns import Principal
from eks_identity.model.partitions import Partition
from eks_identity.runtime import diagnostics
from eks_identity.runtime.children import ChildRegistrar, RegisteredChildren
from eks_identity.runtime.inputs import Inputs
from eks_identity.workloads import program_roles
from eks_identity.workloads.inline_policies import read_inline_policies
from eks_identity.workloads.managed_policies import ManagedPolicy, PolicyInput, read_policies
from eks_identity.workloads.role_settings import RoleOptions, RoleSettings
from eks_identity.workloads.session_tags import SessionTagCheck


@dataclass(frozen=True)
class IamRole:
    """A parsed IAM role, registered after its component."""

    inputs: Inputs
    options: RoleOptions
    boundary: PolicyInput | None
    policies: Sequence[PolicyInput]
    inline_policies: Mapping[str, pulumi.Input[str]]
    """Documents as compact JSON, by the policy's name."""

    @classmethod
    def read(
        cls,
        inputs: Inputs,
        name: str,
        settings: RoleSettings,
        partition: pulumi.Input[Partition],
        session_tags: SessionTagCheck,
        *,
        assume_roles: Sequence[pulumi.Input[Principal]] = (),
        suffixes: Sequence[str] = ("",),
    ) -> "IamRole":
        """Parse `settings`; problems are added to `inputs`.

        `name` is the component's. `assume_roles` are roles that the role may assume in addition to those of its
        settings. `suffixes` are the ends of the names of several equal roles.
        """
        options = inputs.read(RoleOptions, args=settings)
        longest_suffix = max(suffixes, key=len)
        if "role_name" not in settings and "role_name_prefix" not in settings:
            inputs.parse("name", f"{name}{longest_suffix}", names.auto_named_role)
        elif "role_name" in settings and "role_name_prefix" in settings:
            rule = "must be omitted with role_name: a role has a name or a prefix"
            fix = "remove one of the two"
            inputs.reject(Problem("role_name_prefix", rule, settings["role_name_prefix"], fix))
        if longest_suffix and options.role_name is not None:
            inputs.parse("role_name", options.role_name, partial(_require_room_for_suffix, longest_suffix))
        inputs.reject(*(problem.with_prefix("tags") for problem in tag_rules.problems(settings.get("tags", {}))))
        boundary = None
        if options.permissions_boundary is not None:
            boundary = PolicyInput.of(inputs, "permissions_boundary", options.permissions_boundary, partition)
            session_tags.check_managed_policy(inputs, options.permissions_boundary, "permissions_boundary")
        policies = read_policies(inputs, options.policies, partition, options.managed_policy_limit)
        for policy in policies:
            session_tags.check_managed_policy(inputs, policy.policy, policy.under)
        assumed = [*options.assume_role_arns, *assume_roles]
        inline = read_inline_policies(inputs, settings, assumed, partition, session_tags)
        return cls(inputs, options, boundary, policies, inline)

    def register(
        self,
        component: pulumi.ComponentResource,
        name: str,
        trust_policy: pulumi.Input[str],
        *,
        suffix: str = "",
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> "aws.iam.Role":
        """Register role, attachments and inline policies below `component`; `hooks` are the role's."""
        name = f"{name}{suffix}"
        role_name = self.options.role_name
        role = aws.iam.Role(
            name,
            name=pulumi.Output.concat(role_name, suffix) if role_name is not None and suffix else role_name,
            name_prefix=self.options.role_name_prefix,
            path=self.options.path,
            assume_role_policy=trust_policy,
            permissions_boundary=None if self.boundary is None else self.boundary.existing_arn(self.inputs, component),
            max_session_duration=self.options.max_session_duration,
            description=self.options.description,
            # IAM does not delete a role with policies that were attached outside of Pulumi.
            force_detach_policies=True,
            tags=self.options.tags,
            opts=pulumi.ResourceOptions(parent=component, hooks=hooks),
        )
        self._attach(component, name, role)
        for key, document in self.inline_policies.items():
            own = pulumi.ResourceOptions(parent=component)
            aws.iam.RolePolicy(f"{name}-{key}", name=key, role=role.name, policy=document, opts=own)
        program_roles.remember_role(self.inputs, role, trust_policy, self.inline_policies, self.options.tags or {})
        return role

    def _attach(self, component: pulumi.ComponentResource, name: str, role: "aws.iam.Role") -> None:
        """Register one attachment for each policy, with the policy in its logical name."""
        attachments: dict[str, tuple[str, aws.iam.RolePolicyAttachment]] = {}

        def attach(policy: PolicyInput, label: str) -> RegisteredChildren[pulumi.Output[str]]:
            if label not in attachments:
                attachment = aws.iam.RolePolicyAttachment(
                    f"{name}-{label}",
                    role=role.name,
                    policy_arn=policy.existing_arn(self.inputs, component),
                    opts=pulumi.ResourceOptions(parent=component),
                )
                attachments[label] = policy.under, attachment
            first, attachment = attachments[label]
            if first != policy.under:
                message = f"{policy.under} is the same policy as {first}, and is attached once"
                diagnostics.warn(f"{self.inputs.subject}: {message}", component)
            return RegisteredChildren([attachment], attachment.policy_arn)

        children = ChildRegistrar(component, self.inputs.subject)
        for policy in self.policies:
            children.register(policy.policy, _logical_name, partial(attach, policy), under=policy.under, count=1)


def _logical_name(policy: ManagedPolicy) -> str:
    return policy.logical_name


def _require_room_for_suffix(suffix: str, role_name: str) -> None:
    names.role_name(f"{role_name}{suffix}")
