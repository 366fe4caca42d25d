"""The IAM roles of this library: name, limits and permissions, whoever it is that may take them on.

A role, its attachments and its inline policies are registered straight below the component that declares them, with no
layer of their own: every registered resource makes each step of an update slower.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import pulumi
import pulumi_aws as aws

from eks_identity.errors import InvalidInput
from eks_identity.model import arns, limits, names, permissions, statements
from eks_identity.model import tags as tag_rules
from eks_identity.model.partitions import AWS, Partition
from eks_identity.runtime import diagnostics
from eks_identity.runtime.children import Children, Registered
from eks_identity.runtime.inputs import Inputs, is_plain
from eks_identity.workloads import managed_policies, program_roles
from eks_identity.workloads.policy_template_args import catalogue_policies
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.session_tags import TagCheck

__all__ = ["MANAGED_POLICIES", "TRUST_POLICY", "RolePlan", "RoleSettings"]

TRUST_POLICY = {False: limits.TRUST_POLICY, True: limits.TRUST_POLICY_RAISED}
MANAGED_POLICIES = {False: limits.MANAGED_POLICIES_OF_A_ROLE, True: limits.MANAGED_POLICIES_RAISED}
"""By `raised_quotas`."""
STATEMENTS = "statements"
"""The inline policy of `statements` and `assume_role_arns`."""

V = TypeVar("V")
T = TypeVar("T")


@dataclass(frozen=True)
class ManagedPolicy:
    """One of the `policies` of a role."""

    under: str
    """`policies[0]`"""
    given: pulumi.Input[str]
    """As it was written: an ARN, or the name of a policy that AWS manages."""
    arn: pulumi.Input[str]


@dataclass(frozen=True)
class RolePlan:
    """A role whose inputs were checked, to be made once its component is registered."""

    inputs: Inputs
    role_name: pulumi.Input[str] | None
    role_name_prefix: pulumi.Input[str] | None
    path: pulumi.Input[str] | None
    permissions_boundary: pulumi.Input[str] | None
    max_session_duration: pulumi.Input[int] | None
    description: pulumi.Input[str] | None
    policies: list[ManagedPolicy]
    inline_policies: dict[str, pulumi.Input[str]]
    tags: dict[str, pulumi.Input[str]] | None

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        name: str,
        settings: RoleSettings,
        partition: pulumi.Input[Partition],
        *,
        sessions: TagCheck,
        take_on: Sequence[pulumi.Input[str]] = (),
        suffixes: Sequence[str] = ("",),
    ) -> "RolePlan":
        """Checks `settings`; a plain value's problems go to `inputs`.

        `sessions` checks the policies against the tags of the role's sessions.
        `take_on`: roles that this role may take on besides those of its settings. `suffixes`: what the names of several
        alike roles end in.
        """
        longest = max(suffixes, key=len)
        if "role_name" not in settings and "role_name_prefix" not in settings:
            inputs.problems.parse("name", names.auto_named_role, f"{name}{longest}")
        if "role_name" in settings and "role_name_prefix" in settings:
            rule = "a role has a name, or a prefix that its name begins with"
            inputs.problems.add("role_name_prefix", rule, settings["role_name_prefix"], "take one of the two out")
        tags = settings.get("tags")
        if tags is not None:
            inputs.problems.extend(tag_rules.problems(tags), "tags")
            tags = inputs.texts("tags", tags)

        sessions.policies(inputs, settings.get("policies", []), "policies")
        sessions.policy(inputs, settings.get("permissions_boundary"), "permissions_boundary")

        def role_name(given: str) -> str:
            names.role_name(f"{names.role_name(given)}{longest}")
            return given

        return cls(
            inputs,
            _taken(inputs, settings.get("role_name"), "role_name", role_name, public=True),
            _taken(inputs, settings.get("role_name_prefix"), "role_name_prefix", names.role_name_prefix, public=True),
            _taken(inputs, settings.get("path"), "path", names.iam_path, public=True),
            _boundary(inputs, settings.get("permissions_boundary"), partition),
            _taken(inputs, settings.get("max_session_duration"), "max_session_duration", names.session_seconds),
            _taken(inputs, settings.get("description"), "description", names.role_description),
            _policies(
                inputs,
                settings.get("policies", []),
                partition,
                MANAGED_POLICIES[settings.get("raised_quotas", False)],
            ),
            _documents(inputs, settings, partition, take_on, sessions),
            tags,
        )

    def make(
        self,
        parent: pulumi.ComponentResource,
        name: str,
        trust: pulumi.Input[str],
        *,
        suffix: str = "",
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> "aws.iam.Role":
        """Registers role, attachments and inline policies below `parent`; `hooks` are the role's."""
        child = pulumi.ResourceOptions(parent=parent)
        boundary = self.permissions_boundary
        if boundary is not None:
            boundary = managed_policies.existing(self.inputs, parent, "permissions_boundary", boundary)
        name = f"{name}{suffix}"
        role = aws.iam.Role(
            name,
            name=_suffixed(self.role_name, suffix),
            name_prefix=self.role_name_prefix,
            path=self.path,
            assume_role_policy=trust,
            permissions_boundary=boundary,
            max_session_duration=self.max_session_duration,
            description=self.description,
            # A policy that somebody attached by hand would keep IAM from deleting the role, when all else is gone.
            force_detach_policies=True,
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=parent, hooks=hooks),
        )
        self._attach(parent, name, role)
        for key, document in self.inline_policies.items():
            aws.iam.RolePolicy(f"{name}-{key}", name=key, role=role.name, policy=document, opts=child)
        program_roles.declare(self.inputs, role, trust, self.inline_policies, self.tags)
        return role

    def _attach(self, parent: pulumi.ComponentResource, name: str, role: "aws.iam.Role") -> None:
        """Registers one attachment for each policy, named after the policy."""
        attached: dict[str, tuple[str, aws.iam.RolePolicyAttachment]] = {}

        def attach(policy: ManagedPolicy, label: str) -> Registered[pulumi.Output[str]]:
            if label not in attached:
                arn = managed_policies.existing(self.inputs, parent, policy.under, policy.arn)
                options = pulumi.ResourceOptions(parent=parent)
                attachment = aws.iam.RolePolicyAttachment(
                    f"{name}-{label}", role=role.name, policy_arn=arn, opts=options
                )
                attached[label] = policy.under, attachment
            first, attachment = attached[label]
            if first != policy.under:
                which = f"{policy.under} is the same policy as {first}, and is attached once"
                diagnostics.warn(f"{self.inputs.subject}: {which}", parent)
            return Registered([attachment], attachment.policy_arn)

        children = Children(parent, self.inputs.subject)
        for policy in self.policies:
            named = policy.given if is_plain(policy.given) else policy.arn
            children.register(named, permissions.logical_name, partial(attach, policy), under=policy.under, count=1)


def _suffixed(name: pulumi.Input[str] | None, suffix: str) -> pulumi.Input[str] | None:
    return pulumi.Output.concat(name, suffix) if name is not None and suffix else name


def _taken(
    inputs: Inputs, value: pulumi.Input[V] | None, under: str, parse: Callable[[V], T], *, public: bool = False
) -> pulumi.Input[T] | None:
    """Return the checked value; a `public` one is part of the role's ARN, and a secret is rejected."""
    if value is None:
        return None
    return inputs.take_public(under, value, parse) if public else inputs.take(under, value, parse)


def _boundary(
    inputs: Inputs, given: pulumi.Input[str] | None, partition: pulumi.Input[Partition]
) -> pulumi.Input[str] | None:
    """The boundary's ARN, once it is known to be of the role's partition."""
    arn = _taken(inputs, given, "permissions_boundary", arns.policy_arn)
    if arn is None:
        return None
    return inputs.once_known([arn, partition], lambda known: permissions.managed_policy(*known), "permissions_boundary")


def _documents(
    inputs: Inputs,
    settings: RoleSettings,
    partition: pulumi.Input[Partition],
    take_on: Sequence[pulumi.Input[str]],
    sessions: TagCheck,
) -> dict[str, pulumi.Input[str]]:
    """The inline policies by name: those written out, that of the statements, those of the catalogue."""
    inline = settings.get("inline_policies", {})
    catalogue = settings.get("policy_templates", [])
    said: dict[str, Any] = {
        "statements": settings.get("statements", []),
        "take_on": [*settings.get("assume_role_arns", []), *take_on],
    }
    for name in [STATEMENTS] * any(said.values()) + [entry["name"] for entry in catalogue]:
        if name in inline:
            rule = "each inline policy of a role has a name of its own; that of the statements is `statements`"
            inputs.problems.add(f"inline_policies.{name}", rule, name, "rename the policy")
    inputs.problems.parse("", sessions.statements, said["statements"])
    plain = {key: document for key, document in inline.items() if isinstance(document, str)}
    for key, document in plain.items():
        inputs.problems.parse("", sessions.document, document, f"inline_policies.{key}")
    if any(said.values()) and is_plain(said):
        written = inputs.problems.parse("", _statements, said)
        plain |= {STATEMENTS: written} if written is not None else {}
    inputs.problems.parse("inline_policies", permissions.inline_policies, plain)
    made = catalogue_policies(inputs, catalogue, partition)
    if inputs.problems.found:
        return {}
    made |= {
        key: inputs.once_known(document, sessions.inline_policy, f"inline_policies.{key}")
        for key, document in inline.items()
    }
    if any(said.values()):
        made[STATEMENTS] = inputs.once_known(said, partial(_checked_statements, sessions))
    if len(made) > len(plain):
        inputs.once_known(made, _require_room, "inline_policies")
    return made


def _checked_statements(sessions: TagCheck, said: dict[str, Any]) -> str:
    sessions.statements(said["statements"])
    return _statements(said)


def _statements(said: dict[str, Any]) -> str:
    return permissions.inline_policy(statements.document(said["statements"], said["take_on"]))


def _require_room(documents: dict[str, str]) -> None:
    if problems := permissions.too_long(documents):
        raise InvalidInput(problems)


def _policies(
    inputs: Inputs, given: Sequence[pulumi.Input[str]], partition: pulumi.Input[Partition], limit: int
) -> list[ManagedPolicy]:
    """The policies with their ARNs; a plain value's problems go to `inputs`."""
    inputs.require(*(problem.under("policies") for problem in permissions.too_many_policies(len(given), limit)))
    seen: dict[str, int] = {}
    for index, text in enumerate(given):
        if isinstance(text, str):
            # The partition may come later; that the text is a policy's name or ARN can be said now.
            own = arns.Arn.parse(text).partition if text.startswith("arn:") and text.count(":") >= 5 else AWS
            arn = inputs.problems.parse(f"policies[{index}]", permissions.managed_policy, text, own)
            if arn is not None and seen.setdefault(arn.lower(), index) != index:
                inputs.problems.add(f"policies[{index}]", "each policy once", text, "remove the repeated policy")
    return [
        ManagedPolicy(
            f"policies[{index}]",
            text,
            inputs.once_known(
                [text, partition],
                lambda known: permissions.managed_policy(known[0], known[1]),
                f"policies[{index}]",
            ),
        )
        for index, text in enumerate(given)
        if not inputs.problems.found
    ]
