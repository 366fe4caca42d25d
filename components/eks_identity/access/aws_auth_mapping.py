"""One entry of aws-auth as a Pulumi resource, safe to have beside whoever else writes that ConfigMap."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi

from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import kubeconfig as kubeconfigs
from eks_identity.model.access_entries import EntryType
from eks_identity.model.arns import principal_arn
from eks_identity.model.aws_auth import UserMapping
from eks_identity.runtime import credentials, program_state
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import reference
from eks_identity.runtime.inputs import Inputs, parsed_by


class AwsAuthMappingArgs(TypedDict):
    """One entry of a cluster's aws-auth ConfigMap."""

    kubeconfig: pulumi.Input[str]
    """How to reach the cluster: JSON or YAML, for example `Cluster.kubeconfig`. Kept as a secret."""
    arn: pulumi.Input[str]
    """The IAM user, role or account root. A role's path is removed, as aws-auth needs it."""
    groups: NotRequired[list[pulumi.Input[str]]]
    """Kubernetes groups. Required, except with a `type` for nodes."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username; else the IAM user's name, or `<role>:{{SessionName}}`. None with a `type` for nodes."""
    type: NotRequired[str]
    """`STANDARD` (the default), or the type of the nodes that have this role: `EC2_LINUX`, `EC2_WINDOWS`,
    `FARGATE_LINUX` or `HYBRID_LINUX`. The type gives them username and groups. EKS itself maps the roles of managed
    node groups and of Fargate; it does not map those of self-managed node groups and of Karpenter."""
    adopt: NotRequired[bool]
    """Adopt an existing entry for this ARN, which is rejected by default. An entry of nodes is adopted only where nodes
    keep their username and all of their groups. This stands in for `pulumi import`, which Pulumi does not have for
    dynamic resources."""
    allow_lockout_of: NotRequired[list[pulumi.Input[str]]]
    """ARNs of principals that may lose this access although it is the caller's, or the last administrator's, and of
    node roles whose entry is removed with this mapping: by default it stays, since nodes could no longer authenticate.
    When the mapping is deleted or replaced, the value of the last update counts."""


@dataclass(frozen=True)
class _Options:
    """The inputs besides those of the entry itself."""

    kubeconfig: pulumi.Input[str] = parsed_by(kubeconfigs.usable)
    type: str = parsed_by(str, default=EntryType.STANDARD)
    adopt: bool = parsed_by(bool, default=False)
    allow_lockout_of: Sequence[pulumi.Input[str]] = parsed_by(principal_arn, each=True, default=())


class AwsAuthMapping(
    EksIdentityResource, provider=reference("AwsAuthMappingProvider"), secrets=["kubeconfig", "credentials"]
):
    """One entry of aws-auth, and never more than that: others may write the same ConfigMap at the same time.

    The ConfigMap is read, the one entry changed, and written with the `resourceVersion` that was read; on a conflict
    all of it again. Everybody else's entries and comments stay. Deleting takes its own entry out. Groups and username
    change in place; another ARN or cluster is another mapping.

    Rejected at preview: ARNs of sessions, empty usernames, groups of nodes without a type for nodes, an ARN that is
    mapped already, in this program or in the cluster, with both places, and an immutable ConfigMap. What the
    authenticator ignores in the ConfigMap is reported. Rejected as well: an edit after which the caller has fewer
    rights, or nobody is an administrator (an update in its preview, a delete before anything is written). A stack with
    such an entry is destroyed by another administrator, or with its ARN in `allow_lockout_of`. Access entries count
    too, if the kubeconfig names the EKS cluster; they are read with the credentials of the aws provider in the options,
    or of the environment.
    """

    arn: pulumi.Output[str]
    """The ARN as the entry has it."""
    username: pulumi.Output[str]
    """The Kubernetes username as the entry has it."""
    groups: pulumi.Output[list[str]]
    """The Kubernetes groups as the entry has them."""

    def __init__(self, name: str, args: AwsAuthMappingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        with Inputs(f'AwsAuthMapping "{name}"', args, AwsAuthMappingArgs) as inputs:
            options = inputs.read(_Options)
            fields = [args["arn"], args.get("groups"), args.get("username"), options.type]
            mapping = inputs.parse("", fields, _mapping)
            once = inputs.parse("arn", [mapping, options.kubeconfig], partial(_declare_once, name))
        # A secret kubeconfig does not make the entry secret.
        together: Any = pulumi.Output.all(mapping, pulumi.Output.unsecret(pulumi.Output.from_input(once)))
        declared: pulumi.Output[UserMapping] = together.apply(lambda both: both[0])
        props = {
            "kubeconfig": options.kubeconfig,
            "credentials": credentials.passed_on(opts),
            "arn": declared.apply(lambda parsed: parsed.arn),
            "username": declared.apply(lambda parsed: parsed.username),
            "groups": declared.apply(lambda parsed: list(parsed.groups)),
            **({} if options.type == EntryType.STANDARD else {"type": options.type}),
            "adopt": options.adopt,
            "allow_lockout_of": options.allow_lockout_of,
        }
        super().__init__(name, props, opts)


def _declare_once(name: str, parsed: Sequence[Any]) -> None:
    """Reject a mapping of an ARN that another resource of this program maps in the same cluster."""
    mapping, kubeconfig = parsed
    first = program_state.claim(name, "aws-auth", kubeconfigs.server(kubeconfig), mapping.arn.lower())
    if first != name:
        rule = "must be mapped once in a cluster, whatever its case: the authenticator keeps the last entry"
        fix = f'remove it from AwsAuthMapping "{first}" or from AwsAuthMapping "{name}"'
        raise InvalidInput([Problem("", rule, mapping.arn, fix)])


def _mapping(fields: Sequence[Any]) -> UserMapping:
    arn, groups, username, type_ = fields
    return UserMapping.of(arn, groups, username, type=type_)
