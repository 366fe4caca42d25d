"""A cluster's way from aws-auth to access entries, declared; why it is one resource is told in docs/adr/0008."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NotRequired, TypedDict

import pulumi

from eks_identity.clusters.connections import ClusterConnection, parse_connection
from eks_identity.errors import InvalidInput, Problem
from eks_identity.model import arns, names
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.arns import Principal
from eks_identity.runtime import credentials
from eks_identity.runtime.custom_resource import EksIdentityResource
from eks_identity.runtime.dynamic_provider import reference
from eks_identity.runtime.inputs import Inputs, parsed_by


class AuthenticationModeMigrationArgs(TypedDict):
    """How far a cluster goes, and what may be lost on the way."""

    cluster: ClusterConnection
    """`Cluster.connection`. Whoever runs this may read aws-auth, and change the cluster and its access entries."""
    target_mode: pulumi.Input[str]
    """`API_AND_CONFIG_MAP`, where EKS reads both, or `API`, where aws-auth is ignored. There is no way back."""
    principals: NotRequired[dict[str, pulumi.Input[str]]]
    """Whole ARNs, path included, by the ARNs that aws-auth has: for roles of other accounts, which this account's IAM
    does not know. Those of the cluster's own account are looked up."""
    accept_loss_of: NotRequired[list[pulumi.Input[str]]]
    """What may lose its access with mode `API`: ARNs as aws-auth has them, which then get no access entry; ids of
    `mapAccounts`; and groups, such as `system:…`, which are dropped from the entries that are made."""


def _target_mode(text: str) -> str:
    mode = AuthenticationMode.parse(text)
    if mode is AuthenticationMode.CONFIG_MAP:
        rule = "authentication modes go one way: CONFIG_MAP, API_AND_CONFIG_MAP, API (EKS)"
        raise InvalidInput([Problem("", rule, text, "write API_AND_CONFIG_MAP, or API")])
    return mode.value


def _loss(name: str) -> str:
    """What may be lost, as aws-auth has it; that it has it is seen in the cluster."""
    if not names.text(name) or name != name.strip():
        rule = "an ARN, an account id or a group as aws-auth has it"
        raise InvalidInput([Problem("", rule, name, "take it out, or copy it from the plan")])
    return name


def _full_arn(arn: str, full: str) -> str:
    principal = Principal.parse(full)
    if not arns.same_arn(principal.aws_auth_arn, arn):
        rule = "the same principal as aws-auth has it, with its path"
        raise InvalidInput([Problem("", rule, full, f"write the whole ARN of {arn}")])
    return principal.arn


@dataclass(frozen=True)
class _Options:
    """The inputs that do not depend on another one."""

    target_mode: pulumi.Input[str] = parsed_by(_target_mode)
    accept_loss_of: Sequence[str] = parsed_by(_loss, each=True, default=())


class AuthenticationModeMigration(
    EksIdentityResource,
    provider=reference("AuthenticationModeMigrationProvider"),
    secrets=["kubeconfig", "credentials"],
):
    """Takes a cluster from `CONFIG_MAP` through `API_AND_CONFIG_MAP` to `API`, with everybody whom aws-auth lets in.

    A preview reads the cluster and shows the plan: each entry of aws-auth with the access entry that it becomes, the
    same username and groups, and what has no equal. An update goes to `API_AND_CONFIG_MAP`, makes the entries, reads
    them back, and with `target_mode: API` reads aws-auth again and takes the last step. Entries that are there already
    stay as they are; where one says something else, the plan names both. Run again, it goes on where it was ended.

    `system:masters` becomes the access policy AmazonEKSClusterAdminPolicy for the whole cluster; that group's members
    are refused for the moment between the making of their entry and that of its policy. Node roles get entries of
    their nodes' type. The cluster's creator gets an entry from EKS itself, and with it another username. No equal have:
    other `system:` groups, usernames that access entries do not take, empty usernames, `mapAccounts`, and roles whose
    path nobody knows; a principal that has an access entry of its own loses nothing.

    Refused, at preview and again before the write: mode `API` while anything is left behind that `accept_loss_of` does
    not name, or while only aws-auth lets the caller in; and any way back.

    Deleting it changes nothing. The entries that it made stay; `ClusterAccess` with `adopt` takes them over. A cluster
    that the same program makes has to be given the new mode in its `create` too, after `pulumi refresh`.
    """

    plan: pulumi.Output[list[str]]
    """What was done, or in a preview what will be: a line for each entry of aws-auth and each change of mode."""
    not_migrated: pulumi.Output[list[str]]
    """What in aws-auth has no access entry, by the names that `accept_loss_of` takes."""
    authentication_mode: pulumi.Output[str]
    """The mode that the cluster has now: what depends on it takes it from here, in place of the connection's."""

    def __init__(
        self, name: str, args: AuthenticationModeMigrationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        subject = f'AuthenticationModeMigration "{name}"'
        with Inputs(subject, args, AuthenticationModeMigrationArgs) as inputs:
            parse_connection(inputs, args["cluster"])
            options = inputs.read(_Options)
            principals = {
                arn: inputs.parse(f"principals.{arn}", full, partial(_full_arn, arn))
                for arn, full in args.get("principals", {}).items()
            }
        cluster = args["cluster"]
        props = {
            "cluster_name": cluster["name"],
            "region": cluster["region"],
            "cluster_arn": cluster["arn"],
            "credentials": credentials.passed_on(opts),
            "kubeconfig": cluster["kubeconfig"],
            "target_mode": options.target_mode,
            "principals": principals,
            "accept_loss_of": options.accept_loss_of,
            "plan": None,
            "not_migrated": None,
            "authentication_mode": None,
        }
        super().__init__(name, props, opts)
