"""The graph that a living cluster would have if it had what the states declare.

Objects that the states declare are as in the states. Access that is in no state is left out, or kept. All others are
those of the living cluster: what EKS and Kubernetes create, undeclared principals and RBAC roles, pods and nodes. So
the difference of the two graphs is drift, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Cluster, IamPrincipal, PodIdentityAssociation, Unknown
from eks_access.graph.kubernetes_objects import AwsAuthConfigMap, RbacBinding, ServiceAccount
from eks_access.graph.tables import Part, Table
from eks_access.questions.drift import unmanaged
from eks_access.questions.drift.declared import Declared
from eks_access.questions.drift.unmanaged import is_made_by_aws, is_made_by_kubernetes, undeclared_policies
from eks_identity.errors import InvalidInput
from eks_identity.model.annotations import ROLE_ARN
from eks_identity.model.aws_auth import ACCOUNTS, AwsAuth, Entry, UserMapping
from eks_identity.model.existing_entries import ExistingEntry

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


Keeps = Callable[[str], bool]
"""Whether an object that is in no state stays, by the name that `UnmanagedAccess` gives it."""


def expected_graph(declared: Declared, live: AccessGraph, keeps: Keeps) -> AccessGraph:
    """Return the graph with the declared objects, and those that are in no state and that `keeps` selects."""
    expected = _Expected(declared, live, keeps)
    return replace(
        live,
        source=declared.source,
        cluster=Part(expected.cluster),
        principals=expected.table("principals", expected.principal),
        groups=expected.table("groups"),
        policies=expected.table("policies", _resolved),
        oidc_providers=expected.table("oidc_providers"),
        entries=expected.table("entries", expected.entry, expected.undeclared_entry),
        aws_auth=Part(expected.aws_auth),
        associations=expected.table("associations", _association, expected.undeclared_association),
        rbac_roles=expected.table("rbac_roles"),
        rbac_bindings=expected.table("rbac_bindings", undeclared=expected.undeclared_binding),
        service_accounts=expected.table(
            "service_accounts", expected.service_account, expected.undeclared_service_account
        ),
    )


def _as_declared(declared: V, _live: V | None) -> V:
    return declared


def _as_it_is(live: V) -> V | None:
    return live


class _Expected:
    """The objects of the graph, each from its declaration and from the living object."""

    def __init__(self, declared: Declared, live: AccessGraph, keeps: Keeps) -> None:
        self._declared = declared
        self._live = live
        self._keeps = keeps

    def table(
        self,
        name: str,
        as_declared: Callable[[Any, Any], Any] = _as_declared,
        undeclared: Callable[[Any], Any | None] = _as_it_is,
    ) -> Table[Any, Any]:
        """Return a table. `as_declared` gets the declared and the living object, `undeclared` the living one."""
        live: Table[Any, Any] = getattr(self._live, name)
        declared: Mapping[Any, Any] = getattr(self._declared, name)
        secret_keys = self._declared.secret_keys.get(name, set())

        def other(key: Any, value: Any) -> Any:
            return value if key in secret_keys else undeclared(value)

        def every() -> dict[Any, Any]:
            existing = live.all()
            found = {key: other(key, value) for key, value in existing.items() if key not in declared}
            found |= {key: as_declared(value, existing.get(key)) for key, value in declared.items()}
            return {key: value for key, value in found.items() if value is not None}

        def one(key: Any) -> Any:
            existing = live.get(key)
            if key in declared:
                return as_declared(declared[key], existing)
            return None if existing is None else other(key, existing)

        return Table(every, one, gaps=live.gaps, account=live.account)

    def cluster(self) -> Cluster:
        live = self._live.cluster.get()
        return replace(live, authentication_mode=self._declared.authentication_mode or live.authentication_mode)

    def principal(self, declared: IamPrincipal, live: IamPrincipal | None) -> IamPrincipal:
        if live is None:
            return replace(declared, other_policies=None)
        inline = {
            name: _resolved(policy, live.inline_policies.get(name)) for name, policy in declared.inline_policies.items()
        }
        more_inline, more_attached = undeclared_policies(declared, live)
        inline |= {
            name: live.inline_policies[name]
            for name in more_inline
            if self._keeps(unmanaged.inline_policy_name(name, live.arn))
        }
        more_attached = tuple(
            arn for arn in more_attached if self._keeps(unmanaged.attached_policy_name(arn, live.arn))
        )
        return replace(
            live,
            created_at=_creation(declared, live),
            trust_policy=_resolved(declared.trust_policy, live.trust_policy),
            inline_policies={name: policy for name, policy in inline.items() if policy is not None},
            attached_policies=declared.attached_policies + more_attached,
            boundary=_resolved(declared.boundary, live.boundary),
        )

    def entry(self, declared: ExistingEntry, live: ExistingEntry | None) -> ExistingEntry:
        if live is None:
            return declared
        own, arn = {policy.arn for policy in declared.policies}, declared.principal_arn
        more = tuple(
            policy
            for policy in live.policies
            if policy.arn not in own and self._keeps(unmanaged.access_policy_name(policy, arn))
        )
        return replace(declared, policies=declared.policies + more, created_at=live.created_at or declared.created_at)

    def undeclared_entry(self, live: ExistingEntry) -> ExistingEntry | None:
        stays = self._keeps(unmanaged.entry_name(live.principal_arn)) or self._declared.is_as_migrated(live)
        return live if stays or is_made_by_aws(live, self._live) else None

    def undeclared_association(self, live: PodIdentityAssociation) -> PodIdentityAssociation | None:
        return live if self._keeps(unmanaged.association_name(live)) or live.owner_arn is not None else None

    def undeclared_binding(self, live: RbacBinding) -> RbacBinding | None:
        return live if self._keeps(str(live)) or is_made_by_kubernetes(live) else None

    def service_account(self, declared: ServiceAccount, live: ServiceAccount | None) -> ServiceAccount:
        if live is None:
            return declared
        annotations = {
            name: _resolved(value, live.annotations.get(name)) for name, value in declared.annotations.items()
        }
        if ROLE_ARN in live.annotations and self._keeps(unmanaged.annotation_name(live)):
            annotations.setdefault(ROLE_ARN, live.annotations[ROLE_ARN])
        others = {name: value for name, value in live.annotations.items() if name != ROLE_ARN}
        resolved = {name: value for name, value in annotations.items() if value is not None}
        return replace(declared, annotations=others | resolved)

    def undeclared_service_account(self, live: ServiceAccount) -> ServiceAccount:
        if self._keeps(unmanaged.annotation_name(live)):
            return live
        return replace(live, annotations={key: value for key, value in live.annotations.items() if key != ROLE_ARN})

    def aws_auth(self) -> AwsAuthConfigMap:
        live = self._live.aws_auth.get()
        document = live.document
        for entry in reversed(live.document.entries):  # from the end: the others keep their places
            if self._is_undeclared(entry) and not self._keeps(unmanaged.mapping_name(entry.arn)):
                document = document.without(entry)
        accounts = [
            each
            for each in document.accounts
            if each in self._declared.accounts or self._keeps(unmanaged.account_name(each or ""))
        ]
        if len(accounts) < len(document.accounts):
            document = AwsAuth.parse({**document.data, ACCOUNTS: json.dumps(accounts)})
        for declared in self._declared.mappings.values():
            document = _with_mapping(document, declared)
        return replace(live, data=document.data)

    def _is_undeclared(self, entry: Entry) -> bool:
        arn = entry.arn.lower()
        is_declared = arn in self._declared.mappings or arn in self._declared.secret_mappings
        return not is_declared and not entry.is_node


def _creation(declared: IamPrincipal, live: IamPrincipal) -> datetime | None:
    """Return the time of creation of the declared principal; None if the state does not have it, and it was replaced.

    A state has times without fractions of a second, and of users none: those of the same principal are AWS's.
    """
    if declared.unique_id and declared.unique_id != live.unique_id:
        return declared.created_at
    is_same = bool(declared.unique_id) or declared.created_at is None
    return live.created_at if is_same else declared.created_at


def _with_mapping(document: AwsAuth, declared: Entry) -> AwsAuth:
    """Return aws-auth with a declared entry, and no other entry of its ARN."""
    mapping = UserMapping(declared.arn, declared.username or "", declared.groups)
    existing = document.find(declared.arn)
    if len(existing) == 1 and existing[0].is_same(mapping):
        return document
    for entry in sorted(existing, key=lambda each: each.index, reverse=True):
        document = document.without(entry)
    try:
        return document.add(mapping)
    except InvalidInput:
        return document  # the declared ARN matches no principal


def _association(declared: PodIdentityAssociation, live: PodIdentityAssociation | None) -> PodIdentityAssociation:
    role_arn = _resolved(declared.role_arn, live.role_arn if live else declared.role_arn)
    target = _resolved(declared.target_role_arn, live.target_role_arn if live else None)
    return replace(declared, role_arn=role_arn, target_role_arn=target)


def _resolved(declared: T | Unknown, live: T | Unknown | None) -> Any:
    """Return a declared value; the living one if the state has it only as a secret."""
    return live if isinstance(declared, Unknown) else declared
