"""The options of a WorkloadIdentity, and combinations of them that EKS would ignore or that contradict each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi

from eks_identity.errors import Problem
from eks_identity.model import arns, names
from eks_identity.model.arns import Principal
from eks_identity.runtime.inputs import INVALID, parsed_by
from eks_identity.workloads.identity_modes import IRSA, POD_IDENTITY, IdentityMode, ServiceAccountManagement
from eks_identity.workloads.role_settings import RoleSettings

_WEBHOOK_ONLY: Final = ("audience", "token_expiration", "sts_regional_endpoints")
_POD_IDENTITY_ONLY: Final = ("target_role_arn", "session_policy", "disable_session_tags", "match_session_tags")
_SERVICE_ACCOUNT_ONLY: Final = ("token_expiration", "sts_regional_endpoints", "annotations", "labels")
_CREATED_ROLE_ONLY: Final = (*RoleSettings.__annotations__, "match_session_tags", "keep_pod_identity")


@dataclass(frozen=True)
class WorkloadOptions:
    """The parsed inputs of a WorkloadIdentity, except for those of its cluster, role and service accounts."""

    mode: IdentityMode = parsed_by(IdentityMode.parse, default=IRSA)
    service_account_management: ServiceAccountManagement = parsed_by(
        ServiceAccountManagement.parse, default=ServiceAccountManagement.CREATE
    )
    namespace: pulumi.Input[str] = parsed_by(names.namespace)
    service_account: pulumi.Input[str] = parsed_by(names.service_account)
    role_arn: pulumi.Input[Principal] | None = parsed_by(arns.role)
    target_role_arn: pulumi.Input[Principal] | None = parsed_by(arns.role)
    disable_session_tags: bool | None = parsed_by(bool)
    match_session_tags: bool | None = parsed_by(bool)
    keep_pod_identity: bool = parsed_by(bool, default=False)

    @property
    def manages_service_accounts(self) -> bool:
        """Whether the component creates or annotates service accounts."""
        return self.service_account_management is not ServiceAccountManagement.NONE

    @property
    def adopts_service_accounts(self) -> bool:
        """Whether the service accounts exist and are annotated only."""
        return self.service_account_management is ServiceAccountManagement.ADOPT

    def combination_problems(self, args: Mapping[str, object]) -> list[Problem]:
        """Return the problems of inputs that are valid one by one; `args` are those of the component."""
        problems: list[Problem] = []
        if self.mode is IRSA:
            problems += self._irsa_problems(args)
        if self.mode is POD_IDENTITY:
            problems += self._pod_identity_problems(args)
        if "role_arn" in args and self.mode is not INVALID:
            rule = "must be omitted with role_arn: the role exists, and is configured by its owner"
            # Associations have tags of their own.
            fields = [field for field in _CREATED_ROLE_ONLY if self.mode is IRSA or field != "tags"]
            problems += [_superfluous(field, rule, args) for field in fields if field in args]
        if not self.manages_service_accounts:
            rule = "must be omitted with service_account_management none, which changes no service account"
            problems += [_superfluous(field, rule, args) for field in _SERVICE_ACCOUNT_ONLY if field in args]
        return problems

    def _irsa_problems(self, args: Mapping[str, object]) -> list[Problem]:
        problems = []
        if "oidc_provider_arn" not in args and "role_arn" not in args:
            problems.append(provider_problem())
        accepted = ("disable_session_tags", "match_session_tags") if self.keep_pod_identity else ()
        rule = "must be omitted with mode irsa: only an association of Pod Identity uses it"
        fields = [field for field in _POD_IDENTITY_ONLY if field in args and field not in accepted]
        return problems + [_superfluous(field, rule, args) for field in fields]

    def _pod_identity_problems(self, args: Mapping[str, object]) -> list[Problem]:
        problems = []
        if "oidc_provider_arn" not in args:
            rule = "must be omitted with mode pod-identity: only the webhook of IRSA reads it"
            problems += [_superfluous(field, rule, args) for field in _WEBHOOK_ONLY if field in args]
        if self.disable_session_tags and self.match_session_tags:
            rule = "must be omitted with disable_session_tags: without session tags no pod could get the role (EKS)"
            fix = "remove it, or remove disable_session_tags"
            problems.append(Problem("match_session_tags", rule, value=True, fix=fix))
        if "session_policy" in args and not self.disable_session_tags:
            rule = "must be True with session_policy: STS packs session tags and policy into one limit (EKS)"
            fix = "set it to True, or remove session_policy"
            problems.append(Problem("disable_session_tags", rule, self.disable_session_tags, fix))
        return problems


def provider_problem() -> Problem:
    """Return the problem of a role for IRSA without an OIDC provider."""
    rule = "must be set with mode irsa: the role trusts the account's OIDC provider of the cluster's issuer"
    return Problem("oidc_provider_arn", rule, None, "pass OidcProvider.arn, or set mode to pod-identity")


def _superfluous(field: str, rule: str, args: Mapping[str, object]) -> Problem:
    return Problem(field, rule, args.get(field), "remove it")
