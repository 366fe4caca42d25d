"""Registers what gives the principals of a ClusterAccess access: access entries, policies, mappings, and the guard."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from eks_identity.access.access_entry import AccessEntry, AccessEntryArgs
from eks_identity.access.access_policies import GrantedPolicy, access_scope
from eks_identity.access.access_preflight import AccessPreflight
from eks_identity.access.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
from eks_identity.access.lockout_guard import LockoutGuard
from eks_identity.access.principals import AccessContext, PrincipalAccess, PrincipalInput
from eks_identity.clusters.connections import ClusterConnection
from eks_identity.clusters.created_entries import reject_creator
from eks_identity.clusters.literal_principals import reject_literal_of_new_identity
from eks_identity.model import identity_center
from eks_identity.model.arns import Principal
from eks_identity.model.role_grants import RoleGrant, rbac_fields
from eks_identity.runtime import query_cache
from eks_identity.runtime.children import ChildRegistrar, RegisteredChildren
from eks_identity.runtime.declared_identities import find_unique_ids
from eks_identity.runtime.inputs import Inputs


@dataclass(frozen=True)
class RegisteredAccess:
    """The registered access of all principals."""

    arns: Sequence[pulumi.Output[str]]
    """ARN of each principal as the cluster matches it."""
    resources: Sequence[pulumi.Resource]
    declared: dict[str, Any]
    """Entries, mappings and policies as plain values, which the guard keeps in its state and evaluates."""


@dataclass(frozen=True)
class AccessRegistrar:
    """Registers the access of one declaration below its component."""

    name: str
    component: pulumi.ComponentResource
    inputs: Inputs
    context: AccessContext
    cluster: ClusterConnection
    """The connection, whose values resolve once the access method is accepted."""
    adopt: bool
    allow_lockout_of: Sequence[pulumi.Input[str]]
    tags: dict[str, pulumi.Input[str]]

    def register(self, principals: Sequence[PrincipalInput], policies: Sequence[GrantedPolicy]) -> RegisteredAccess:
        """Register entries, policies and mappings of all principals."""
        method = self.context.access_method
        children = ChildRegistrar(self.component, self.context.subject)
        count = method.uses_access_entries * (1 + len(policies)) + method.uses_aws_auth
        registered: list[RegisteredChildren[pulumi.Output[str]]] = []
        for each in principals:
            assert each.principal is not None
            make = partial(self._register_principal, each, policies)
            under = f"{each.under}.arn"
            registered.append(
                children.register(each.principal, identity_center.logical_name, make, under=under, count=count)
            )
        users = [each.resolved_access.apply(_user) for each in principals]
        declared = {
            "entries": users if method.uses_access_entries else [],
            "mappings": users if method.uses_aws_auth else [],
            "policies": [_policy(policy) for policy in policies] if method.uses_access_entries else [],
        }
        resources = [resource for each in registered for resource in each.resources]
        return RegisteredAccess([each.result for each in registered], resources, declared)

    def register_guard(
        self,
        access: RegisteredAccess,
        bindings: Sequence[pulumi.Resource],
        roles: Sequence[RoleGrant],
        group: str,
        policies: Sequence[GrantedPolicy],
    ) -> None:
        """Register the resource that rejects a lockout. Nodes have no permissions that a user could lose."""
        if self.context.type.is_for_nodes:
            return
        with_entry: list[pulumi.Input[str]] = (
            list(access.arns) if self.context.access_method.uses_access_entries else []
        )
        are_administrators = any(policy.is_cluster_admin for policy in policies) or any(
            role.is_cluster_admin for role in roles
        )
        LockoutGuard.of_declaration(
            self.name,
            {
                "cluster_name": self.cluster["name"],
                "region": self.cluster["region"],
                "cluster_arn": self._cluster_arn,
                "kubeconfig": self.cluster["kubeconfig"],
                "principals": with_entry,
                "administrators": with_entry if are_administrators else [],
                "allow_lockout_of": list(self.allow_lockout_of),
                "adopted": self.adopt,
            },
            access.declared | rbac_fields(roles, group),
            # The engine deletes the guard first, so that it can reject before it deletes anything else.
            pulumi.ResourceOptions(
                parent=self.component,
                depends_on=[*access.resources, *bindings],
                hooks=self._preflight.before_guard(self.name, LockoutGuard.token()),
            ),
        )

    @property
    def _cluster_arn(self) -> pulumi.Output[str]:
        """The cluster's ARN, which fails as an input of this component and not as one of its children."""
        return pulumi.Output.from_input(self.context.connection.arn).apply(str)

    @property
    def _preflight(self) -> AccessPreflight:
        return AccessPreflight(
            self.component, self.context.subject, self.context.cluster, query_cache.program_query_cache()
        )

    def _register_principal(
        self, each: PrincipalInput, policies: Sequence[GrantedPolicy], label: str
    ) -> RegisteredChildren[pulumi.Output[str]]:
        """Register the access of one principal; the result is its ARN as the cluster matches it."""
        name = f"{self.name}-{label}"
        resources: list[pulumi.Resource] = []
        principal_arns: list[pulumi.Output[str]] = []
        if self.context.access_method.uses_access_entries:
            entry = self._adopt_entry(name, each) if self.adopt else self._create_entry(name, each)
            principal_arns.append(entry.principal_arn)
            resources += [entry, *(self._associate(name, entry, policy) for policy in policies)]
        if self.context.access_method.uses_aws_auth:
            mapping = self._map(name, each)
            principal_arns.append(mapping.arn)
            resources.append(mapping)
        return RegisteredChildren(resources, principal_arns[0])

    def _create_entry(self, name: str, each: PrincipalInput) -> "aws.eks.AccessEntry":
        access = each.resolved_access
        user: dict[str, Any] = {}
        if not self.context.type.is_for_nodes:
            user = {
                "user_name": access.apply(lambda resolved: resolved.effective_username),
                "kubernetes_groups": access.apply(lambda resolved: list(resolved.groups)),
            }
        assert each.principal is not None
        reject_creator(self.inputs, self.context.cluster["arn"], each.principal, f"{each.under}.arn")
        reject_literal_of_new_identity(self.inputs, f"{each.under}.arn", each.principal)
        hooks = self._preflight.before_entry(name, has_mapping=self.context.access_method.uses_aws_auth)
        # EKS has one entry a principal: the engine has to delete it before it creates one of another type.
        options = pulumi.ResourceOptions(
            parent=self.component,
            delete_before_replace=True,
            hooks=hooks,
            replacement_trigger=_unique_id(each.principal),
        )
        return aws.eks.AccessEntry(
            name,
            region=self.cluster["region"],
            cluster_name=self.cluster["name"],
            principal_arn=access.apply(lambda resolved: resolved.principal.arn),
            type=self.context.type.value,
            tags=self.tags,
            **user,
            opts=options,
        )

    def _adopt_entry(self, name: str, each: PrincipalInput) -> AccessEntry:
        assert each.principal is not None
        reject_literal_of_new_identity(self.inputs, f"{each.under}.arn", each.principal)
        args: AccessEntryArgs = {
            "cluster_name": self.cluster["name"],
            "region": self.cluster["region"],
            "cluster_arn": self._cluster_arn,
            "principal_arn": _arn_of(each.principal),
            "groups": list(each.groups),
            "tags": self.tags,
            "allow_lockout_of": list(self.allow_lockout_of),
            "guarded": True,
        }
        if "username" in each.args:
            args["username"] = each.args["username"]
        return AccessEntry(name, args, pulumi.ResourceOptions(parent=self.component))

    def _associate(
        self, name: str, entry: "aws.eks.AccessEntry | AccessEntry", policy: GrantedPolicy
    ) -> "aws.eks.AccessPolicyAssociation":
        # To Pulumi another scope is another association, to EKS the same one: the engine has to delete it first.
        options = pulumi.ResourceOptions(parent=self.component, delete_before_replace=True, depends_on=[entry])
        return aws.eks.AccessPolicyAssociation(
            f"{name}-{policy.name}",
            region=self.cluster["region"],
            cluster_name=self.cluster["name"],
            principal_arn=entry.principal_arn,
            policy_arn=policy.arn,
            access_scope=pulumi.Output.from_input(policy.namespaces).apply(access_scope),
            opts=options,
        )

    def _map(self, name: str, each: PrincipalInput) -> AwsAuthMapping:
        assert each.principal is not None
        args: AwsAuthMappingArgs = {
            "kubeconfig": self.cluster["kubeconfig"],
            "arn": _arn_of(each.principal),
            "adopt": self.adopt,
            "allow_lockout_of": list(self.allow_lockout_of),
        }
        if self.context.type.is_for_nodes:
            args["type"] = self.context.type.value
        else:
            args["groups"] = list(each.groups)
        if "username" in each.args:
            args["username"] = each.args["username"]
        hooks = None
        if not self.context.access_method.uses_access_entries:
            hooks = self._preflight.before_mapping(name, AwsAuthMapping.token(), each.principal)
        return AwsAuthMapping(name, args, pulumi.ResourceOptions(parent=self.component, hooks=hooks))


def _arn_of(principal: pulumi.Input[Principal]) -> pulumi.Input[str]:
    if isinstance(principal, Principal):
        return principal.arn
    resolved: pulumi.Output[Principal] = pulumi.Output.from_input(principal)
    return resolved.apply(lambda each: each.arn)


def _user(access: PrincipalAccess) -> dict[str, Any]:
    return {"arn": access.principal.arn, "username": access.effective_username, "groups": list(access.groups)}


def _policy(policy: GrantedPolicy) -> dict[str, Any]:
    return {"arn": policy.arn, "namespaces": pulumi.Output.from_input(policy.namespaces).apply(list)}


def _unique_id(principal: pulumi.Input[Principal] | None) -> pulumi.Output[str] | None:
    """Return the unique id of the role or user of this program that `principal` is an output of; None for a literal.

    An access entry is for one role, not for its ARN: where the program replaces the role under its old name, the ARN
    stays, and the entry has to be replaced, too.

    Source: EKS user guide, "Create access entries".
    """
    if not isinstance(principal, pulumi.Output):
        return None

    async def find_unique_id(_: Any) -> Any:
        unique_ids = await find_unique_ids(principal)
        return unique_ids[0] if len(unique_ids) == 1 else None  # to the engine: no trigger

    return principal.apply(find_unique_id, run_with_unknowns=True)
