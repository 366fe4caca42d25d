"""An access entry that may be there already: the creator's own, one that EKS made, or one that somebody made by hand.

`aws.eks.AccessEntry` makes entries, and ends in a 409 where there is one. Why taking over is a resource of its own is
told in docs/adr/0007.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NotRequired, TypedDict

import pulumi

from eks_identity.clusters.connections import parse_location
from eks_identity.errors import InvalidInput
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model import tags as tag_rules
from eks_identity.model.access_entries import EntrySpec
from eks_identity.model.arns import principal_arn
from eks_identity.runtime import credentials
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import reference
from eks_identity.runtime.inputs import Inputs, parsed_by


class AccessEntryArgs(TypedDict):
    """One principal's access entry, made or taken over."""

    cluster_name: pulumi.Input[str]
    """The cluster's name in EKS."""
    region: pulumi.Input[str]
    """The cluster's region. Credentials are those of the aws provider in the options; without one those of the profile
    in the config's `eks-identity:profile`, in Python programs of `aws:profile` too, or the environment's."""
    cluster_arn: NotRequired[pulumi.Input[str]]
    """The cluster's ARN. Credentials of another account than it names are refused: a cluster of the same name may be
    there."""
    principal_arn: pulumi.Input[str]
    """IAM user, role or account root, as IAM writes it, path included."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username; else the IAM user's name, or `<role>:{{SessionName}}`."""
    groups: NotRequired[list[pulumi.Input[str]]]
    """All Kubernetes groups of the entry. None begins with `system:`."""
    tags: NotRequired[dict[str, pulumi.Input[str]]]
    """Tags of the entry, at most 50 with those that others put there, which stay."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals whose entry may be deleted although it is the caller's own way in, or the last
    administrator's. What counts when the entry is deleted is what the last update said."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """How to reach the cluster, so that what aws-auth lets in counts too; without it, only access entries do.
    Kept as a secret."""
    guarded: NotRequired[bool]
    """An `LockoutGuard` knows this entry, and refuses where it is a last way in; so the entry itself asks nobody."""


@dataclass(frozen=True)
class _Options:
    """The inputs that do not depend on another one."""

    allow_lockout_of: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True, default=())
    kubeconfig: pulumi.Input[str] | None = parsed_by(kubeconfigs.usable)
    guarded: bool = parsed_by(bool, default=False)


class AccessEntry(
    EksIdentityResource, provider=reference("AccessEntryProvider"), secrets=["kubeconfig", "credentials"]
):
    """One principal's access entry of type STANDARD, made where there is none and taken over where there is one.

    A takeover sets username, groups and tags in place: there is no moment without the entry, and its access policies
    stay. The preview says what it had, in `takes_over`. Another principal or cluster is another entry.

    Rejected at preview: an entry of another type, and whatever EKS would refuse. Refused when it is deleted, with
    nothing done: the entry by which the caller comes in where nothing else lets them in, and the last administrator's,
    unless `allow_lockout_of` names the principal. An entry that was taken over is deleted like one that was made.
    """

    principal_arn: pulumi.Output[str]
    """The principal, path included."""
    username: pulumi.Output[str]
    """The Kubernetes username."""
    groups: pulumi.Output[list[str]]
    """All Kubernetes groups of the entry."""
    tags: pulumi.Output[dict[str, str]]
    """All tags of the entry."""
    access_entry_arn: pulumi.Output[str]
    """The entry's own ARN."""
    takes_over: pulumi.Output[str]
    """What the entry said before it was taken over; empty where it was made."""

    def __init__(self, name: str, args: AccessEntryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'AccessEntry "{name}"', args, AccessEntryArgs) as inputs:
            fields = [args["principal_arn"], args.get("groups", []), args.get("username")]
            entry: pulumi.Output[EntrySpec] = pulumi.Output.from_input(inputs.parse("", fields, _entry))
            location = parse_location(inputs, args)
            options = inputs.read(_Options)
            tags = inputs.text_values("tags", args.get("tags", {}))
            inputs.reject(*(each.under("tags") for each in tag_rules.problems(tags, keys_have_case=True)))
        props = {
            **location,
            "credentials": credentials.passed_on(opts),
            "principal_arn": entry.apply(lambda parsed: parsed.principal.arn),
            "username": entry.apply(lambda parsed: parsed.username or parsed.principal.default_username),
            "groups": entry.apply(lambda parsed: list(parsed.kubernetes_groups)),
            "tags": tags,
            "allow_lockout_of": options.allow_lockout_of,
            "kubeconfig": options.kubeconfig,
            "guarded": options.guarded,
            "access_entry_arn": None,
            "takes_over": None,
        }
        super().__init__(name, props, opts)


def _entry(fields: Sequence[Any]) -> EntrySpec:
    principal_arn, groups, username = fields
    try:
        return EntrySpec.of(principal_arn, groups, username)
    except InvalidInput as error:
        raise InvalidInput(
            replace(problem, input=problem.input.removeprefix("kubernetes_")) for problem in error.problems
        ) from None
