"""The resource that rejects a change of the program that locks out the caller, or everybody.

The entries themselves cannot: one that is removed from the program is deleted at the end of the update, and no preview
calls its provider. So one resource knows all of them, and compares what is declared now with what was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Self, TypedDict

import pulumi

from eks_identity.clusters.connections import parse_location
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.arns import principal_arn
from eks_identity.runtime import credentials
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import reference
from eks_identity.runtime.inputs import Inputs, parsed_by


class LockoutGuardArgs(TypedDict):
    """Whom one declaration lets into a cluster, and as what."""

    cluster_name: pulumi.Input[str]
    """The cluster's name in EKS."""
    region: pulumi.Input[str]
    """The cluster's region. Credentials are those of the aws provider in the options; without one those of the profile
    in the config's `eks-identity:profile`, in Python programs of `aws:profile` too, or the environment's."""
    cluster_arn: NotRequired[pulumi.Input[str]]
    """The cluster's ARN. Credentials of another account than it names are refused: a cluster of the same name may be
    there."""
    principals: list[pulumi.Input[str]]
    """ARNs of all that are let in by access entries of this declaration."""
    administrators: list[pulumi.Input[str]]
    """ARNs of the administrators among them: those that may do everything, by the access policy
    AmazonEKSClusterAdminPolicy for the whole cluster or by a ClusterRoleBinding. The guard takes the program's word."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals that may lose access although they are the caller, or the last administrator."""
    adopted: NotRequired[bool]
    """The entries are `AccessEntry`. Refused for a principal whose entry this declaration has made itself: what
    made it would delete it, when the other one has taken it over."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """How to reach the cluster, so that aws-auth and RBAC count too; without it, only access entries and their policies
    do. Kept as a secret."""


@dataclass(frozen=True)
class _Inputs:
    """The inputs besides the cluster's name, region and ARN."""

    principals: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True)
    administrators: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True)
    allow_lockout_of: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True, default=())
    adopted: bool = parsed_by(bool, default=False)
    kubeconfig: pulumi.Input[str] | None = parsed_by(kubeconfigs.usable)


class LockoutGuard(
    EksIdentityResource, provider=reference("LockoutGuardProvider"), secrets=["kubeconfig", "credentials"]
):
    """Rejects a change after which the caller may do less in the cluster, or nobody is an administrator.

    Make it depend on the entries that it guards: then a change is rejected in its preview, and the removal of the whole
    declaration before the first entry is deleted. It queries AWS and the cluster only if something changes, and changes
    nothing there. What it needs and cannot read is a reason to reject.

    A principal named in `allow_lockout_of` may lose access: in a change by the program's value, in a removal by the
    value of the last update.
    """

    principals: pulumi.Output[list[str]]
    """ARNs of all that are let in, as the last update said."""
    administrators: pulumi.Output[list[str]]
    """ARNs of the administrators among them, as the last update said."""

    def __init__(self, name: str, args: LockoutGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'LockoutGuard "{name}"', args, LockoutGuardArgs) as inputs:
            location = parse_location(inputs, args)
            values = inputs.read(_Inputs)
        self._register(name, {**location, **vars(values)}, opts)

    @classmethod
    def of_declaration(
        cls, name: str, props: Mapping[str, Any], declared: dict[str, Any], opts: pulumi.ResourceOptions
    ) -> Self:
        """Return a guard of a ClusterAccess, which has parsed `props`. The guard evaluates the access in `declared`."""
        guard = cls.__new__(cls)
        guard._register(name, {**props, "declared": declared}, opts)  # noqa: SLF001 - its own
        return guard

    def _register(self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(name, {**props, "credentials": credentials.passed_on(opts)}, opts)
