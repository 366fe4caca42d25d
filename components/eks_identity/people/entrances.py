"""The IAM half of people's access: access entries with their policies, entries of aws-auth, and what guards them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from eks_identity import answers
from eks_identity.inputs import Inputs
from eks_identity.model import arns
from eks_identity.model.access_entries import AccessEntry
from eks_identity.people.access_entry import AdoptedAccessEntry, AdoptedAccessEntryArgs
from eks_identity.people.access_guard import AccessGuard
from eks_identity.people.access_policies import GrantedPolicy, scope
from eks_identity.people.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
from eks_identity.people.new_entries import ExistingWaysIn
from eks_identity.people.principals import Entrance, Person, access_entry


@dataclass(frozen=True)
class Options:
    """What is said of the entries of one declaration beside who and what."""

    adopt: bool
    break_glass: list[pulumi.Input[str]]
    tags: dict[str, pulumi.Input[str]]


@dataclass(frozen=True)
class LetIn:
    """Who came in, and by what."""

    arns: Sequence[pulumi.Output[str]]
    """Each principal as it was let in."""
    resources: Sequence[pulumi.Resource]


class WayIn:
    """Registers the entries, mappings and policies of one declaration below its component."""

    def __init__(
        self, name: str, entrance: Entrance, options: Options, inputs: Inputs, component: pulumi.Resource
    ) -> None:
        self._name = name
        self._options = options
        self._entrance = entrance
        self._cluster = entrance.cluster
        # As it is once it was found right: what is wrong is said of this declaration, and not of its children.
        self._cluster_arn = inputs.once_known(entrance.cluster["arn"], arns.cluster_arn, "cluster.arn")
        self._inputs = inputs
        self._component = component
        self._child = pulumi.ResourceOptions(parent=component)
        self._existing = ExistingWaysIn(component, entrance.place, entrance.cluster, answers.of_program())

    def let_in(self, persons: Sequence[Person], granted: Sequence[GrantedPolicy]) -> LetIn:
        """Registers entries, mappings and policies."""
        made: list[pulumi.Resource] = []
        entered: list[pulumi.Output[str]] = []
        mapped: list[pulumi.Output[str]] = []
        via = self._entrance.via
        for person in persons:
            name = f"{self._name}-{person.label}"
            if via.uses_access_entries:
                own = self._adopt(name, person) if self._options.adopt else self._enter(name, person)
                entered.append(own.principal_arn)
                made += [own, *(self._associate(name, own, policy) for policy in granted)]
            if via.uses_aws_auth:
                mapping = self._map(name, person)
                mapped.append(mapping.arn)
                made.append(mapping)
        return LetIn(entered or mapped, made)

    def guard(self, let_in: LetIn, bound: Sequence[pulumi.Resource], *, administers: bool) -> None:
        """Registers what refuses to take a last way in away. `administers`: all of them are administrators."""
        if not self._entrance.via.uses_access_entries or self._entrance.type.is_for_nodes:
            return
        AccessGuard(
            self._name,
            {
                "cluster_name": self._cluster["name"],
                "region": self._cluster["region"],
                "cluster_arn": self._cluster_arn,
                "kubeconfig": self._cluster["kubeconfig"],
                "principals": list(let_in.arns),
                "administrators": list(let_in.arns) if administers else [],
                "break_glass": self._options.break_glass,
                "adopted": self._options.adopt,
            },
            # It goes first, so that it can refuse before anything else has gone.
            pulumi.ResourceOptions(parent=self._component, depends_on=[*let_in.resources, *bound]),
        )

    def _enter(self, name: str, person: Person) -> aws.eks.AccessEntry:
        who = {**person.who, "cluster_account": self._cluster["account_id"]}
        known = self._inputs.later(who, partial(access_entry, self._entrance, person), person.under)
        people: dict[str, Any] = {}
        if not self._entrance.type.is_for_nodes:
            people = {
                # The same name as through aws-auth, so that audit logs and bindings survive a change of way.
                "user_name": known.apply(_username),
                "kubernetes_groups": known.apply(lambda found: list(found.kubernetes_groups)),
            }
        hooks = self._existing.of_entry(name, beside_a_mapping=self._entrance.via.uses_aws_auth)
        # EKS has one entry a principal: an entry of another type comes when this one has gone.
        options = pulumi.ResourceOptions(delete_before_replace=True, hooks=hooks)
        return aws.eks.AccessEntry(
            name,
            region=self._cluster["region"],
            cluster_name=self._cluster["name"],
            principal_arn=known.apply(lambda found: found.principal.arn),
            type=self._entrance.type.value,
            tags=self._options.tags,
            **people,
            opts=pulumi.ResourceOptions.merge(self._child, options),
        )

    def _adopt(self, name: str, person: Person) -> AdoptedAccessEntry:
        assert person.arn is not None
        args: AdoptedAccessEntryArgs = {
            "cluster_name": self._cluster["name"],
            "region": self._cluster["region"],
            "cluster_arn": self._cluster_arn,
            "principal_arn": person.arn,
            "groups": list(person.groups),
            "tags": self._options.tags,
            "break_glass": self._options.break_glass,
            "guarded": True,
        }
        if "username" in person.given:
            args["username"] = person.given["username"]
        return AdoptedAccessEntry(name, args, self._child)

    def _associate(
        self, name: str, own: aws.eks.AccessEntry | AdoptedAccessEntry, policy: GrantedPolicy
    ) -> aws.eks.AccessPolicyAssociation:
        # Another scope is another association to Pulumi, and the same one to EKS: made first, it would go with the old.
        options = pulumi.ResourceOptions(delete_before_replace=True, depends_on=[own])
        return aws.eks.AccessPolicyAssociation(
            f"{name}-{policy.name}",
            region=self._cluster["region"],
            cluster_name=self._cluster["name"],
            principal_arn=own.principal_arn,
            policy_arn=policy.arn,
            access_scope=pulumi.Output.from_input(policy.namespaces).apply(scope),
            opts=pulumi.ResourceOptions.merge(self._child, options),
        )

    def _map(self, name: str, person: Person) -> AwsAuthMapping:
        assert person.arn is not None
        args: AwsAuthMappingArgs = {
            "kubeconfig": self._cluster["kubeconfig"],
            "arn": person.arn,
            "groups": list(person.groups),
            "adopt": self._options.adopt,
            "break_glass": self._options.break_glass,
        }
        if "username" in person.given:
            args["username"] = person.given["username"]
        hooks = None
        if not self._entrance.via.uses_access_entries:
            hooks = self._existing.of_mapping(name, AwsAuthMapping.token(), person.arn)
        return AwsAuthMapping(name, args, pulumi.ResourceOptions(parent=self._component, hooks=hooks))


def _username(known: AccessEntry) -> str:
    return known.username or known.principal.default_username
