"""What stands between a change of the program and the loss of everybody's way into the cluster.

Entries themselves cannot do it: one that is taken out of the program is deleted when everything else has happened, and
no preview asks it. So one resource knows them all, and compares what is declared now with what was.
"""

from typing import NotRequired, TypedDict

import pulumi

from eks_identity import credentials
from eks_identity.clusters import connections
from eks_identity.inputs import Inputs
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.arns import principal_arn
from eks_identity.own_resource import OwnResource
from eks_identity.people.access_guard_provider import AccessGuardProvider


class AccessGuardArgs(TypedDict):
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
    """ARNs of those among them with the access policy AmazonEKSClusterAdminPolicy for the whole cluster, or whom a
    binding of ClusterRole `cluster-admin` names."""
    break_glass: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals that may lose their way in although it is the caller's own, or the last administrator's."""
    adopted: NotRequired[bool]
    """The entries are `AdoptedAccessEntry`. Refused for a principal whose entry this declaration has made itself: what
    made it would delete it, when the other one has taken it over."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """How to reach the cluster, so that what aws-auth lets in and what bindings grant counts too; without it, only
    access entries and their policies do. Kept as a secret."""


class AccessGuard(OwnResource, provider=AccessGuardProvider, secrets=["kubeconfig", "credentials"]):
    """Refuses a change that takes away the caller's own way in, or the last administrator's.

    Make it depend on the entries that it guards: then a change is refused in its preview, and where the whole
    declaration goes, before the first entry does. It asks AWS only where something is taken away, and changes nothing
    there.

    Named in `break_glass`, a principal may go: in a change by what the program says now, in a removal by what the last
    update said.
    """

    principals: pulumi.Output[list[str]]
    """ARNs of all that are let in, as the last update said."""
    administrators: pulumi.Output[list[str]]
    """ARNs of the administrators among them, as the last update said."""

    def __init__(self, name: str, args: AccessGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'AccessGuard "{name}"', args, AccessGuardArgs) as inputs:
            place = connections.place(inputs, args)
            given = {
                "principals": args["principals"],
                "administrators": args["administrators"],
                "break_glass": args.get("break_glass", []),
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
        }
        super().__init__(name, props, opts)
