"""The resource that rejects a change of the program that locks out the caller, or everybody.

The entries themselves cannot: one that is removed from the program is deleted at the end of the update, and no preview
calls its provider. So one resource knows all of them, and compares what is declared now with what was.
"""

from typing import Any, NotRequired, Self, TypedDict

import pulumi

from eks_identity.clusters import connections
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.arns import principal_arn
from eks_identity.runtime import credentials
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import reference
from eks_identity.runtime.inputs import Inputs


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
        self._register(name, args, opts, {})

    @classmethod
    def of_declaration(
        cls, name: str, args: LockoutGuardArgs, declared: dict[str, Any], opts: pulumi.ResourceOptions
    ) -> Self:
        """Return a guard that evaluates who may do what by `declared`: what a ClusterAccess configures."""
        guard = cls.__new__(cls)
        guard._register(name, args, opts, {"declared": declared})  # noqa: SLF001 - its own
        return guard

    def _register(
        self, name: str, args: LockoutGuardArgs, opts: pulumi.ResourceOptions | None, more: dict[str, Any]
    ) -> None:
        with Inputs(f'LockoutGuard "{name}"', args, LockoutGuardArgs) as inputs:
            place = connections.parse_location(inputs, args)
            given = {
                "principals": args["principals"],
                "administrators": args["administrators"],
                "allow_lockout_of": args.get("allow_lockout_of", []),
            }
            who = {
                field: [inputs.take(f"{field}[{index}]", arn, principal_arn) for index, arn in enumerate(principals)]
                for field, principals in given.items()
            }
            if "kubeconfig" in args:
                inputs.take("kubeconfig", args["kubeconfig"], kubeconfigs.usable)
        props = {
            **place,
            "credentials": credentials.passed_on(opts),
            **who,
            "adopted": bool(args.get("adopted", False)),
            "kubeconfig": args.get("kubeconfig"),
            **more,
        }
        super().__init__(name, props, opts)
