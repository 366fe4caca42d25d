"""IAM resources of a stack as users, roles, groups, managed policies and OIDC providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from eks_access.catalogue.managed_policies import managed_policy, remark
from eks_access.graph.aws_objects import AddedPolicies, Document, IamGroup, IamPrincipal, OidcProvider, Unknown
from eks_access.sources.pulumi.clusters import StackAccounts
from eks_access.sources.pulumi.iam_policies import POLICY_KINDS, IamPolicies
from eks_access.sources.pulumi.resources import Resource
from eks_access.sources.pulumi.rows import Rows
from eks_access.sources.pulumi.values import document

ROLE = "aws:iam/role:Role"
USER = "aws:iam/user:User"
GROUP = "aws:iam/group:Group"
POLICY = "aws:iam/policy:Policy"
OIDC_PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


class StackIam:
    """The tables of IAM. What other stacks attach to a principal is not known: its `other_policies` says so."""

    def __init__(self, resources: Sequence[Resource], accounts: StackAccounts, now: datetime, reason: str) -> None:
        self._resources = resources
        self._accounts = accounts
        self._now = now
        self._reason = reason
        self._policies = IamPolicies(resources)
        self.principals: Rows[str, IamPrincipal] = Rows("IAM principal", reason, IamPrincipal)
        self.groups: Rows[str, IamGroup] = Rows("IAM group", reason, IamGroup)
        self.policies: Rows[str, Document | Unknown] = Rows("IAM policy", reason, Document | Unknown)
        self.oidc_providers: Rows[str, OidcProvider] = Rows("IAM OIDC provider", reason, OidcProvider)
        self._rows: Mapping[str, Rows[str, Any]] = {
            ROLE: self.principals,
            USER: self.principals,
            GROUP: self.groups,
            POLICY: self.policies,
            OIDC_PROVIDER: self.oidc_providers,
        }
        for resource in resources:
            if resource.kind in self._rows:
                self._rows[resource.kind].add(partial(self._key, resource), partial(self._value, resource))
        for arn in self._named_policies():
            # A stack attaches AWS-managed policies and has no document of them.
            if arn not in self.policies.objects and (found := managed_policy(arn)) is not None:
                self.policies.objects[arn] = found
                self.policies.remarks[arn] = remark(arn)

    def _named_policies(self) -> Iterator[str]:
        """Yield the ARNs of managed policies that principals and groups have."""
        for principal in self.principals.objects.values():
            yield from principal.attached_policies
            if isinstance(principal.boundary, str):
                yield principal.boundary
        for group in self.groups.objects.values():
            yield from group.attached_policies

    def remove(self, resource: Resource) -> None:
        """Note that a resource does not exist after the update."""
        if resource.kind in self._rows:
            self._rows[resource.kind].remove(partial(self._key, resource))

    def added_policies(self) -> tuple[AddedPolicies, ...]:
        """Return the policies for users, roles and groups that the stack does not declare."""
        declared = (each for each in self._resources if each.kind in {ROLE, USER, GROUP})
        own = {(_holder_kind(each), name) for each in declared if isinstance(name := each.get("name"), str)}
        by_account: dict[str, list[Resource]] = {}
        for resource in self._resources:
            if resource.kind in POLICY_KINDS:
                by_account.setdefault(self._accounts.account(resource), []).append(resource)
        return tuple(
            AddedPolicies(
                *holder,
                account,
                policies.inline.get(holder, {}),
                tuple(policies.attached.get(holder, ())),
                policies.unknown_of(holder),
            )
            for account, resources in sorted(by_account.items())
            for policies in (IamPolicies(resources),)
            for holder in policies.holders()
            if holder not in own
        )

    def _key(self, resource: Resource) -> str:
        return resource.text("name") if resource.kind == GROUP else self._arn(resource)

    def _arn(self, resource: Resource) -> str:
        if resource.kind == OIDC_PROVIDER:
            return self._accounts.iam_arn(resource, "oidc-provider/" + _host(resource))
        path, name = resource.require("path") or "/", resource.text("name")
        return self._accounts.iam_arn(resource, f"{_holder_kind(resource)}{path}{name}")

    def _value(self, resource: Resource) -> Any:
        if resource.kind == POLICY:
            return resource.document("policy") or Unknown(f"policy of {resource} is not set")
        if resource.kind == OIDC_PROVIDER:
            audiences = tuple(resource.require("clientIdLists") or ())
            return OidcProvider(self._arn(resource), _host(resource), audiences, resource.texts("tags"))
        if resource.kind == GROUP:
            holder = ("group", resource.text("name"))
            return IamGroup(self._arn(resource), self._policies.inline[holder], tuple(self._policies.attached[holder]))
        return self._principal(resource)

    def _principal(self, resource: Resource) -> IamPrincipal:
        is_role = resource.kind == ROLE
        name = resource.text("name")
        holder = (_holder_kind(resource), name)
        unique_id = resource.get("uniqueId")
        return IamPrincipal(
            arn=self._arn(resource),
            unique_id=unique_id if isinstance(unique_id, str) else "",
            created_at=self._created_at(resource),
            trust_policy=resource.document("assumeRolePolicy") if is_role else None,
            inline_policies=_inline(resource) | self._policies.inline[holder],
            attached_policies=tuple({**dict.fromkeys(_attached(resource)), **self._policies.attached[holder]}),
            other_policies=self._policies.others(holder, self._reason),
            boundary=resource.get("permissionsBoundary"),
            groups=() if is_role else self._policies.groups_of(name),
            tags=resource.texts("tags"),
        )

    def _created_at(self, resource: Resource) -> datetime | None:
        """Return the time of creation. A principal that the update creates is newer than every access entry."""
        return resource.time("createDate") or (self._now if resource.is_new else None)


def _holder_kind(resource: Resource) -> str:
    """Return the kind of a resource in lower case: `role`, `user`, `group`, `policy`."""
    return resource.kind.rpartition(":")[2].lower()


def _host(resource: Resource) -> str:
    return resource.text("url").removeprefix("https://")


def _inline(resource: Resource) -> dict[str, Document | Unknown]:
    """Return the inline policies in the arguments of a role."""
    policies = resource.get("inlinePolicies")
    if isinstance(policies, Unknown):
        return {"inlinePolicies": policies}
    found: dict[str, Document | Unknown] = {}
    for index, policy in enumerate(policies or ()):
        origin = f"inlinePolicies[{index}]"
        name = origin if isinstance(policy, Unknown) else policy.get("name")
        text = policy if isinstance(policy, Unknown) else document(policy.get("policy"), f"{origin} of {resource}")
        if text is not None:
            found[name if isinstance(name, str) else origin] = text
    return found


def _attached(resource: Resource) -> list[str]:
    """Return the managed policies in the arguments of a role."""
    return [str(arn) for arn in resource.require("managedPolicyArns") or ()]
