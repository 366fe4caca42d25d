"""The IAM role of an Addon's pods: its permissions, its trust policy, and the rules for its inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import pulumi

from eks_identity.clusters.connections import Connection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.evaluation import trust_conditions
from eks_identity.evaluation.trust_conditions import CallType
from eks_identity.model import policy_templates, trust
from eks_identity.model.arns import Arn, Principal
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.partitions import Partition
from eks_identity.model.policy_templates.fields import CLUSTERS
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime.inputs import INVALID, Inputs
from eks_identity.workloads.iam_role import IamRole
from eks_identity.workloads.identity_modes import (
    IRSA,
    POD_IDENTITY,
    IdentityMode,
    cluster_provider,
    declare_once,
    one_of_problem,
    require_own_account,
    role_arn_of,
)
from eks_identity.workloads.program_roles import MissingTags, check_role
from eks_identity.workloads.role_settings import ConditionArgs, RoleSettings
from eks_identity.workloads.session_tags import OF_IRSA, OLD_PODS, USE_POD_IDENTITY, SessionTagCheck
from eks_identity.workloads.subjects import SubjectInput
from eks_identity.workloads.trust_policies import (
    association_calls,
    build_conditions,
    parse_calls,
    read_trust_conditions,
    token_call,
)
from eks_identity.workloads.workload_options import provider_problem

AGENT = "eks-pod-identity-agent"
"""The add-on that passes credentials of Pod Identity to pods; it has the nodes' role itself."""
PERMISSIONS = ("policies", "inline_policies", "statements", "policy_templates", "assume_role_arns")
"""Inputs that give a role permissions."""
_NO_ROLE = "none"
_ROLE_ONLY = tuple(field for field in RoleSettings.__annotations__ if field != "tags")


def parse_addon_mode(text: str) -> IdentityMode | None:
    """Return the `mode` of an add-on; None for `none`."""
    if text == _NO_ROLE:
        return None
    if text not in list(IdentityMode):
        raise InvalidInput([one_of_problem(text, *IdentityMode, _NO_ROLE)])
    return IdentityMode(text)


@dataclass(frozen=True)
class AddonTrust:
    """The trust between the role of an add-on and its pods."""

    mode: IdentityMode
    connection: Connection
    provider: pulumi.Input[Provider] | None
    """The parsed `oidc_provider_arn`. The role trusts IRSA if it is set, whatever the mode."""
    subject: SubjectInput

    @property
    def missing_tags(self) -> MissingTags:
        """Why the pods' sessions have no session tags."""
        return MissingTags(OF_IRSA, USE_POD_IDENTITY) if self.mode is IRSA else MissingTags()

    def parse_policy(self, inputs: Inputs, conditions: Sequence[ConditionArgs], size_limit: int) -> pulumi.Input[str]:
        """Return the trust policy of the role as JSON. Problems are added to `inputs`.

        It names the provider of the cluster's issuer, so that a preview shows it before the provider is created.
        """
        values: dict[str, object] = {"conditions": conditions, "size_limit": size_limit}
        if self.provider is not None:
            values |= self._own_provider
        if self.provider is not None or conditions:
            values["subject"] = self.subject.subject
        if self.mode is POD_IDENTITY and conditions:
            values["cluster"] = self.connection.arn
        return inputs.parse("", values, lambda resolved: self._build_policy(**resolved))

    def require_provider_of_cluster(self, inputs: Inputs) -> None:
        """Reject an `oidc_provider_arn` that is not the provider of this cluster's issuer in its account."""
        if self.provider is not None:
            inputs.parse("oidc_provider_arn", {**self._own_provider, "provider": self.provider}, _require_own_provider)

    def session_tag_check(self, inputs: Inputs, role_tags: Mapping[str, pulumi.Input[str]]) -> SessionTagCheck:
        """Return the check of policies against the tags that the pods' sessions have."""
        session = Session(self.missing_tags.reason, self.missing_tags.fix, role_tags)
        has_old_pods = self.mode is POD_IDENTITY and self.provider is not None
        return SessionTagCheck(
            inputs.subject, session, Session(OLD_PODS, role_tags=role_tags) if has_old_pods else None
        )

    @property
    def calls(self) -> list[CallType]:
        """The calls that assume a role that the add-on's component creates."""
        irsa = [trust_conditions.IRSA] if self.mode is IRSA or self.provider is not None else []
        return irsa + ([trust_conditions.POD_IDENTITY] if self.mode is POD_IDENTITY else [])

    @property
    def _own_provider(self) -> dict[str, object]:
        own = self.connection
        return {"issuer": own.issuer, "partition": own.partition, "account_id": own.account_id}

    def _build_policy(
        self,
        *,
        conditions: Sequence[ConditionArgs],
        size_limit: int,
        issuer: Issuer | None = None,
        partition: Partition | None = None,
        account_id: str = "",
        subject: Subject | None = None,
        cluster: Arn | None = None,
    ) -> str:
        """Return the trust policy for Pod Identity, for IRSA, or for both during a change of the mode."""
        provider = None
        if issuer is not None and partition is not None:
            provider = cluster_provider(issuer, partition, account_id)
        subjects = [] if subject is None else [subject]
        calls = [] if provider is None else [token_call(provider)]
        if cluster is not None:
            calls += association_calls(cluster, subjects, trust_conditions.POD_IDENTITY)
        written = build_conditions(conditions, calls)
        statements = []
        if self.mode is POD_IDENTITY:
            statements += trust.pod_identity_trust(conditions=written)["Statement"]
        if provider is not None:
            statements += trust.irsa_trust(
                [provider], subjects, size_limit=size_limit, conditions=written, subjects_input="trust_conditions"
            )["Statement"]
        policy, shorten = trust.document(statements), "remove values from trust_conditions"
        trust.require_size(policy, size_limit, "the statements", lambda: shorten, under="trust_conditions")
        return trust.compact(policy)


@dataclass(frozen=True)
class AddonIdentity:
    """The role of an add-on's pods: created, or an existing one."""

    inputs: Inputs
    trust: AddonTrust
    existing_role: pulumi.Input[Principal] | None
    role: IamRole | None
    trust_policy: pulumi.Input[str]

    @classmethod
    def read(
        cls,
        inputs: Inputs,
        name: str,
        pods: AddonTrust,
        settings: RoleSettings,
        existing_role: pulumi.Input[Principal] | None,
    ) -> "AddonIdentity":
        """Parse the role; problems are added to `inputs`."""
        role = None
        trust_policy: pulumi.Input[str] = ""
        if existing_role is None:
            session_tags = pods.session_tag_check(inputs, settings.get("tags", {}))
            role = IamRole.read(inputs, name, settings, pods.connection.partition, session_tags)
            conditions = read_trust_conditions(inputs, settings, pods.calls)
            trust_policy = pods.parse_policy(inputs, conditions, role.options.trust_policy_limit)
            pods.require_provider_of_cluster(inputs)
        elif pods.mode is POD_IDENTITY:
            require_own_account(inputs, existing_role, pods.connection)
        declare_once(inputs, pods.mode, pods.connection, [pods.subject])
        return cls(inputs, pods, existing_role, role, trust_policy)

    def register(self, component: pulumi.ComponentResource, name: str) -> pulumi.Input[str]:
        """Register the role below `component` unless it exists; return its ARN."""
        pods = self.trust
        if self.existing_role is not None:
            call = trust_conditions.POD_IDENTITY if pods.mode is POD_IDENTITY else trust_conditions.IRSA
            calls = parse_calls(self.inputs, call, pods.connection, [pods.subject.subject])
            check_role(self.inputs, "role_arn", self.existing_role, pods.missing_tags, calls)
            return role_arn_of(self.inputs, self.existing_role)
        assert self.role is not None
        role = self.role.register(component, name, self.trust_policy)
        # Pods use the role after the provider of their tokens is created.
        arn: pulumi.Input[str] = self.inputs.parse("", [role.arn, pods.provider], itemgetter(0))
        return arn


def _require_own_provider(resolved: Mapping[str, Any]) -> None:
    own = cluster_provider(resolved["issuer"], resolved["partition"], resolved["account_id"])
    if resolved["provider"] != own:
        rule = f"must be the provider of this cluster's issuer, in the cluster's account: {own.arn}"
        fix = "pass the OidcProvider of this cluster; a cluster that was created again has another issuer"
        raise InvalidInput([Problem("", rule, resolved["provider"].arn, fix)])


def settings_with_template(
    args: RoleSettings, template: policy_templates.PolicyTemplate | None, cluster_name: pulumi.Input[str]
) -> RoleSettings:
    """Return the settings of an add-on's role, by default with the permissions of its policy template."""
    settings: Any = {field: value for field, value in args.items() if field in RoleSettings.__annotations__}
    if template is not None and not any(settings.get(field) for field in PERMISSIONS):
        fields = [field for group in template.one_of for field in group] + list(template.required)
        scope = {CLUSTERS.name: [cluster_name]} if CLUSTERS in fields else {}
        settings["policy_templates"] = [{"name": template.name, **scope}]
    return settings  # type: ignore[no-any-return]


def identity_problems(
    mode: IdentityMode | None, args: Mapping[str, object], template: policy_templates.PolicyTemplate | None
) -> list[Problem]:
    """Return the problems of inputs of the role that are valid one by one; `args` are those of the add-on."""
    if mode is INVALID:
        return []
    addon = args["addon_name"]
    if mode is None:
        rule = "must be omitted with mode none: the pods have the nodes' role"
        fix = f"set mode to {IRSA} or {POD_IDENTITY}, or remove it"
        fields = (*_ROLE_ONLY, "role_arn", "oidc_provider_arn", "service_account")
        return [Problem(field, rule, args[field], fix) for field in fields if field in args]
    if addon == AGENT:
        rule = f"must be none for {AGENT}, which runs with the nodes' role and gives other pods theirs (EKS)"
        fix = "remove mode, and attach AmazonEKSWorkerNodePolicy to the nodes' role"
        return [Problem("mode", rule, mode.value, fix)]
    problems = []
    if mode is IRSA and "oidc_provider_arn" not in args and "role_arn" not in args:
        problems.append(provider_problem())
    if template is None and "service_account" not in args:
        rule = f"must be set: {addon} has no policy template that names the service account of its pods"
        version = args["addon_version"] if isinstance(args.get("addon_version"), str) else "VERSION"
        command = f"aws eks describe-addon-configuration --addon-name {addon} --addon-version {version}"
        fix = f"set the service account of its pods (`{command}` lists them), or remove mode"
        problems.append(Problem("service_account", rule, None, fix))
    if "role_arn" in args:
        rule = "must be omitted with role_arn: the role exists, and is configured by its owner"
        problems += [
            Problem(field, rule, args[field], "remove one of the two") for field in _ROLE_ONLY if field in args
        ]
    elif template is None and not any(args.get(field) for field in PERMISSIONS):
        rule = f"must be set, or other permissions of its pods: {addon} has no policy template"
        problems.append(Problem("policies", rule, None, f"set one of {', '.join(PERMISSIONS)}"))
    return problems
