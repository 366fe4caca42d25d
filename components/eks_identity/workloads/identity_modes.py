"""How pods get an IAM role: the identity modes, and the rules for every role of pods in a cluster."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Literal, Self, overload

import pulumi

from eks_identity.clusters.connections import Connection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model.arns import Arn, Principal
from eks_identity.model.issuers import Issuer, Provider
from eks_identity.model.partitions import Partition
from eks_identity.model.subjects import Subject
from eks_identity.runtime import diagnostics, program_state
from eks_identity.runtime.inputs import Inputs
from eks_identity.runtime.outputs import memoize_on_output
from eks_identity.workloads.subjects import SubjectInput


class _Choice(StrEnum):
    """A plain value that decides which resources a component registers."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the member of a value; raise `InvalidInput` for other text."""
        try:
            return cls(text)
        except ValueError:
            raise InvalidInput([one_of_problem(text, *cls)]) from None


class IdentityMode(_Choice):
    """How pods get an IAM role."""

    IRSA = "irsa"
    """By an annotation of the service account and its token (IAM roles for service accounts)."""
    POD_IDENTITY = "pod-identity"
    """By an association of EKS Pod Identity."""

    @property
    def other(self) -> "IdentityMode":
        """The mode that is not this one."""
        return IdentityMode.IRSA if self is IdentityMode.POD_IDENTITY else IdentityMode.POD_IDENTITY


class ServiceAccountManagement(_Choice):
    """What a component does with service accounts."""

    CREATE = "create"
    ADOPT = "adopt"
    NONE = "none"


IdentityModeInput = IdentityMode | Literal["irsa", "pod-identity"]
ServiceAccountManagementInput = ServiceAccountManagement | Literal["create", "adopt", "none"]
IRSA, POD_IDENTITY = IdentityMode


def one_of_problem(text: str, *choices: str) -> Problem:
    """Return the validation error of a value that is none of the choices."""
    return Problem("", f"must be one of {', '.join(choices)}", text, f"write {choices[0]}")


def parse_provider(inputs: Inputs, arn: pulumi.Input[str]) -> pulumi.Input[Provider]:
    """Parse `oidc_provider_arn`. A thousand components may have the same Output: the first one's error names it."""

    def parse(value: pulumi.Input[str]) -> pulumi.Input[Provider]:
        return inputs.parse("oidc_provider_arn", value, Provider.parse)

    return memoize_on_output(arn, "oidc_provider_arn", parse) if isinstance(arn, pulumi.Output) else parse(arn)


@overload
def role_arn_of(inputs: Inputs, role: pulumi.Input[Principal]) -> pulumi.Input[str]: ...
@overload
def role_arn_of(inputs: Inputs, role: None) -> None: ...
def role_arn_of(inputs: Inputs, role: pulumi.Input[Principal] | None) -> pulumi.Input[str] | None:
    """Return the ARN of a parsed role; None if there is none."""
    return None if role is None else inputs.parse("", role, lambda resolved: resolved.arn)


def cluster_provider(issuer: Issuer, partition: Partition, account_id: str) -> Provider:
    """Return the OIDC provider of a cluster's issuer in the cluster's own account."""
    return Provider(issuer, partition, account_id)


def require_own_account(inputs: Inputs, role: pulumi.Input[Principal], connection: Connection) -> None:
    """Reject a `role_arn` of another account for Pod Identity."""
    inputs.parse("role_arn", [role, connection.account_id], _require_own_account)


def _require_own_account(resolved: Sequence[Any]) -> None:
    role, account_id = resolved
    if role.account != account_id:
        rule = f"must be a role of the cluster's account {account_id}: EKS Pod Identity assumes no other (EKS)"
        fix = "pass a role of that account, such as a PodIdentityRole's, and this one as target_role_arn"
        raise InvalidInput([Problem("", rule, role.arn, fix)])


def declare_once(inputs: Inputs, mode: IdentityMode, connection: Connection, subjects: Sequence[SubjectInput]) -> None:
    """Reject a second identity of a service account by the same mode, and warn of one by the other mode."""
    resolved = [mode, connection.arn, [each.subject for each in subjects]]
    inputs.parse("service_account", resolved, partial(_declare_once, inputs.subject))


def _declare_once(component: str, resolved: Sequence[Any]) -> None:
    mode: IdentityMode = resolved[0]
    cluster: Arn = resolved[1]
    subjects: Sequence[Subject] = resolved[2]
    for subject in subjects:
        key = str(cluster), subject.namespace, subject.service_account
        account = f"{subject.namespace}/{subject.service_account}"
        first = program_state.claim(component, mode, *key)
        if first != component:
            rule = f"must have one role by {mode}: a service account has one annotation and one association"
            fix = f"remove it from {first} or from {component}"
            raise InvalidInput([Problem("", rule, account, fix)])
        other = program_state.claimed_by(mode.other, *key)
        if other is not None:
            diagnostics.warn(
                f"service account {account} of {cluster} has two roles, by {other} and {component}: new pods get the "
                f"role of {POD_IDENTITY}, and that of {IRSA} has no effect; to change the mode, change it in one "
                "declaration"
            )
