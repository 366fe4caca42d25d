"""The IAM half of people's access: access entries with their policies, entries of aws-auth, and what guards them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi.output import UNKNOWN

from eks_identity.access.access_entry import AccessEntry, AccessEntryArgs
from eks_identity.access.access_policies import GrantedPolicy, scope
from eks_identity.access.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
from eks_identity.access.existing_entries import ExistingAccess
from eks_identity.access.lockout_guard import LockoutGuard
from eks_identity.access.principals import AccessContext, PrincipalSpec, access_entry, logical_name
from eks_identity.clusters.created_entries import refuse_creator
from eks_identity.model import arns
from eks_identity.model.access_entries import EntrySpec
from eks_identity.model.arns import Principal
from eks_identity.runtime import query_cache
from eks_identity.runtime.children import Children, Registered
from eks_identity.runtime.inputs import Inputs, is_plain

_WITH_UNIQUE_ID = frozenset({"aws:iam/role:Role", "aws:iam/user:User"})


@dataclass(frozen=True)
class RegistrationOptions:
    """What is said of the entries of one declaration beside who and what."""

    adopt: bool
    allow_lockout_of: list[pulumi.Input[str]]
    tags: dict[str, pulumi.Input[str]]


@dataclass(frozen=True)
class RegisteredAccess:
    """Who came in, and by what."""

    arns: Sequence[pulumi.Output[str]]
    """Each principal as it was let in."""
    resources: Sequence[pulumi.Resource]


class AccessRegistrar:
    """Registers the entries, mappings and policies of one declaration below its component."""

    def __init__(
        self,
        name: str,
        entrance: AccessContext,
        options: RegistrationOptions,
        inputs: Inputs,
        component: pulumi.ComponentResource,
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
        self._children = Children(component, entrance.place)
        self._existing = ExistingAccess(component, entrance.place, entrance.cluster, query_cache.of_program())

    def let_in(self, persons: Sequence[PrincipalSpec], granted: Sequence[GrantedPolicy]) -> RegisteredAccess:
        """Registers entries, mappings and policies."""
        entered: list[Registered[pulumi.Output[str]]] = []
        access_method = self._entrance.access_method
        count = access_method.uses_access_entries * (1 + len(granted)) + access_method.uses_aws_auth
        for person in persons:
            assert person.arn is not None
            register = partial(self._register, person, granted)
            under = f"{person.under}.arn"
            entered.append(self._children.register(person.arn, logical_name, register, under=under, count=count))
        return RegisteredAccess([one.result for one in entered], [made for one in entered for made in one.resources])

    def _register(
        self, person: PrincipalSpec, granted: Sequence[GrantedPolicy], label: str
    ) -> Registered[pulumi.Output[str]]:
        """Registers what lets one principal in; the result is its ARN as it was let in."""
        name = f"{self._name}-{label}"
        made: list[pulumi.Resource] = []
        arns_: list[pulumi.Output[str]] = []
        if self._entrance.access_method.uses_access_entries:
            own = self._adopt(name, person) if self._options.adopt else self._enter(name, person)
            arns_.append(own.principal_arn)
            made += [own, *(self._associate(name, own, policy) for policy in granted)]
        if self._entrance.access_method.uses_aws_auth:
            mapping = self._map(name, person)
            arns_.append(mapping.arn)
            made.append(mapping)
        return Registered(made, arns_[0])

    def guard(
        self, let_in: RegisteredAccess, bound: Sequence[pulumi.Resource], declared: dict[str, Any], *, administers: bool
    ) -> None:
        """Registers what rejects a lockout. `administers`: all principals are administrators by a policy or role."""
        if self._entrance.type.is_for_nodes:
            return
        entered: list[pulumi.Input[str]] = list(let_in.arns) if self._entrance.access_method.uses_access_entries else []
        LockoutGuard.of_declaration(
            self._name,
            {
                "cluster_name": self._cluster["name"],
                "region": self._cluster["region"],
                "cluster_arn": self._cluster_arn,
                "kubeconfig": self._cluster["kubeconfig"],
                "principals": entered,
                "administrators": entered if administers else [],
                "allow_lockout_of": self._options.allow_lockout_of,
                "adopted": self._options.adopt,
            },
            declared,
            # It goes first, so that it can refuse before anything else has gone.
            pulumi.ResourceOptions(
                parent=self._component,
                depends_on=[*let_in.resources, *bound],
                hooks=None if is_plain(self._cluster) else self._existing.of_guard(self._name, LockoutGuard.token()),
            ),
        )

    def declared(self, persons: Sequence[PrincipalSpec], granted: Sequence[GrantedPolicy]) -> dict[str, Any]:
        """Entries, mappings and policies in plain form, for the guard to evaluate."""
        users = [self._inputs.later(person.who, _user, person.under) for person in persons]
        access_method = self._entrance.access_method
        policies = [{"arn": policy.arn, "namespaces": policy.namespaces} for policy in granted]
        return {
            "entries": users if access_method.uses_access_entries else [],
            "mappings": users if access_method.uses_aws_auth else [],
            "policies": policies if access_method.uses_access_entries else [],
        }

    def _enter(self, name: str, person: PrincipalSpec) -> "aws.eks.AccessEntry":
        who = {**person.who, "cluster_account": self._cluster["account_id"]}
        known = self._inputs.later(who, partial(access_entry, self._entrance, person), person.under)
        people: dict[str, Any] = {}
        if not self._entrance.type.is_for_nodes:
            people = {
                # The same name as through aws-auth, so that audit logs and bindings survive a change of way.
                "user_name": known.apply(_username),
                "kubernetes_groups": known.apply(lambda found: list(found.kubernetes_groups)),
            }
        refuse_creator(self._inputs, self._cluster["arn"], person.arn or "", f"{person.under}.arn")
        hooks = self._existing.of_entry(name, beside_a_mapping=self._entrance.access_method.uses_aws_auth)
        # EKS has one entry a principal: an entry of another type comes when this one has gone.
        options = pulumi.ResourceOptions(
            delete_before_replace=True, hooks=hooks, replacement_trigger=_unique_id(person.arn)
        )
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

    def _adopt(self, name: str, person: PrincipalSpec) -> AccessEntry:
        assert person.arn is not None
        args: AccessEntryArgs = {
            "cluster_name": self._cluster["name"],
            "region": self._cluster["region"],
            "cluster_arn": self._cluster_arn,
            "principal_arn": person.arn,
            "groups": list(person.groups),
            "tags": self._options.tags,
            "allow_lockout_of": self._options.allow_lockout_of,
            "guarded": True,
        }
        if "username" in person.given:
            args["username"] = person.given["username"]
        return AccessEntry(name, args, self._child)

    def _associate(
        self, name: str, own: "aws.eks.AccessEntry | AccessEntry", policy: GrantedPolicy
    ) -> "aws.eks.AccessPolicyAssociation":
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

    def _map(self, name: str, person: PrincipalSpec) -> AwsAuthMapping:
        assert person.arn is not None
        args: AwsAuthMappingArgs = {
            "kubeconfig": self._cluster["kubeconfig"],
            "arn": person.arn,
            "adopt": self._options.adopt,
            "allow_lockout_of": self._options.allow_lockout_of,
        }
        if self._entrance.type.is_for_nodes:
            args["type"] = self._entrance.type.value
        else:
            args["groups"] = list(person.groups)
        if "username" in person.given:
            args["username"] = person.given["username"]
        hooks = None
        if not self._entrance.access_method.uses_access_entries:
            hooks = self._existing.of_mapping(name, AwsAuthMapping.token(), person.arn)
        return AwsAuthMapping(name, args, pulumi.ResourceOptions(parent=self._component, hooks=hooks))


def _unique_id(principal: pulumi.Input[str] | None) -> pulumi.Output[str] | None:
    """Return the unique id of the role or user of this program that `principal` is an output of; None for a literal.

    An access entry is for one role, not for its ARN: where the program replaces the role under its old name, the ARN
    stays, and the entry has to be replaced, too.

    Source: EKS user guide, "Create access entries".
    """
    if not isinstance(principal, pulumi.Output):
        return None

    async def unique_id(_: Any) -> Any:
        made = [each for each in await principal.resources() if each.pulumi_resource_type in _WITH_UNIQUE_ID]
        if len(made) != 1:
            return None  # an engine's word for "no trigger"
        found: pulumi.Output[str] = made[0].unique_id  # type: ignore[attr-defined]
        known = await found.future()
        return UNKNOWN if known is None else known

    return principal.apply(unique_id, run_with_unknowns=True)


def _user(who: Any) -> dict[str, Any]:
    username = who["username"]
    default = Principal.parse(who["arn"]).default_username
    return {"arn": who["arn"], "username": default if username is None else username, "groups": list(who["groups"])}


def _username(known: EntrySpec) -> str:
    return known.username or known.principal.default_username
