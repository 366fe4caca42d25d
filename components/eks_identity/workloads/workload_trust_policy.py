"""How pods assume the role of a WorkloadIdentity: the trust policy, and the session tags that the pods then have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi

from eks_identity.clusters.connections import Connection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.evaluation import trust_conditions
from eks_identity.evaluation.trust_conditions import AssumeRoleCall, CallType
from eks_identity.model import trust
from eks_identity.model.arns import Arn
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.partitions import Partition
from eks_identity.model.session_tags import Session
from eks_identity.model.subjects import Subject
from eks_identity.runtime.inputs import INVALID, Inputs
from eks_identity.runtime.outputs import memoize_on_output
from eks_identity.workloads import program_roles
from eks_identity.workloads.identity_modes import IRSA, POD_IDENTITY, cluster_provider
from eks_identity.workloads.program_roles import MissingTags
from eks_identity.workloads.role_settings import ConditionArgs
from eks_identity.workloads.session_tags import (
    DISABLED,
    OF_IRSA,
    OLD_PODS,
    SESSION_POLICY,
    USE_POD_IDENTITY,
    SessionTagCheck,
)
from eks_identity.workloads.subjects import SubjectInput
from eks_identity.workloads.trust_policies import association_calls, build_conditions, parse_calls, token_call
from eks_identity.workloads.workload_options import WorkloadOptions


@dataclass(frozen=True)
class WorkloadTrust:
    """The trust between the role of a WorkloadIdentity and the pods of its service accounts."""

    options: WorkloadOptions
    connection: Connection
    provider: pulumi.Input[Provider] | None
    """The parsed `oidc_provider_arn`. The role trusts IRSA if it is set, whatever the mode."""
    subjects: Sequence[SubjectInput]
    has_session_policy: bool = False

    @property
    def trusts_pod_identity(self) -> bool:
        """Whether the role trusts EKS Pod Identity."""
        return self.options.mode is POD_IDENTITY or self.options.keep_pod_identity

    @property
    def compares_session_tags(self) -> bool:
        """Whether the role's trust of Pod Identity is limited to these service accounts."""
        match = self.options.match_session_tags
        is_limited = self.options.mode is IRSA if match is None else match
        return is_limited and not self.options.disable_session_tags

    @property
    def calls(self) -> list[CallType]:
        """The calls that assume a role that this component creates."""
        irsa = [trust_conditions.IRSA] if self.provider is not None else []
        return irsa + ([self._association_call] if self.trusts_pod_identity else [])

    @property
    def missing_tags(self) -> MissingTags:
        """Why the pods' sessions have no session tags."""
        if self.options.mode is IRSA:
            return MissingTags(OF_IRSA, USE_POD_IDENTITY)
        if not self.options.disable_session_tags:
            return MissingTags()
        return MissingTags(DISABLED, "" if self.has_session_policy else "remove disable_session_tags")

    @property
    def _association_call(self) -> CallType:
        is_tagged = not self.options.disable_session_tags
        return trust_conditions.POD_IDENTITY if is_tagged else trust_conditions.UNTAGGED_POD_IDENTITY

    @property
    def _subjects(self) -> list[pulumi.Input[Subject]]:
        return [each.subject for each in self.subjects]

    def parse_policy(
        self,
        inputs: Inputs,
        conditions: Sequence[ConditionArgs],
        audience: pulumi.Input[str] | None,
        size_limit: int,
        *,
        has_aws_provider: bool,
    ) -> pulumi.Input[str]:
        """Return the trust policy of the role as JSON. Problems are added to `inputs`.

        It depends on as few Outputs as possible, so that a preview shows it early. `has_aws_provider`: the component
        has an aws provider of its own, which may be of another account than the cluster's.
        """
        if self.options.mode is INVALID:
            return INVALID
        values: dict[str, object] = {"conditions": conditions, "size_limit": size_limit}
        if self.provider is not None:
            provider: pulumi.Input[Provider | None] = self.provider
            if isinstance(provider, pulumi.Output) and not has_aws_provider:
                # The cluster's own values are resolved before the provider is created, and name the same provider.
                provider = memoize_on_output(provider, "or None", _none_if_unknown)
            values |= {
                "issuer": self.connection.issuer,
                "partition": self.connection.partition,
                "account_id": self.connection.account_id,
                "provider": provider,
                "audience": audience,
            }
        if self.provider is not None or self.compares_session_tags or conditions:
            values["subjects"] = self._subjects
        if self.trusts_pod_identity and (self.compares_session_tags or conditions):
            values["cluster"] = self.connection.arn
        return inputs.parse("", values, lambda resolved: self._build_policy(**resolved))

    def _build_policy(
        self,
        *,
        conditions: Sequence[ConditionArgs],
        size_limit: int,
        issuer: Issuer | None = None,
        partition: Partition | None = None,
        account_id: str = "",
        provider: Provider | None = None,
        audience: str | None = None,
        subjects: Sequence[Subject] = (),
        cluster: Arn | None = None,
    ) -> str:
        trusted = None
        if issuer is not None and partition is not None:
            own = cluster_provider(issuer, partition, account_id)
            trusted = own if provider is None else provider
            _require_provider_of_cluster(trusted, own, is_own_account=self.trusts_pod_identity)
        written = build_conditions(conditions, self._assumed_calls(trusted, cluster, subjects)) if conditions else {}
        statements = []
        if trusted is not None:
            statements += trust.irsa_trust(
                [trusted],
                subjects,
                audience=audience,
                size_limit=size_limit,
                conditions=written,
                subjects_input="more_service_accounts",
            )["Statement"]
        if self.trusts_pod_identity:
            limit = ([str(cluster)], subjects) if self.compares_session_tags else ((), ())
            statements += trust.pod_identity_trust(*limit, conditions=written)["Statement"]
        policy = trust.document(statements)
        trust.require_size(
            policy,
            size_limit,
            f"{len(subjects)} service accounts",
            lambda: trust.size_fix("the service accounts", len(subjects), written),
            under="more_service_accounts",
        )
        return trust.compact(policy)

    def _assumed_calls(
        self, provider: Provider | None, cluster: Arn | None, subjects: Sequence[Subject]
    ) -> list[AssumeRoleCall]:
        calls = [] if provider is None else [token_call(provider)]
        if cluster is not None:
            calls += association_calls(cluster, subjects, self._association_call)
        return calls

    def session_tag_check(self, inputs: Inputs, role_tags: Mapping[str, pulumi.Input[str]]) -> SessionTagCheck:
        """Return the check of policies against the tags that the pods' sessions have."""
        session = Session(self.missing_tags.reason, self.missing_tags.fix, role_tags)
        has_old_pods = not session.untagged and self.provider is not None
        return SessionTagCheck(
            inputs.subject, session, Session(OLD_PODS, role_tags=role_tags) if has_old_pods else None
        )

    def parse_session_policy(
        self, inputs: Inputs, document: pulumi.Input[str], role_tags: Mapping[str, pulumi.Input[str]]
    ) -> pulumi.Input[str]:
        """Return `session_policy` as compact JSON. Its sessions have only the tags of the role that the pods get."""
        is_created = self.options.role_arn is None and self.options.target_role_arn is None
        session = Session(SESSION_POLICY, role_tags=role_tags if is_created else None)
        parse = partial(SessionTagCheck(inputs.subject, session).parse_document, under="session_policy")
        return inputs.parse("session_policy", document, parse)

    def check_existing_roles(self, inputs: Inputs) -> None:
        """Reject `role_arn` and `target_role_arn` of the same program if the pods could not use them."""
        options, missing = self.options, self.missing_tags
        if options.role_arn is not None:
            call = self._association_call if options.mode is POD_IDENTITY else trust_conditions.IRSA
            calls = parse_calls(inputs, call, self.connection, self._subjects)
            program_roles.check_role(inputs, "role_arn", options.role_arn, missing, calls)
        if options.target_role_arn is not None:
            program_roles.check_role(inputs, "target_role_arn", options.target_role_arn, missing)


def _none_if_unknown(provider: pulumi.Output[Any]) -> pulumi.Output[Provider | None]:
    return provider.apply(lambda value: value if isinstance(value, Provider) else None, run_with_unknowns=True)


def _require_provider_of_cluster(provider: Provider, own: Provider, *, is_own_account: bool) -> None:
    """Reject a provider of another issuer; for IRSA alone, one of another account is where the role is created."""
    if (provider.issuer, provider.partition) != (own.issuer, own.partition):
        rule = f"must be the provider of this cluster's issuer: {own.arn}, or that of another account"
        fix = "pass the OidcProvider of this cluster; a cluster that was created again has another issuer"
        raise InvalidInput([Problem("oidc_provider_arn", rule, provider.arn, fix)])
    if provider.account != own.account and is_own_account:
        rule = f"must be of the cluster's account {own.account}: EKS Pod Identity assumes no role of another one (EKS)"
        fix = "remove it, or pass that of the cluster's account; another account's role is target_role_arn"
        raise InvalidInput([Problem("oidc_provider_arn", rule, provider.arn, fix)])
